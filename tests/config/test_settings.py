"""The settings and what they load, in a Python of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOADED = """
import json, sys, django
django.setup()
import config.urls, config.wsgi
from django.urls import get_resolver
get_resolver().url_patterns
print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))
"""


def python(data: Path, program: str, **variables: str) -> Any:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("TAGDESK", "DATABASE"))}
    environment |= {"DJANGO_SETTINGS_MODULE": "config.settings", "TAGDESK_DATA": str(data), **variables}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def settings(data: Path, *names: str, **variables: str) -> Any:
    program = f"import json; from config import settings as s; print(json.dumps([getattr(s, n) for n in {names!r}]))"
    return python(data, program, **variables)


def test_the_web_process_loads_no_model_library(tmp_path: Path) -> None:
    loaded = python(tmp_path, LOADED)
    assert "django" in loaded
    assert not {"torch", "transformers", "datasets", "accelerate", "sklearn", "scipy", "pandas", "pyarrow"} & set(
        loaded
    )


def test_nobody_sees_a_stack_trace_unless_asked(tmp_path: Path) -> None:
    assert settings(tmp_path, "DEBUG") == [False]
    assert settings(tmp_path, "DEBUG", TAGDESK_DEBUG="1") == [True]


def test_behind_tls_everything_stays_behind_tls(tmp_path: Path) -> None:
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "CSRF_TRUSTED_ORIGINS")
    assert settings(tmp_path, *names) == [False, False, False, []]
    secure = settings(tmp_path, *names, TAGDESK_HTTPS="1", TAGDESK_HOSTS="tag.example, desk.example")
    assert secure == [True, True, True, ["https://tag.example", "https://desk.example"]]


def test_tls_is_promised_for_this_host_and_not_for_its_neighbours(tmp_path: Path) -> None:
    names = ("SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD")
    assert settings(tmp_path, *names) == [0, False, False]
    assert settings(tmp_path, *names, TAGDESK_HTTPS="1") == [365 * 24 * 3600, False, False]


def test_hosts_are_added_to_those_of_this_machine(tmp_path: Path) -> None:
    [hosts] = settings(tmp_path, "ALLOWED_HOSTS", TAGDESK_HOSTS="tag.example")
    assert hosts == ["localhost", "127.0.0.1", "[::1]", "tag.example"]


def test_a_server_of_ones_own_takes_the_place_of_the_embedded_queue(tmp_path: Path) -> None:
    assert settings(tmp_path, "TAGDESK_EMBEDDED_QUEUE") == [True]
    own = settings(tmp_path, "TAGDESK_EMBEDDED_QUEUE", "REDIS_URL", REDIS_URL="redis://queue:6379/0")
    assert own == [False, "redis://queue:6379/0"]


def test_no_job_is_ended_by_a_clock_and_none_is_pickled(tmp_path: Path) -> None:
    [queues] = settings(tmp_path, "RQ_QUEUES")
    assert set(queues) == {"train", "io", "predict"}
    for queue in queues.values():
        assert (queue["DEFAULT_TIMEOUT"], queue["SERIALIZER"]) == (-1, "rq.serializers.JSONSerializer")


def test_sqlite_is_set_so_that_readers_pass_a_writer_and_writers_wait(tmp_path: Path) -> None:
    program = (
        "import json, django; django.setup()\nfrom django.db import connection as c\n"
        "ask = lambda name: c.cursor().execute(f'PRAGMA {name}').fetchone()[0]\n"
        "print(json.dumps([ask('journal_mode'), ask('busy_timeout')]))"
    )
    assert python(tmp_path, program) == ["wal", 20_000]


def test_an_acknowledged_change_survives_a_power_cut(tmp_path: Path) -> None:
    program = (
        "import json, django; django.setup()\nfrom django.db import connection as c\n"
        "cursor = c.cursor(); cursor.execute('PRAGMA synchronous'); full = cursor.fetchone()[0]\n"
        "print(json.dumps([full, c.settings_dict['OPTIONS']['transaction_mode'], c.settings_dict['ATOMIC_REQUESTS']]))"
    )
    assert python(tmp_path, program) == [2, "IMMEDIATE", False]


def test_internal_addresses_are_asked_where_they_are_named_alone(tmp_path: Path) -> None:
    program = "import json; from config import settings as s; print(json.dumps(list(map(str, s.TAGDESK_INTERNAL))))"
    assert python(tmp_path, program) == []
    assert python(tmp_path, program, TAGDESK_INTERNAL="10.1.0.0/16, ::1") == ["10.1.0.0/16", "::1/128"]
    with pytest.raises(subprocess.CalledProcessError) as refused:
        python(tmp_path, program, TAGDESK_INTERNAL="everything")
    assert "TAGDESK_INTERNAL takes networks or addresses" in refused.value.stderr


def test_nothing_is_fetched_from_the_web_unless_asked(tmp_path: Path) -> None:
    assert settings(tmp_path, "TAGDESK_FETCH") == [False]
    assert settings(tmp_path, "TAGDESK_FETCH", TAGDESK_FETCH="1") == [True]
