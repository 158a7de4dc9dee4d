"""The triggers that keep the list's narrow rows, its counts and the full-text index, on whatever path a row is
written: the desk, an import, a bulk action, a deletion, SQL by hand.

SQLite loses a table's triggers when a migration rebuilds the table, and refuses to rebuild one that a trigger of
another names. So they are taken down before a migration and put up after it, and what they keep is filled anew. Where
migrations are taken back to before the list had its columns of today, they stay down until it has them again.
"""

# ruff: noqa: S608 - no value of anybody's is in this SQL
from types import ModuleType
from typing import Any

from django.db import transaction

from annotate.triggers import postgresql, sqlite
from annotate.triggers.rows import LISTED, listed_from
from annotate.triggers.words import create_index, drop_index, fill_index, spaced, teach, unmarked

__all__ = ["create", "create_index", "drop", "drop_index", "fill_index", "fit", "refill", "spaced", "teach", "unmarked"]


def fit(connection: Any) -> bool:
    """Whether the list has the columns that the triggers name. Where migrations were taken back, it may have others;
    triggers that fail would then fail every edit.
    """
    with connection.cursor() as cursor:
        if "annotate_listed" not in connection.introspection.table_names(cursor):
            return False
        found = {column.name for column in connection.introspection.get_table_description(cursor, "annotate_listed")}
    return found == set(LISTED.split(", "))


def drop(connection: Any) -> None:
    """Take the triggers down."""
    with connection.cursor() as cursor:
        _of(connection).drop(cursor)


def create(connection: Any) -> None:
    """Put the triggers up, as this version of Tagdesk wants them."""
    drop(connection)
    with connection.cursor() as cursor:
        _of(connection).create(cursor)


def refill(connection: Any) -> None:
    """List all documents anew. The triggers of the list count them."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("DELETE FROM annotate_listed")
        cursor.execute("DELETE FROM annotate_tally")
        listed = listed_from(connection.vendor, "d")
        chosen = f"SELECT {listed} FROM annotate_document d WHERE d.deleted_at IS NULL"
        cursor.execute(f"INSERT INTO annotate_listed ({LISTED}) {chosen}")


def _of(connection: Any) -> ModuleType:
    return sqlite if connection.vendor == "sqlite" else postgresql
