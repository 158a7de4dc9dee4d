from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotate.queue import QueueDown, ping


class Command(BaseCommand):
    help = "Work through one queue: trainings, imports and exports, or predictions"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("queue", choices=["train", "io", "predict"])
        parser.add_argument("--burst", action="store_true", help="end when the queue is empty")

    def handle(self, *args: Any, queue: str, burst: bool, **options: Any) -> None:
        try:
            ping()
        except QueueDown as error:
            raise CommandError(str(error)) from error
        from config import workers

        workers.preload(queue)
        workers.build(queue).work(burst=burst, logging_level="WARNING")
