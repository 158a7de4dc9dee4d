"""The triggers that keep the list's narrow rows, its counts and the full-text index, on whatever path a row is
written: the desk, an import, a bulk action, a deletion, SQL by hand.

SQLite loses a table's triggers when a migration rebuilds the table, and refuses to rebuild one that a trigger of
another names. So they are taken down before a migration and put up after it, and what they keep is filled anew.
"""

# ruff: noqa: S608 - no value of anybody's is in this SQL
import re
from typing import Any

from django.db import transaction

from annotate.tokens import JOINED_TO_SYMBOLS, SYMBOLS, WRITTEN_WITHOUT_BLANKS

_ALONE = re.compile(f"([{WRITTEN_WITHOUT_BLANKS}])")
_SYMBOL = re.compile(f"([{SYMBOLS}])[{JOINED_TO_SYMBOLS}]*")
WORDS_READ = 250_000  # characters; PostgreSQL's index takes no more than a megabyte an article

_LISTED = "id, project_id, title, source, date, token_count, state, split, flagged, tagged, changed"
_LISTED_FROM = """{d}.id, {d}.project_id, lower(substr({d}.title, 1, 100)), {d}.source, {d}.date, {d}.token_count,
    {d}.state, {d}.split, {d}.flagged, EXISTS (SELECT 1 FROM annotate_documentlabel WHERE document_id = {d}.id),
    coalesce((SELECT {changed} FROM annotate_annotation g WHERE g.document_id = {d}.id AND g.kind = 'gold'), 0)"""
_MILLISECONDS = {
    "sqlite": "CAST(round((julianday({moment}) - 2440587.5) * 86400000) AS INTEGER)",  # julianday counts from noon
    "postgresql": "CAST(extract(epoch FROM {moment}) * 1000 AS bigint)",
}
_RELIST = """UPDATE annotate_listed SET project_id = new.project_id, title = lower(substr(new.title, 1, 100)),
    source = new.source, date = new.date, token_count = new.token_count, state = new.state, split = new.split,
    flagged = new.flagged WHERE id = new.id"""
_UNLIST = "DELETE FROM annotate_listed WHERE id = old.id"
_SHOWN = "title, source, date, token_count, state, split, flagged, project_id, deleted_at"
_TAG = "UPDATE annotate_listed SET tagged = {true} WHERE id = new.document_id AND NOT tagged"
_UNTAG = """UPDATE annotate_listed SET tagged = {false} WHERE id = old.document_id AND tagged
    AND NOT EXISTS (SELECT 1 FROM annotate_documentlabel WHERE document_id = old.document_id)"""


def _listed_from(vendor: str, row: str) -> str:
    return _LISTED_FROM.format(d=row, changed=_MILLISECONDS[vendor].format(moment="g.updated_at"))


def _list(vendor: str) -> str:
    return f"INSERT INTO annotate_listed ({_LISTED}) SELECT {_listed_from(vendor, 'new')}"


def _change(vendor: str) -> str:
    """A gold annotation was written. One narrow row, and its place in the one index that has the moment."""
    moment = _MILLISECONDS[vendor].format(moment="new.updated_at")
    return f"UPDATE annotate_listed SET changed = {moment} WHERE id = new.document_id"


def spaced(text: str) -> str:
    """The text with blanks around each character of a script that is written without them: an index of words then
    finds a word of Chinese as the phrase of its characters. A symbol, which no such index knows, becomes the word of
    its number.
    """
    if text.isascii():
        return text
    return _SYMBOL.sub(lambda found: f" u{ord(found[1]):x} ", _ALONE.sub(r" \1 ", text))


