"""The list of what is wrong and odd about an import's records: all of it in a file, the first of it at hand."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from annotate import spreadsheet
from annotate.exchange.records import Problem, Record

SHOWN = 100
BEGINNING = 200  # code points of an article that is only odd, and not at fault
LONGEST_CELL = 32_000  # code points: a spreadsheet takes 32,767
COLUMNS = ("severity", "file", "line", "record", "token", "tag", "kind", "message", "id", "title", "text")


class ProblemList:
    """JSON Lines of every problem at `path`, written as they come; counts and the first hundred stay in memory.

    The first line about a record at fault holds the record, as far as it could be read; one that is only odd shows how
    its text begins.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.errors = 0
        self.notices = 0
        self.shown: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        # Half a character becomes its escape, which JSON reads back.
        self._file = self.path.open("w", encoding="utf-8", errors="backslashreplace")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._file.close()

    def add(self, record: Record, problems: Iterable[Problem], file: str = "") -> None:
        """Note problems of a record; `file` names the file where an import has several."""
        about = None
        for problem in problems:
            row = {"file": file, **problem._asdict()} if file else problem._asdict()
            self.errors += problem.severity == "error"
            self.notices += problem.severity == "notice"
            if len(self.shown) < SHOWN:
                self.shown.append(row)
            if about is None:
                about = _known_of(record)
                row = {**row, "article": about}
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")


def csv_lines(path: Path) -> Iterator[str]:
    """The list at `path` as a table: a header, then a line for each problem."""
    with path.open(encoding="utf-8") as lines:
        yield from spreadsheet.csv_lines(COLUMNS, (_cells(json.loads(line)) for line in lines))


def _known_of(record: Record) -> dict[str, Any]:
    """What is known of a record, without what is empty."""
    names = {"id": record.external_id, "title": record.title}
    if record.errors:
        names |= {name: getattr(record, name) for name in ("text", "words", "tags", "spans", "metadata")}
    else:
        names["text"] = (record.text or " ".join(record.words or []))[:BEGINNING]
    return {name: value for name, value in names.items() if value}


def _cells(row: dict[str, Any]) -> list[str]:
    article = row.get("article", {})
    text = article.get("text") or " ".join(article.get("words", ()))
    told = {**row, "id": article.get("id"), "title": article.get("title"), "text": text[:LONGEST_CELL]}
    return ["" if told.get(name) is None else str(told[name]) for name in COLUMNS]
