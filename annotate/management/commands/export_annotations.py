import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from annotate.exchange import exporting
from annotate.exchange.formats import WRITERS
from annotate.exchange.records import FormatError
from annotate.management.finding import project_named


class Command(BaseCommand):
    help = "Write a project's finished articles to a file. Exit code: 0 written, 1 nothing written, 2 wrong usage."

    written = 0  # articles

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project")
        parser.add_argument("--format", choices=sorted(WRITERS), default="jsonl")
        parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="- writes to standard output")
        parser.add_argument("--all", action="store_true", help="unfinished articles too")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        everything = options["all"]
        count = exporting.documents(project, options["format"], everything).count()
        if not count:
            raise CommandError(f"No article is {'begun' if everything else 'finished'}: there is nothing to export.")
        with tqdm(total=count, desc="Exporting", unit="article", disable=options["verbosity"] == 0) as bar:
            try:
                written = exporting.written(project, options["format"], everything, lambda: self._count(bar))
            except FormatError as error:  # the format's library is missing
                raise CommandError(str(error)) from error
            if str(options["output"]) == "-":
                self.stdout.flush()
                _write(written, sys.stdout.buffer)
                return
            try:
                _write_aside(written, options["output"])
            except OSError as error:
                raise CommandError(f"{options['output']} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"{self.written:,} articles written to {options['output']}")

    def _count(self, bar: "tqdm[Any]") -> None:
        self.written += 1
        bar.update()


def _write(pieces: Iterator[bytes], target: BinaryIO) -> None:
    target.writelines(pieces)


def _write_aside(pieces: Iterator[bytes], path: Path) -> None:
    """Write beside the file and move it there when whole, so that nobody reads half an export."""
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("wb") as target:
            _write(pieces, target)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