def teach(connection: Any, **kwargs: Any) -> None:
    """Give a new connection the function that the triggers of SQLite call."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("tagdesk_words", 1, spaced, deterministic=True)


def create_index(connection: Any) -> None:
    """Make the full-text index. Without a copy of the text: the document has it."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "CREATE VIRTUAL TABLE IF NOT EXISTS annotate_words USING fts5"
                "(words, content='', columnsize=0, tokenize='unicode61 remove_diacritics 2')"
            )
        else:
            cursor.execute("CREATE TABLE IF NOT EXISTS annotate_words (id bigint PRIMARY KEY, words tsvector NOT NULL)")
            cursor.execute("CREATE INDEX IF NOT EXISTS annotate_words_gin ON annotate_words USING gin (words)")


def fill_index(connection: Any) -> None:
    """Read every document's text into an empty index."""
    words = "tagdesk_words(title || ' ' || text)" if connection.vendor == "sqlite" else _vector("annotate_document.")
    key = "rowid" if connection.vendor == "sqlite" else "id"
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO annotate_words ({key}, words) SELECT id, {words} FROM annotate_document")


def drop_index(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS annotate_words")


def drop(connection: Any) -> None:
    """Take the triggers down."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'tagdesk\\_%' ESCAPE '\\'"
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TRIGGER {name}")
        else:
            for name, table, *_ in _postgresql():
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")


def create(connection: Any) -> None:
    """Put the triggers up, as this version of Tagdesk wants them."""
    drop(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for name, when, body in _sqlite():
                cursor.execute(f"CREATE TRIGGER {name} AFTER {when} BEGIN {body} END")
            return
        for name, table, when, body in _postgresql():
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$tagdesk$ BEGIN {body} RETURN NULL; END $tagdesk$"
            )
            cursor.execute(f"CREATE TRIGGER {name} AFTER {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")


def refill(connection: Any) -> None:
    """List all documents anew. The triggers of the list count them."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("DELETE FROM annotate_listed")
        cursor.execute("DELETE FROM annotate_tally")
        listed = _listed_from(connection.vendor, "d")
        chosen = f"SELECT {listed} FROM annotate_document d WHERE d.deleted_at IS NULL"
        cursor.execute(f"INSERT INTO annotate_listed ({_LISTED}) {chosen}")


def _sqlite() -> list[tuple[str, str, str]]:
    """Name, event and body of each."""
    document, listed, counts = "ON annotate_document", "ON annotate_listed", "ON annotate_documentlabel"
    gold = "ON annotate_annotation WHEN new.kind = 'gold'"
    enlist, change = _list("sqlite"), _change("sqlite")
    read = "INSERT INTO annotate_words (rowid, words) VALUES (new.id, tagdesk_words(new.title || ' ' || new.text));"
    # An index without the text is told what it is to forget.
    forget = (
        "INSERT INTO annotate_words (annotate_words, rowid, words) "
        "VALUES ('delete', old.id, tagdesk_words(old.title || ' ' || old.text));"
    )
    is_listed = "(SELECT project_id FROM annotate_listed WHERE id = {row}.document_id)"
    facets = "project_id, state, split, flagged, tagged, source"
    return [
        ("tagdesk_read", f"INSERT {document}", read),
        ("tagdesk_forget", f"DELETE {document}", f"{forget} {_UNLIST};"),
        (
            "tagdesk_read_again",
            f"UPDATE OF title, text {document} WHEN old.title <> new.title OR old.text <> new.text",
            forget + read,
        ),
        ("tagdesk_list", f"INSERT {document} WHEN new.deleted_at IS NULL", f"{enlist};"),
        (
            "tagdesk_relist",
            f"UPDATE OF {_SHOWN} {document} WHEN old.deleted_at IS NULL AND new.deleted_at IS NULL",
            f"{_RELIST};",
        ),
        (
            "tagdesk_show",
            f"UPDATE OF deleted_at {document} WHEN old.deleted_at IS NOT NULL AND new.deleted_at IS NULL",
            f"{enlist};",
        ),
        (
            "tagdesk_hide",
            f"UPDATE OF deleted_at {document} WHEN old.deleted_at IS NULL AND new.deleted_at IS NOT NULL",
            f"{_UNLIST};",
        ),
        ("tagdesk_begin", f"INSERT {gold}", f"{change};"),
        ("tagdesk_change", f"UPDATE OF updated_at {gold}", f"{change};"),
        ("tagdesk_count", f"INSERT {listed}", _counted("new", 1) + _counted_labels("new", 1)),
        ("tagdesk_uncount", f"DELETE {listed}", _counted("old", -1) + _counted_labels("old", -1)),
        (
            "tagdesk_recount",
            f"UPDATE OF {facets} {listed} WHEN ({_of('old', facets)}) IS NOT ({_of('new', facets)})",
            _counted("old", -1) + _counted("new", 1),
        ),
        (
            "tagdesk_label",
            f"INSERT {counts}",
            f"{_TAG.format(true=1)}; {_moved(is_listed.format(row='new'), 'label', 'new.label_id', 1)}",
        ),
        (
            "tagdesk_unlabel",
            f"DELETE {counts}",
            f"{_UNTAG.format(false=0)}; {_moved(is_listed.format(row='old'), 'label', 'old.label_id', -1)}",
        ),
        (
            "tagdesk_relabel",
            f"UPDATE OF label_id {counts} WHEN old.label_id <> new.label_id",
            _moved(is_listed.format(row="old"), "label", "old.label_id", -1)
            + _moved(is_listed.format(row="new"), "label", "new.label_id", 1),
        ),
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


def _postgresql() -> list[tuple[str, str, str, str]]:
    """Name, table, event and body of each."""
    document, counts, enlist = "annotate_document", "annotate_documentlabel", _list("postgresql")
    read = f"""INSERT INTO annotate_words (id, words) VALUES (new.id, {_vector("new.")})
        ON CONFLICT (id) DO UPDATE SET words = excluded.words;"""
    relist = f"""IF new.deleted_at IS NOT NULL THEN {_UNLIST};
        ELSIF old.deleted_at IS NULL THEN {_RELIST}; ELSE {enlist}; END IF;"""
    change = f"IF new.kind = 'gold' THEN {_change('postgresql')}; END IF;"
    return [
        ("tagdesk_read", document, "INSERT OR UPDATE OF title, text", read),
        ("tagdesk_forget", document, "DELETE", f"DELETE FROM annotate_words WHERE id = old.id; {_UNLIST};"),
        ("tagdesk_list", document, "INSERT", f"IF new.deleted_at IS NULL THEN {enlist}; END IF;"),
        ("tagdesk_relist", document, f"UPDATE OF {_SHOWN}", relist),
        ("tagdesk_change", "annotate_annotation", "INSERT OR UPDATE OF updated_at", change),
        ("tagdesk_label", counts, "INSERT", f"{_TAG.format(true='true')};"),
        ("tagdesk_unlabel", counts, "DELETE", f"{_UNTAG.format(false='false')};"),
    ]


def _vector(row: str) -> str:
    text = _numbered(unmarked(f"left({row}title || ' ' || {row}text, {WORDS_READ})"))
    return f"to_tsvector('simple', regexp_replace({text}, '([{WRITTEN_WITHOUT_BLANKS}])', ' \\1 ', 'g'))"


def _numbered(text: str) -> str:
    """The same text with a word for each symbol, as `spaced` has it."""
    return f"""(SELECT string_agg(
        CASE WHEN piece[1] IS NULL THEN piece[2] ELSE ' u' || to_hex(ascii(piece[1])) || ' ' END, '' ORDER BY place)
        FROM regexp_matches({text}, '([{SYMBOLS}])[{JOINED_TO_SYMBOLS}]*|([^{SYMBOLS}]+)', 'g')
        WITH ORDINALITY AS cut (piece, place))"""


def unmarked(text: str) -> str:
    """The same text to PostgreSQL with its Latin letters plain, as SQLite's index takes them: Zurich is Zürich."""
    return f"normalize(regexp_replace(normalize({text}, NFD), '([A-Za-z])[\\u0300-\\u036f]+', '\\1', 'g'), NFC)"
