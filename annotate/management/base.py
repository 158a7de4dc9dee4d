"""What the commands share: an outcome that programs can read, progress, and an end in words."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

STOPPED = 130  # the exit code that shells know for Ctrl-C


class ToldCommand(BaseCommand):
    """With --json all of standard output is one object, or one a line, where it fails too; else it is for people.
    `stopped` is what somebody reads who ends it with Ctrl-C: how things were left.
    """

    stopped = "Stopped. Nothing was changed."
    as_json = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON and nothing else")

    def execute(self, *args: Any, **options: Any) -> str | None:
        self.as_json = options["json"]
        try:
            return super().execute(*args, **options)
        except KeyboardInterrupt:
            self._fail(self.stopped)
            raise CommandError(self.stopped, returncode=STOPPED) from None
        except CommandError as error:
            self._fail(str(error))
            raise

    def say(self, line: str) -> None:
        """Tell people."""
        if not self.as_json:
            self.stdout.write(line)

    def answer(self, outcome: Mapping[str, Any]) -> None:
        """Tell programs: the outcome, or one line of it."""
        if self.as_json:
            self.stdout.write(json.dumps(outcome, default=str))

    def _fail(self, reason: str) -> None:
        self.answer({"status": "failed", "reason": reason})


def progress(title: str, total: int | None, unit: str, quiet: bool = False, **looks: Any) -> "tqdm[Any]":
    """A bar on standard error; silent where that is no terminal."""
    return tqdm(total=total, desc=title, unit=unit, file=sys.stderr, disable=quiet or None, **looks)
