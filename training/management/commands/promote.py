from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from annotate.management.base import ToldCommand
from annotate.management.finding import project_named
from annotate.queue import QueueDown
from training import doorbell
from training.models import Version
from training.promoting import NotUsable, make_current

LATER = "Its suggestions are made as soon as the queue answers."


class Command(ToldCommand):
    help = "Make a version of a project's model current. Exit code: 0 it is, 1 it cannot be, 2 wrong usage."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("project", help="its short name, as in its address, or its name")
        parser.add_argument("version", type=int, help="the version's number")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        before = Version.current_of(project)
        versions = project.versions.select_related("project", "source", "deleted_by")
        version = versions.filter(number=options["version"]).first()
        if version is None:
            known = ", ".join(map(str, versions.order_by("number").values_list("number", flat=True))) or "none yet"
            raise CommandError(f"“{project}” has no version {options['version']}. There is: {known}.")
        changed = not version.is_current
        down = _make_current(version) if changed else ""
        was = before.number if before else None
        told = {"version": version.number, "was": was, "changed": changed, "notice": down}
        self.answer({"status": "done", "project": project.slug, **told})
        instead = f", instead of version {was}" if changed and was else ""
        self.say(f"Version {version.number} {'is current now' if changed else 'was current already'}{instead}.")
        if down:
            self.stderr.write(down)


def _make_current(version: Version) -> str:
    """Answers why its suggestions are not being made yet, in words; empty where they are."""
    try:
        make_current(version)
    except NotUsable as gone:
        raise CommandError(str(gone)) from gone
    try:
        doorbell.ring_for_predictions(version.source_id)
    except QueueDown as queue_down:
        return f"{queue_down} {LATER}"
    return ""
