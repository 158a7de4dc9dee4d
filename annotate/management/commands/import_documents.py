import re
from argparse import ArgumentParser, ArgumentTypeError
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from tqdm import tqdm

from annotate import schemes, uploads
from annotate.exchange import fields, importing
from annotate.exchange.already import told
from annotate.exchange.choices import CHOICES, EDGES, EXACT, NEAR, OVERLAPS, TAKEN
from annotate.exchange.formats import READERS
from annotate.exchange.spans import LONGEST_LABEL
from annotate.management.finding import project_named
from annotate.models import Import, Project
from annotate.models.project import LABEL_PATTERN, twins

Status = Import.Status
PROBLEMS_PRINTED = 20


class Command(BaseCommand):
    help = (
        "Import articles from files, all or nothing. Exit code: 0 all that was asked for is in (with --on-error skip, "
        "all but the records listed), 1 nothing was imported, 2 wrong usage."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project")
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--format", choices=["auto", *READERS], default="auto")
        parser.add_argument("--scheme", choices=["auto", *schemes.TITLES], default="auto")
        parser.add_argument("--on-error", choices=["repair", "skip", "fail"], default="fail")
        parser.add_argument("--split", choices=["auto", "train", "validation", "test"], default="auto")
        parser.add_argument("--as", choices=["finished", "suggestions"], default="finished", dest="as_")
        parser.add_argument("--edges", choices=[*EDGES], default="", help="spans that begin or end inside a token")
        parser.add_argument("--overlaps", choices=[*OVERLAPS], default="", help="spans that overlap: which is kept")
        parser.add_argument("--duplicates", choices=[*EXACT], default="skip", dest="exact")
        parser.add_argument("--near-duplicates", choices=[*NEAR], default="keep", dest="near")
        parser.add_argument(
            "--taken-ids", choices=[*TAKEN], default="skip", dest="taken", help="ids that are there with another text"
        )
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            type=_pair,
            metavar="LABEL=NAME",
            help="what a label becomes",
        )
        parser.add_argument(
            "--leave-out", action="append", default=[], metavar="LABEL", help="a label whose spans stay out"
        )
        parser.add_argument("--text-column", default="", metavar="NAME", help="the column or key that holds the text")
        parser.add_argument(
            "--columns",
            default="",
            metavar="PAIRS",
            help=f"columns of a table by their names, for {', '.join(fields.WISHED)}: title=Headline,date=Day",
        )
        parser.add_argument(
            "--tag-column", type=int, default=0, metavar="N", help="of CoNLL: from 1, or -1 for the last"
        )
        parser.add_argument(
            "--blank-lines",
            type=int,
            default=0,
            metavar="N",
            help="as many part the articles of a text file; 0, the default: a file is one article",
        )
        parser.add_argument(
            "--label-list", default="", metavar="TAGS", help="what integer tags stand for: O,B-PER,I-PER"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        quiet = options["verbosity"] == 0
        row = self._pass(self._receive(project, options), "Reading", quiet)
        self._tell_problems(row.preview, quiet)
        self._tell_labels(row)
        row = self._pass(_confirmed(row, options["on_error"]), "Importing", quiet)
        report = row.report
        self.stdout.write(
            f"{report['articles']:,} articles, {report['tokens']:,} tokens, {report['entities']:,} entities imported; "
            f"{report['left_out']:,} left out, {report['repaired']:,} repaired, {report['aside']:,} held aside."
        )
        if known := told(report["known"]):
            self.stdout.write(f"Of the file's articles {', '.join(known)}.")
        twin = twins(project.label_names())
        for name in report["new_labels"]:
            like = f", which differs from {twin[name]} by its case alone" if name in twin else ""
            self.stdout.write(f"New label: {name}{like}")
        if row.problems_path and (report["errors"] or report["notices"]):
            self.stdout.write(f"All problems, a line each: {uploads.problems_file(row)}")

    def _receive(self, project: Project, options: dict[str, Any]) -> Import:
        names = ("format", "scheme", "on_error", "split", "as_", "text_column", "tag_column", "blank_lines", *CHOICES)
        chosen: dict[str, Any] = {name: options[name] for name in names}
        try:
            chosen["columns"] = fields.wished(options["columns"])
        except ValueError as error:
            raise CommandError(str(error), returncode=2) from error
        chosen["labels"] = {**dict(options["map"]), **dict.fromkeys(options["leave_out"], "")}
        chosen["label_list"] = [tag.strip() for tag in options["label_list"].split(",") if tag.strip()]
        with ExitStack() as stack:
            try:
                sources = [File(stack.enter_context(path.open("rb")), name=path.name) for path in options["files"]]
            except OSError as error:
                raise CommandError(f"{error.filename} cannot be read: {error.strerror}.") from error
            try:
                return uploads.receive(project, None, sources, chosen, here=True)
            except uploads.NotKept as error:
                raise CommandError(str(error)) from error

    def _pass(self, row: Import, title: str, quiet: bool) -> Import:
        """Do one of the two passes here, instead of a worker, under a progress bar. Raises CommandError if it fails."""
        with tqdm(total=row.size, desc=title, unit="B", unit_scale=True, disable=quiet) as bar:
            work = importing.check if row.status == Status.CHECKING else importing.run
            work(row, lambda done: bar.update(max(0, done - bar.n)))
        row.refresh_from_db()
        if row.status not in {Status.CHECKED, Status.DONE}:
            raise CommandError(f"{row.error or 'The import was cancelled.'} Nothing was imported.")
        return row

    def _tell_labels(self, row: Import) -> None:
        """Say which labels were named that the file does not have: most likely misspelt."""
        for name in row.options["labels"]:
            if name not in row.preview["labels"]:
                self.stderr.write(f"notice: The file has no label {name}.")

    def _tell_problems(self, preview: dict[str, Any], quiet: bool) -> None:
        self.stdout.write(f"Understood as {preview['format']} {preview['scheme'].upper()}".rstrip())
        if quiet:
            return
        for problem in preview["problems"][:PROBLEMS_PRINTED]:
            place = f"{problem['file']} " if "file" in problem else ""
            self.stderr.write(f"{problem['severity']}: {place}line {problem['line']}: {problem['message']}")
        more = preview["errors"] + preview["notices"] - PROBLEMS_PRINTED
        if more > 0:
            self.stderr.write(f"... and {more:,} more")


def _pair(value: str) -> tuple[str, str]:
    label, _, name = value.rpartition("=")
    if not label or len(name) > LONGEST_LABEL or not re.match(LABEL_PATTERN, name):
        raise ArgumentTypeError(f"{value!r} is not LABEL=NAME, where NAME can be a label")
    return label, name


def _confirmed(row: Import, on_error: str) -> Import:
    """Claim the checked import in the moment it is confirmed, since a worker takes what waits."""
    with transaction.atomic():
        Import.objects.confirm(row, on_error)
        claimed = Import.objects.claim(row.pk, Status.CONFIRMED, Status.IMPORTING)
    if claimed is None:
        raise CommandError("Somebody has confirmed or cancelled this import on its page meanwhile.")
    return claimed
