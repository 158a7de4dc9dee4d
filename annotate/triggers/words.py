"""The full-text index: what it makes of a text, and how it is made and filled. A document has the text, the index has
its words.
"""

# ruff: noqa: S608 - no value of anybody's is in this SQL
import re
from typing import Any

from annotate.tokens import JOINED_TO_SYMBOLS, SYMBOLS, WRITTEN_WITHOUT_BLANKS
from annotate.triggers.rows import NOT_HIDDEN

_ALONE = re.compile(f"([{WRITTEN_WITHOUT_BLANKS}])")
_SYMBOL = re.compile(f"([{SYMBOLS}])[{JOINED_TO_SYMBOLS}]*")
WORDS_READ = 250_000  # characters; PostgreSQL's index takes no more than a megabyte an article


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


# Migrations 0003 and 0006 call `create_index`, `fill_index` and `drop_index` by these names, from `annotate.triggers`.
# They make the index as it is today: it holds nothing that cannot be read again from title and text.
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
    words = "tagdesk_words(title || ' ' || text)" if connection.vendor == "sqlite" else vector("annotate_document.")
    key = "rowid" if connection.vendor == "sqlite" else "id"
    shown = NOT_HIDDEN.format(row="annotate_document")
    with connection.cursor() as cursor:
        found = f"SELECT id, {words} FROM annotate_document WHERE {shown}"
        cursor.execute(f"INSERT INTO annotate_words ({key}, words) {found}")


def drop_index(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS annotate_words")


def vector(row: str) -> str:
    """What PostgreSQL's index holds of a document, as an expression; SQLite calls `spaced`."""
    text = _numbered(unmarked(f"left({row}title || ' ' || {row}text, {WORDS_READ})"))
    return f"to_tsvector('simple', regexp_replace({text}, '([{WRITTEN_WITHOUT_BLANKS}])', ' \\1 ', 'g'))"


def unmarked(text: str) -> str:
    """The same text to PostgreSQL with its Latin letters plain, as SQLite's index takes them: Zurich is Zürich."""
    return f"normalize(regexp_replace(normalize({text}, NFD), '([A-Za-z])[\\u0300-\\u036f]+', '\\1', 'g'), NFC)"


def _numbered(text: str) -> str:
    """The same text with a word for each symbol, as `spaced` has it."""
    return f"""(SELECT string_agg(
        CASE WHEN piece[1] IS NULL THEN piece[2] ELSE ' u' || to_hex(ascii(piece[1])) || ' ' END, '' ORDER BY place)
        FROM regexp_matches({text}, '([{SYMBOLS}])[{JOINED_TO_SYMBOLS}]*|([^{SYMBOLS}]+)', 'g')
        WITH ORDINALITY AS cut (piece, place))"""
