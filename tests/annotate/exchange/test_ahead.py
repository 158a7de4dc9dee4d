"""What is worked out in a process of its own: all of it, in order, and nothing is left of it afterwards."""

import itertools
import multiprocessing
import os
import signal
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from annotate.exchange import reading
from annotate.exchange.ahead import ahead, can_fork
from annotate.exchange.records import FormatError
from annotate.models import Document, Import
from tests.annotate.exchange.handing_in import imported, row, upload
from tests.make import make_project

pytestmark = pytest.mark.skipif(not can_fork(), reason="One core, or a system where nothing forks")


def test_all_items_come_in_order_from_another_process() -> None:
    def numbers() -> Iterator[tuple[int, int]]:
        for number in range(101):
            yield number, os.getpid()

    found = list(ahead(numbers()))
    assert [number for number, _ in found] == list(range(101))
    assert os.getpid() not in {process for _, process in found}
    assert not multiprocessing.active_children()


def test_what_goes_wrong_there_is_raised_here_after_what_came_before() -> None:
    def breaks() -> Iterator[int]:
        yield 1
        raise FormatError("The file breaks at line 2.")

    found = ahead(breaks())
    assert next(found) == 1
    with pytest.raises(FormatError, match="line 2"):
        next(found)


def test_whoever_stops_early_leaves_no_process_behind() -> None:
    found = ahead(itertools.count())
    assert next(found) == 0
    found.close()
    assert not multiprocessing.active_children()


def test_a_process_that_is_killed_is_told() -> None:
    def dies() -> Iterator[int]:
        yield from range(20)
        os.kill(os.getpid(), signal.SIGKILL)

    found = ahead(dies())
    assert [next(found) for _ in range(20)] == list(range(20))
    with pytest.raises(OSError, match="ended without a word"):
        next(found)


def in_two_processes(waiting: Import, on_error: str = "fail") -> Import:
    with patch.object(reading, "LARGE", 0):
        return imported(waiting, on_error)


@pytest.mark.django_db
def test_a_large_file_comes_in_as_a_small_one_does() -> None:
    rows: list[dict[str, Any]] = [row(number) for number in range(60)]
    rows[7]["tags"].pop()
    rows[9]["tags"][3] = "I-PER"
    reports = []
    for way, name in ((imported, "one"), (in_two_processes, "two")):
        done = way(upload(make_project(name), rows), "repair")
        reports.append(done.report)
    assert reports[0] == reports[1]
    assert (reports[1]["articles"], reports[1]["left_out"], reports[1]["repaired"]) == (59, 1, 1)
    found = [Document.objects.filter(project__name=name).order_by("pk") for name in ("one", "two")]
    values = [list(some.values_list("external_id", "text", "tokens", "split", "group")) for some in found]
    assert values[0] == values[1]


@pytest.mark.django_db
def test_an_import_that_fails_at_a_record_lists_it_and_leaves_nothing() -> None:
    rows = [row(1), row(2)]
    rows[1]["tags"].pop()
    waiting = upload(make_project(), rows)
    done = in_two_processes(waiting)
    assert (done.status, done.error) == ("failed", "Line 2: The article has 41 tokens but 40 tags.")
    assert done.problems_path
    assert not Document.objects.exists()
