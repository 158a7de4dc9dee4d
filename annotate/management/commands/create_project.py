from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import transaction

from annotate.management.base import ToldCommand
from annotate.models import Project


class Command(ToldCommand):
    help = "Make a project and print its short name. Exit code: 0 made, 1 not made, 2 wrong usage."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name")
        parser.add_argument("--labels", required=True, help="separated by commas: PER,ORG,LOC,MISC")
        parser.add_argument("--manager", metavar="USER", help="who may manage it, beside superusers")
        parser.add_argument("--validation", type=int, default=20, metavar="PERCENT", help="held out (default 20)")
        parser.add_argument("--test", type=int, default=0, metavar="PERCENT", help="held out to the end (default 0)")

    def handle(self, *args: Any, **options: Any) -> None:
        labels = [name.strip() for name in options["labels"].split(",") if name.strip()]
        if not labels:
            raise CommandError("Give at least one label.")
        manager = self._user(options["manager"]) if options["manager"] else None
        shares = {"validation_share": options["validation"], "test_share": options["test"]}
        try:
            with transaction.atomic():
                project = Project.begin(options["name"], labels, manager, **shares)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.say(project.slug)
        self.answer({"status": "done", "project": project.slug, "labels": project.label_names()})

    def _user(self, name: str) -> User:
        try:
            return User.objects.get(username=name)
        except User.DoesNotExist:
            raise CommandError(f"There is no user “{name}”.") from None
