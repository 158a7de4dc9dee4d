"""The benchmark of import and export, on a few articles: that it measures the product, and says what it measured."""

import json
from pathlib import Path

import pytest

from annotate.models import Document, NearKey
from bench.articles import articles
from bench.io import rows, told, until, write
from bench.io_parts import Clock, added, exported, imported

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write(tmp_path / "some.jsonl", rows(articles(12), with_spans=True))
    return tmp_path / "some.jsonl"


def test_articles_come_in_with_ten_spans_each_and_every_second_is_told(file: Path) -> None:
    found = imported(file, bare=False)
    assert (found["articles"], found["entities"]) == (12, 120)
    alone = {"reading_alone", "hashing_alone"}
    assert set(found["seconds"]) == {"check", "import", "read", "write", "show"} | alone
    assert NearKey.objects.exists()
    assert Document.objects.present().count() == 12
    (line, *_) = [line for line in told({"fsync_ms": 1, "text": found}) if line.startswith("text")]
    assert "12 articles" in line


def test_without_near_duplicates_and_index_all_else_is_the_same(file: Path) -> None:
    assert imported(file, bare=True)["entities"] == 120
    assert not NearKey.objects.exists()


def test_articles_come_in_through_the_api_once(file: Path) -> None:
    assert added(file)["articles"] == 12


def test_an_export_is_written_whole(file: Path, tmp_path: Path) -> None:
    imported(file, bare=False)
    assert exported("jsonl", tmp_path / "out")["articles"] == 12
    assert len([json.loads(line)["tags"] for line in (tmp_path / "out").open()]) == 12


def test_a_large_file_ends_when_it_is_large_enough() -> None:
    assert list(until(5, ["abc", "def", "ghi"])) == ["abc", "def"]


def test_a_clock_knows_the_longest_stretch_of_a_phase() -> None:
    clock = Clock()
    for _ in range(3):
        clock.timed("work", lambda: None)()
    assert clock.seconds["work"] >= clock.longest["work"] > 0
