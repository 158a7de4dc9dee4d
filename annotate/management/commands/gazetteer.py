import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from annotate.exchange.gazetteer import read
from annotate.exchange.records import FormatError
from annotate.management.base import ToldCommand
from annotate.management.finding import project_named
from annotate.models import Gazetteer, Project, Refused

FAULTS_PRINTED = 20


class Command(ToldCommand):
    help = (
        "Put a project's gazetteer (a mention, a tab and a label a line) in the place of the one there is, write it to "
        "a file, remove it, or tell of it. Exit code: 0 done, 1 not done, 2 wrong usage."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("project", help="its short name, as in its address, or its name")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--put", type=Path, metavar="FILE", help="replaces the one there is")
        what.add_argument("--output", type=Path, metavar="FILE", help="write it there; - is standard output")
        what.add_argument("--remove", action="store_true")
        parser.add_argument("--new-labels", choices=["refuse", "make"], default="refuse", help="of the file to put")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        if options["put"]:
            row: Gazetteer | None = _put(project, options["put"], options["new_labels"] == "make")
        else:
            row = Gazetteer.objects.select_related("project").filter(project=project).first()
        if options["output"]:
            self._write(row, options["output"])
        elif options["remove"]:
            _remove(row)
            row = None
        self._tell(row, project, quiet=str(options["output"]) == "-")

    def _write(self, row: Gazetteer | None, path: Path) -> None:
        if row is None:
            raise CommandError("This project has no gazetteer: there is nothing to write.")
        if str(path) == "-" and self.as_json:
            raise CommandError("Standard output holds the file or the outcome: not both.", returncode=2)
        content = "".join(f"{text}\t{label}\n" for text, label in row.entries()).encode()
        if str(path) == "-":
            self.stdout.flush()
            sys.stdout.buffer.write(content)
            return
        try:
            path.write_bytes(content)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error

    def _tell(self, row: Gazetteer | None, project: Project, quiet: bool) -> None:
        labels, left_out = (row.counts_now(), row.left_out) if row else ({}, 0)
        faults = [{"line": line, "reason": reason} for line, reason in row.faults] if row else []
        told = {"entries": sum(labels.values()), "labels": labels, "left_out": left_out, "faults": faults}
        self.answer({"status": "done", "project": project.slug, **told})
        if quiet or self.as_json:
            return
        for fault in faults[:FAULTS_PRINTED]:
            self.stderr.write(f"line {fault['line']}: {fault['reason']}")
        counted = ", ".join(f"{label} {count:,}" for label, count in labels.items())
        self.say(
            f"{sum(labels.values()):,} entries: {counted}; {left_out:,} lines left out." if row else "No gazetteer."
        )


def _put(project: Project, path: Path, make_labels: bool) -> Gazetteer:
    try:
        with path.open("rb") as stream:
            return Gazetteer.put(project, read(stream), name=path.name, make_labels=make_labels)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    except (FormatError, Refused) as error:
        raise CommandError(f"{error} Nothing was changed.") from error


def _remove(row: Gazetteer | None) -> None:
    if row is None:
        raise CommandError("This project has no gazetteer: there is nothing to remove.")
    row.remove()
