"""The triggers of PostgreSQL, each with a function of its name."""

# ruff: noqa: S608 - no value of anybody's is in this SQL
from typing import Any

from annotate.triggers.rows import HIDDEN, NOT_HIDDEN, RELIST, SHOWN, TAG, UNLIST, UNTAG, change, enlist
from annotate.triggers.words import vector


def drop(cursor: Any) -> None:
    for name, table, *_ in _all():
        cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")


def create(cursor: Any) -> None:
    for name, table, when, body in _all():
        cursor.execute(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$tagdesk$ BEGIN {body} RETURN NULL; END $tagdesk$"
        )
        cursor.execute(f"CREATE TRIGGER {name} AFTER {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")


def _all() -> list[tuple[str, str, str, str]]:
    """Name, table, event and body of each."""
    document, counts, listed = "annotate_document", "annotate_documentlabel", enlist("postgresql")
    read = f"""INSERT INTO annotate_words (id, words) VALUES (new.id, {vector("new.")})
        ON CONFLICT (id) DO UPDATE SET words = excluded.words;"""
    was_hidden, is_not = HIDDEN.format(row="old"), NOT_HIDDEN.format(row="new")
    relist = f"""IF new.deleted_at IS NOT NULL THEN {UNLIST};
        ELSIF old.deleted_at IS NULL THEN {RELIST}; ELSE {listed}; END IF;"""
    changed = f"IF new.kind = 'gold' THEN {change('postgresql')}; END IF;"
    return [
        ("tagdesk_read", document, "INSERT OR UPDATE OF title, text", f"IF {is_not} THEN {read} END IF;"),
        ("tagdesk_read_shown", document, "UPDATE OF deleted_at", f"IF {was_hidden} AND {is_not} THEN {read} END IF;"),
        ("tagdesk_forget", document, "DELETE", f"DELETE FROM annotate_words WHERE id = old.id; {UNLIST};"),
        ("tagdesk_list", document, "INSERT", f"IF new.deleted_at IS NULL THEN {listed}; END IF;"),
        ("tagdesk_relist", document, f"UPDATE OF {SHOWN}", relist),
        ("tagdesk_change", "annotate_annotation", "INSERT OR UPDATE OF updated_at", changed),
        ("tagdesk_label", counts, "INSERT", f"{TAG.format(true='true')};"),
        ("tagdesk_unlabel", counts, "DELETE", f"{UNTAG.format(false='false')};"),
    ]
