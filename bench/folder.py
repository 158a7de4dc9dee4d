"""Make a data folder for a benchmark: `TAGDESK_DATA=... python -m bench.folder --articles 10000`.

Prints one JSON object: the project's slug, the token of a sign-in link, articles to work on, and with `--long` the
articles that were added with so many tokens.
"""

import argparse
import json
import os
from typing import Any

import django

from bench.articles import articles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=1000)
    parser.add_argument("--sample", type=int, default=1000, help="how many articles to work on are named")
    parser.add_argument("--long", type=int, nargs="*", default=[], help="add an untouched article of so many tokens")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    print(json.dumps(prepare(options.articles, options.sample, options.long)))


def prepare(count: int, sample: int, lengths: list[int]) -> dict[str, Any]:
    """Tables, static files, a person who manages the project and is no superuser, and the articles."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection

    from bench.filling import add_untouched, fill, to_work_on
    from config.models import SignInLink
    from config.up import collect_static

    call_command("migrate", interactive=False, verbosity=0)
    collect_static()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA synchronous=OFF")  # of this connection alone
        user = User.objects.create_user("visitor")
        project = fill(articles(count), user)
        long = {length: add_untouched(project, next(articles(1, length=length))) for length in lengths}
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    signed = SignInLink.objects.issue(user)
    return {"slug": project.slug, "sign_in": signed, "long": long, **to_work_on(project, sample)}


if __name__ == "__main__":
    main()
