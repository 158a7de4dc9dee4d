import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from annotate.exchange import exporting
from annotate.management.finding import project_named
from annotate.models import Project


class Command(BaseCommand):
    help = "Write a project's finished articles to a file. Exit code: 0 written, 1 nothing written, 2 wrong usage."

    written = 0  # articles

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project")
        parser.add_argument("--format", choices=sorted(exporting.FORMATS), default="jsonl")
        parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="- writes to standard output")
        parser.add_argument("--all", action="store_true", help="unfinished articles too")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        everything = options["all"]
        count = exporting.documents(project, options["format"], everything).count()
        if not count:
            raise CommandError(f"No article is {'begun' if everything else 'finished'}: there is nothing to export.")
        with tqdm(total=count, desc="Exporting", unit="article", disable=options["verbosity"] == 0) as bar:
            lines = self._lines(project, options["format"], everything, bar)
            if str(options["output"]) == "-":
                _write(lines, sys.stdout)
                return
            try:
                _write_aside(lines, options["output"])
            except OSError as error:
                raise CommandError(f"{options['output']} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"{self.written:,} articles written to {options['output']}")

    def _lines(self, project: Project, kind: str, everything: bool, bar: "tqdm[Any]") -> Iterator[str]:
        starts_article = "-DOCSTART- -X-" if kind == "conll2003" else "{"
        for line in exporting.lines(project, kind, everything):
            yield line
            is_new = line.startswith(starts_article)
            self.written += is_new
            bar.update(is_new)


def _write(lines: Iterator[str], target: TextIO) -> None:
    target.writelines(lines)


def _write_aside(lines: Iterator[str], path: Path) -> None:
    """Write beside the file and move it there when whole, so that nobody reads half an export."""
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("w", encoding="utf-8", newline="\n") as target:
            _write(lines, target)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
