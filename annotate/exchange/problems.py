"""The list of what is wrong and odd about an import's records: all of it in a file, the first of it at hand."""

import json
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from annotate.exchange.records import Problem

SHOWN = 100


class ProblemList:
    """JSON Lines of every problem at `path`, written as they come; counts and the first hundred stay in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.errors = 0
        self.notices = 0
        self.shown: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._file = self.path.open("w", encoding="utf-8")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._file.close()

    def add(self, problems: Iterable[Problem], file: str = "") -> None:
        """Note problems of a record; `file` names the file where an import has several."""
        for problem in problems:
            row = {"file": file, **problem._asdict()} if file else problem._asdict()
            self.errors += problem.severity == "error"
            self.notices += problem.severity == "notice"
            if len(self.shown) < SHOWN:
                self.shown.append(row)
            self._file.write(json.dumps(row, ensure_ascii=False) + "\n")
