from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from config.first import first_user
from config.models import LIFETIME, SignInLink


class Command(BaseCommand):
    help = "Print a link that signs a person in, once"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", nargs="?", help="user name; without it the one who set Tagdesk up")
        parser.add_argument("--base", default="http://127.0.0.1:8000", help="address of the site (%(default)s)")

    def handle(self, *args: Any, user: str | None, base: str, **options: Any) -> None:
        users = User.objects
        person = users.filter(username=user, is_active=True).first() if user else first_user()
        if person is None:
            raise CommandError(f"There is no user {user!r}." if user else "There is no user yet: run `make run` first.")
        token = SignInLink.objects.issue(person)
        self.stderr.write(f"Signs in {person}, once, within {LIFETIME.total_seconds() / 3600:.0f} hours:")
        self.stdout.write(f"{base.rstrip('/')}/sign-in/{token}")
