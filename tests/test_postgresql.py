"""A part of `make test-postgresql`, in `make test-all`: where much is left to the database."""

import subprocess
import sys

import pytest

PART = ("constraints", "desk", "listing", "writers", "exchange/test_storing")


@pytest.mark.slow
def test_what_is_left_to_the_database_is_the_same_on_postgresql() -> None:
    part = [f"tests/annotate/{name if '/' in name else f'test_{name}'}.py" for name in PART]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.postgresql", "-q", "-p", "no:cacheprovider", *part],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
