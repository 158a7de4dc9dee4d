import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from django.contrib.auth.models import User
from django.core.management.base import CommandError
from django.http import QueryDict

from annotate.exchange import exporting
from annotate.exchange.formats import WRITERS
from annotate.exchange.records import FormatError
from annotate.exchange.wanted import CannotHold, Wanted
from annotate.export_forms import wanted
from annotate.filtering import FilterForm
from annotate.management.base import ToldCommand, progress
from annotate.management.finding import project_named
from annotate.models import Project
from annotate.plural import counted

STANDARD = "-"  # standard output as a file
FILTERS = tuple(name for name in FilterForm.base_fields if name != "sort")


class Command(ToldCommand):
    help = "Write a project's finished articles to a file. Exit code: 0 written, 1 nothing written, 2 wrong usage."
    stopped = "Stopped. No file was written."

    written = 0  # articles

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("project")
        parser.add_argument("--format", choices=sorted(WRITERS), default="jsonl")
        parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="- writes to standard output")
        parser.add_argument("--all", action="store_true", help="unfinished articles too")
        parser.add_argument("--annotator", default="", metavar="USER", help="the articles that they finished, or began")
        parser.add_argument("--with-suggestions", action="store_true", help="in articles that nobody has finished")
        parser.add_argument("--with-provenance", action="store_true", help="who tagged what, when and how")
        for name in FILTERS:
            parser.add_argument(f"--{name}", default="", help="as the filter of the list of articles")

    def handle(self, *args: Any, **options: Any) -> None:
        project, kind, everything = project_named(options["project"]), options["format"], options["all"]
        is_standard = str(options["output"]) == STANDARD
        if is_standard and self.as_json:
            raise CommandError("Standard output holds the file or the outcome: not both.", returncode=2)
        along, chunks = _wanted(project, options), _found(project, options)
        chosen = exporting.documents(project, kind, everything, along)
        count = chosen.count() if chunks is None else sum(chosen.filter(pk__in=pks).count() for pks in chunks)
        if not count:
            raise CommandError(_nothing(everything, bool(along.by or chunks is not None)))
        with progress("Exporting", count, "article", options["verbosity"] == 0) as bar:

            def after_article() -> None:
                self.written += 1
                bar.update()

            try:
                pieces = exporting.written(project, kind, everything, after_article, along, chunks)
            except (FormatError, CannotHold) as error:  # FormatError: the format's library is missing
                raise CommandError(str(error)) from error
            self._write(pieces, options["output"])
        outcome = {"status": "done", "project": project.slug, "format": kind, "articles": self.written}
        self.answer({**outcome, "file": str(options["output"])})
        if not is_standard:
            self.say(f"{counted(self.written, 'article')} written to {options['output']}")

    def _write(self, pieces: Iterator[bytes], path: Path) -> None:
        if str(path) == STANDARD:
            self.stdout.flush()
            _write(pieces, sys.stdout.buffer)
            return
        try:
            _write_aside(pieces, path)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error


def _wanted(project: Project, options: Mapping[str, Any]) -> Wanted:
    try:
        return wanted(project, options["annotator"], options["with_suggestions"], options["with_provenance"])
    except User.DoesNotExist as error:
        raise CommandError(f"Nobody called “{options['annotator']}” tags in “{project}”.") from error


def _found(project: Project, options: Mapping[str, Any]) -> list[list[int]] | None:
    """The ids of the articles that the filters find; None where there is no filter."""
    given = QueryDict(mutable=True)
    given.update({name: options[name] for name in FILTERS if options[name]})
    if not given:
        return None
    form = FilterForm(project, given)
    if not form.is_valid():
        raise CommandError(" ".join(form.reasons()), returncode=2)
    return list(form.listing().chunks())


def _nothing(everything: bool, is_narrowed: bool) -> str:
    if is_narrowed:
        return "No article is like that: there is nothing to export."
    return f"No article is {'begun' if everything else 'finished'}: there is nothing to export."


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
