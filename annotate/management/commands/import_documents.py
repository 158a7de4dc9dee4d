from argparse import ArgumentParser
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.management.base import CommandError
from django.db import transaction

from annotate import uploads
from annotate.exchange import from_hub, hub, importing
from annotate.exchange.already import told
from annotate.exchange.records import FormatError
from annotate.management.base import ToldCommand, progress
from annotate.management.finding import project_named
from annotate.management.import_options import add_options, kept
from annotate.models import Import, Project
from annotate.models.project import twins
from annotate.plural import counted

Status = Import.Status
PROBLEMS_PRINTED = 20


class Command(ToldCommand):
    help = (
        "Import articles from files, all or nothing. Exit code: 0 all that was asked for is in (with --on-error skip, "
        "all but the records listed), 1 nothing was imported, 2 wrong usage."
    )
    stopped = "Stopped. Nothing was imported."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("project")
        parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
        parser.add_argument("--hub", default="", metavar="ID", help="a dataset of the Hugging Face hub: OWNER/NAME")
        parser.add_argument("--hub-config", default="", metavar="NAME", help="its configuration, where it has several")
        parser.add_argument("--hub-split", default="", metavar="NAME", help="its split; all without it")
        add_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        quiet = options["verbosity"] == 0 or self.as_json
        row = self._receive(project, options)
        try:
            row = self._pass(row, "Reading", quiet)
            self._tell_problems(row.preview, quiet)
            self._tell_labels(row)
            row = self._pass(_confirmed(row, options["on_error"]), "Importing", quiet)
        except KeyboardInterrupt:
            if importing.stop(row):
                raise
        self._tell_report(row)

    def _tell_report(self, row: Import) -> None:
        report, path = row.report, uploads.problems_file(row)
        self.answer(_outcome(row, path))
        self.say(
            f"{counted(report['articles'], 'article')}, {counted(report['tokens'], 'token')}, "
            f"{counted(report['entities'], 'entity', 'entities')} imported; "
            f"{report['left_out']:,} left out, {report['repaired']:,} repaired, {report['aside']:,} held aside."
        )
        if known := told(report["known"]):
            self.say(f"Among the file's articles: {', '.join(known)}.")
        twin = twins(row.project.label_names())
        for name in report["new_labels"]:
            like = f", which differs from {twin[name]} by its case alone" if name in twin else ""
            self.say(f"New label: {name}{like}")
        if path and (report["errors"] or report["notices"]):
            self.say(f"All problems, a line each: {path}")

    def _receive(self, project: Project, options: Mapping[str, Any]) -> Import:
        try:
            chosen = kept(options)
        except ValueError as error:
            raise CommandError(str(error), returncode=2) from error
        if options["hub"] or not options["files"]:
            return self._expect(project, options, chosen)
        with ExitStack() as stack:
            try:
                sources = [File(stack.enter_context(path.open("rb")), name=path.name) for path in options["files"]]
            except OSError as error:
                raise CommandError(f"{error.filename} cannot be read: {error.strerror}.") from error
            try:
                return uploads.receive(project, None, sources, chosen, here=True)
            except uploads.NotKept as error:
                raise CommandError(str(error)) from error

    def _expect(self, project: Project, options: Mapping[str, Any], chosen: dict[str, Any]) -> Import:
        """Open the import of a dataset of the hub."""
        if bool(options["hub"]) == bool(options["files"]):
            raise CommandError("Name files, or a dataset with --hub, and not both.", returncode=2)
        try:
            wanted = hub.Wanted(
                hub.named(options["hub"]), options["hub_config"], options["hub_split"], as_operator=True
            )
            return from_hub.expect(project, None, wanted, chosen, here=True)
        except (FormatError, uploads.NotKept) as error:
            raise CommandError(str(error)) from error

    def _pass(self, row: Import, title: str, quiet: bool) -> Import:
        """Do one of the two passes here, instead of a worker, under a progress bar. Raises CommandError if it fails."""
        with progress(title, row.size, "B", quiet, unit_scale=True) as bar:
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
        self.say(f"Understood as {preview['format']} {preview['scheme'].upper()}".rstrip())
        if quiet:
            return
        for problem in preview["problems"][:PROBLEMS_PRINTED]:
            place = f"{problem['file']} " if "file" in problem else ""
            self.stderr.write(f"{problem['severity']}: {place}line {problem['line']}: {problem['message']}")
        more = preview["errors"] + preview["notices"] - PROBLEMS_PRINTED
        if more > 0:
            self.stderr.write(f"... and {more:,} more")


def _confirmed(row: Import, on_error: str) -> Import:
    """Claim the checked import in the moment it is confirmed, since a worker takes what waits."""
    with transaction.atomic():
        Import.objects.confirm(row, on_error)
        claimed = Import.objects.claim(row.pk, Status.CONFIRMED, Status.IMPORTING)
    if claimed is None:
        raise CommandError("Somebody has confirmed or cancelled this import on its page meanwhile.")
    return claimed


def _outcome(row: Import, problems: Path | None) -> dict[str, Any]:
    plain = {name: value for name, value in row.report.items() if name != "problems"}
    understood = {name: row.preview[name] for name in ("format", "scheme")}
    found = {"problems": row.report["problems"], "problems_file": str(problems) if problems else None}
    return {"status": "done", "project": row.project.slug, "import": row.pk, **understood, **plain, **found}
