"""The desk: every change that a person makes to an article, one durable transaction each.

`open_desk` holds the document and its gold for the length of a transaction; `do` performs one verb there. What a verb
does stands in the module of its kind; what they share (the guards, the writing, the log) in `sheet`.
"""

from collections.abc import Callable

from annotate.desk.judging import accept, accept_all, finish, reject, reopen
from annotate.desk.mentions import drop_offers, offer_like, take_all_offers
from annotate.desk.passages import leave_out, take_in
from annotate.desk.resplitting import split_token
from annotate.desk.sheet import Desk, open_desk
from annotate.desk.tagging import clear, put, tag, tag_all
from annotate.desk.undoing import redo, undo

__all__ = ["VERBS", "Desk", "do", "open_desk"]

VERBS: dict[str, Callable[..., None]] = {
    verb.__name__: verb
    for verb in (
        *(tag, tag_all, clear, put),
        *(accept, reject, accept_all, finish, reopen),
        *(offer_like, take_all_offers, drop_offers),
        *(leave_out, take_in, split_token),
        *(undo, redo),
    )
}


def do(desk: Desk, verb: str, *given: object) -> None:
    """Perform the verb, once: an edit that was done already, and whose answer was lost, changes nothing."""
    if not desk.is_repeat():
        VERBS[verb](desk, *given)
