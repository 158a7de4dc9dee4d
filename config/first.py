"""What an empty Tagdesk gets: a first user, who may do everything, and the sample project."""

import getpass

from django.contrib.auth.models import User
from django.core.management import call_command, get_commands


def first_user() -> User | None:
    return User.objects.filter(is_active=True, is_superuser=True).order_by("pk").first()


def create_first_user() -> User:
    """The person who set Tagdesk up, made where there is no user at all."""
    person = first_user()
    if person is None:
        person = User.objects.create_superuser(_login_name(), password=None)
    return person


def create_sample(owner: User) -> None:
    if "create_sample" in get_commands():
        call_command("create_sample", owner.get_username())


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "editor"
