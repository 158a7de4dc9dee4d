from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from annotate.management.base import ToldCommand
from training.folders import folder_of
from training.naming import version_named


class Command(ToldCommand):
    help = (
        "Push a version's folder, with its card, to the Hugging Face hub. The articles are not in it. "
        "Exit code 0: pushed, 1: not pushed, with the reason"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("version", help="PROJECT/NUMBER, as in city-desk/3; PROJECT alone is its current model")
        parser.add_argument("hub_id", help="where to, as in ada/news-entities; made where it is not there, private")
        parser.add_argument("--public", action="store_true", help="if it is made, let everybody read it")

    def handle(self, *args: Any, version: str, hub_id: str, public: bool, **options: Any) -> None:
        from training.engine import pushing

        found = version_named(version)
        try:
            told = f"Version {found.number} of {found.project.slug}"
            address = pushing.push(folder_of(found), hub_id, told, public)
        except pushing.NotPushed as reason:
            raise CommandError(str(reason)) from reason
        self.say(f"Version {found.number} is at {address}")
        self.answer({"status": "done", "version": found.number, "address": address})
