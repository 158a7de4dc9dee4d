"""What bulk actions are called: when they are asked for, on their page and in the list."""

from typing import NamedTuple

from annotate.models import BulkAction, Split
from annotate.plural import counted

Verb = BulkAction.Verb


class _Words(NamedTuple):
    """Each with a place for how many articles, and one for the split."""

    asked: str
    done: str
    undone: str


_WORDS = {
    Verb.DELETE: _Words("Delete {}", "{} deleted", "{} brought back"),
    Verb.MOVE: _Words("Move {} to {}", "{} moved to {}, their near-duplicates included", "{} moved back from {}"),
    Verb.CLEAR: _Words("Clear the suggestions of {}", "Suggestions of {} cleared", "Suggestions of {} shown again"),
    Verb.REOPEN: _Words("Reopen {}", "{} reopened", "{} finished again"),
    Verb.FLAG: _Words("Flag {} for discussion", "{} flagged for discussion", "Flag taken from {}"),
    Verb.UNFLAG: _Words("Take the flag from {}", "Flag taken from {}", "{} flagged again"),
}


def asked(verb: str, count: int, split: str = "") -> str:
    """“Move 8 articles to the test split”."""
    return _WORDS[Verb(verb)].asked.format(_articles(count), _those_of(split))


def title(row: BulkAction) -> str:
    return f"Undo: {title(row.undoes)}" if row.undoes else asked(row.verb, row.total, row.split)


def outcome(row: BulkAction) -> str:
    """What became of the articles that it changed."""
    what = row.undoes or row
    words = _WORDS[Verb(what.verb)]
    return (words.undone if row.undoes else words.done).format(_articles(row.changed), _those_of(what.split))


def _articles(count: int) -> str:
    return counted(count, "article")


def _those_of(split: str) -> str:
    name = dict(Split.choices).get(split, "").lower()
    return f"those {name}" if split == Split.ASIDE else f"the {name} split"
