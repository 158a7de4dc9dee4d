"""The triggers of SQLite, which also keep the counts of the list: PostgreSQL counts from its indexes."""

# ruff: noqa: S608 - no value of anybody's is in this SQL
from typing import Any

from annotate.triggers.rows import HIDDEN, NOT_HIDDEN, RELIST, SHOWN, TAG, UNLIST, UNTAG, change, enlist

Trigger = tuple[str, str, str]  # name, event, body


def drop(cursor: Any) -> None:
    cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'tagdesk\\_%' ESCAPE '\\'")
    for (name,) in cursor.fetchall():
        cursor.execute(f"DROP TRIGGER {name}")


def create(cursor: Any) -> None:
    for name, when, body in (*_of_texts(), *_of_rows(), *_of_counts(), *_of_labels()):
        cursor.execute(f"CREATE TRIGGER {name} AFTER {when} BEGIN {body} END")


def _of_texts() -> list[Trigger]:
    """What the index of words reads and forgets."""
    read = "INSERT INTO annotate_words (rowid, words) VALUES (new.id, tagdesk_words(new.title || ' ' || new.text));"
    # An index without the text is told what it is to forget.
    forget = (
        "INSERT INTO annotate_words (annotate_words, rowid, words) "
        "VALUES ('delete', old.id, tagdesk_words(old.title || ' ' || old.text));"
    )
    other = "(old.title <> new.title OR old.text <> new.text)"
    was, now = NOT_HIDDEN.format(row="old"), NOT_HIDDEN.format(row="new")
    shown = f"{HIDDEN.format(row='old')} AND {now}"
    return [
        ("tagdesk_read", f"INSERT ON annotate_document WHEN {now}", read),
        ("tagdesk_forget", f"DELETE ON annotate_document WHEN {was}", forget),
        ("tagdesk_read_shown", f"UPDATE OF deleted_at ON annotate_document WHEN {shown}", read),
        ("tagdesk_read_again", f"UPDATE OF title, text ON annotate_document WHEN {other} AND {was}", forget + read),
    ]


def _of_rows() -> list[Trigger]:
    """What puts an article into the list, keeps it there and takes it out."""
    deleting = "UPDATE OF deleted_at ON annotate_document"
    relisting = f"UPDATE OF {SHOWN} ON annotate_document"
    gold = "ON annotate_annotation WHEN new.kind = 'gold'"
    was, now = "old.deleted_at IS NULL", "new.deleted_at IS NULL"
    was_not, not_now = "old.deleted_at IS NOT NULL", "new.deleted_at IS NOT NULL"
    listed, changed = f"{enlist('sqlite')};", f"{change('sqlite')};"
    return [
        ("tagdesk_list", f"INSERT ON annotate_document WHEN {now}", listed),
        ("tagdesk_relist", f"{relisting} WHEN {was} AND {now}", f"{RELIST};"),
        ("tagdesk_show", f"{deleting} WHEN {was_not} AND {now}", listed),
        ("tagdesk_hide", f"{deleting} WHEN {was} AND {not_now}", f"{UNLIST};"),
        ("tagdesk_unlist", "DELETE ON annotate_document", f"{UNLIST};"),
        ("tagdesk_begin", f"INSERT {gold}", changed),
        ("tagdesk_change", f"UPDATE OF updated_at {gold}", changed),
    ]


def _of_counts() -> list[Trigger]:
    """What counts the rows of the list as they come, go and change."""
    facets = "project_id, state, split, flagged, tagged, source"
    other = f"({_of('old', facets)}) IS NOT ({_of('new', facets)})"
    return [
        ("tagdesk_count", "INSERT ON annotate_listed", _counted("new", 1) + _counted_labels("new", 1)),
        ("tagdesk_uncount", "DELETE ON annotate_listed", _counted("old", -1) + _counted_labels("old", -1)),
        (
            "tagdesk_recount",
            f"UPDATE OF {facets} ON annotate_listed WHEN {other}",
            _counted("old", -1) + _counted("new", 1),
        ),
    ]


def _of_labels() -> list[Trigger]:
    """What follows the labels that an article has."""
    project = "(SELECT project_id FROM annotate_listed WHERE id = {row}.document_id)"
    more = _moved(project.format(row="new"), "label", "new.label_id", 1)
    fewer = _moved(project.format(row="old"), "label", "old.label_id", -1)
    other = "old.label_id <> new.label_id"
    return [
        ("tagdesk_label", "INSERT ON annotate_documentlabel", f"{TAG.format(true=1)}; {more}"),
        ("tagdesk_unlabel", "DELETE ON annotate_documentlabel", f"{UNTAG.format(false=0)}; {fewer}"),
        ("tagdesk_relabel", f"UPDATE OF label_id ON annotate_documentlabel WHEN {other}", fewer + more),
    ]


def _of(row: str, columns: str) -> str:
    return ", ".join(f"{row}.{column}" for column in columns.split(", "))


def _counted(row: str, by: int) -> str:
    """The row's state, split, source and flag, counted up or down. Whoever finished without an entity counts twice."""
    facets = [
        ("state", f"{row}.state"),
        ("split", f"{row}.split"),
        ("source", f"{row}.source"),
        ("flagged", f"CASE WHEN {row}.flagged THEN 1 END"),
        ("finished", f"CASE WHEN {row}.state = 'finished' THEN {row}.split END"),
        ("state", f"CASE WHEN {row}.state = 'finished' AND NOT {row}.tagged THEN 'empty' END"),
    ]
    return "".join(_moved(f"{row}.project_id", facet, value, by) for facet, value in facets)


def _counted_labels(row: str, by: int) -> str:
    labels = f"SELECT label_id FROM annotate_documentlabel WHERE document_id = {row}.id"
    if by < 0:
        return (
            f"UPDATE annotate_tally SET count = count - 1 WHERE project_id = {row}.project_id AND facet = 'label' "
            f"AND value IN ({labels.replace('label_id', 'CAST(label_id AS TEXT)', 1)});"
        )
    chosen = labels.replace("label_id", f"{row}.project_id, 'label', CAST(label_id AS TEXT), 1", 1)
    return f"INSERT INTO annotate_tally (project_id, facet, value, count) {chosen} {_AGAIN};"


_AGAIN = "ON CONFLICT (project_id, facet, value) DO UPDATE SET count = count + 1"


def _moved(project: str, facet: str, value: str, by: int) -> str:
    """Count one document more or less; nothing where project or value is null."""
    if by < 0:
        return (
            f"UPDATE annotate_tally SET count = count - 1 WHERE project_id = {project} "
            f"AND facet = '{facet}' AND value = CAST({value} AS TEXT);"
        )
    return (
        f"INSERT INTO annotate_tally (project_id, facet, value, count) SELECT {project}, '{facet}', "
        f"CAST({value} AS TEXT), 1 WHERE {project} IS NOT NULL AND {value} IS NOT NULL {_AGAIN};"
    )
