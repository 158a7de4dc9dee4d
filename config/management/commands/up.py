from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.up import CannotStart, Tagdesk


class Command(BaseCommand):
    help = "Run all of Tagdesk on this machine and print a link that signs you in"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="%(default)s; 0 takes any that is free")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s: this machine only)")
        parser.add_argument("--no-browser", action="store_true", help="open no browser")

    def handle(self, *args: Any, host: str, port: int, no_browser: bool, **options: Any) -> None:
        try:
            Tagdesk(host, port, self._say).run(open_browser=not no_browser)
        except CannotStart as error:
            raise CommandError(f"Tagdesk cannot start: {error}") from error
        except KeyboardInterrupt:  # before the processes are there; afterwards Ctrl-C ends them in order
            raise CommandError("Stopped before Tagdesk was ready.", returncode=130) from None

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
