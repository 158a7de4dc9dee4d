import json
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from annotate import exchange
from annotate.exchange.records import Options, Record, apply
from annotate.exchange.storing import store
from annotate.models import Project, State

FOLDER = settings.BASE_DIR / "samples"


class Command(BaseCommand):
    help = "Create the sample project: 66 short articles written for it, 24 of them tagged and finished."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("owner", help="Who manages it")

    def handle(self, *args: Any, owner: str, **options: Any) -> None:
        user = User.objects.filter(username=owner).first()
        if user is None:
            raise CommandError(f"There is no user “{owner}”.")
        with transaction.atomic():
            project = create_sample(user)
        self.stdout.write(f"“{project}” is ready: {project.documents.count()} articles.")


def create_sample(owner: User) -> Project:
    plan = json.loads((FOLDER / "project.json").read_text())
    project = Project.begin(plan["name"], [], owner, guideline=plan["guideline"])
    for label in plan["labels"]:
        project.add_label(label["name"], guideline=label["guideline"])
    with (FOLDER / "articles.jsonl").open("rb") as stream:
        records = list(exchange.read(stream, "articles.jsonl", Options()))
    finished = [record for record in records if record.status == State.FINISHED]
    raw = [replace(record, tags=None, spans=None) for record in records if record.status != State.FINISHED]
    store(project, _storable(finished), by=owner)
    store(project, _storable(raw), by=owner)
    return project


def _storable(records: list[Record]) -> list[Record]:
    return [record for record in (apply(one, "fail") for one in records) if record is not None]
