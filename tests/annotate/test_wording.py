"""Bulk actions in words: one verb, one split, one name for each."""

import pytest

from annotate import wording
from annotate.models import BulkAction, Split

Verb = BulkAction.Verb


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb != Verb.UNDO])
def test_every_verb_is_asked_for_done_and_undone_in_words(verb: str) -> None:
    action = BulkAction(verb=verb, total=1200, changed=1, split="test")
    assert "1,200 articles" in wording.title(action)
    undoing = BulkAction(verb=Verb.UNDO, undoes=action, total=1, changed=1)
    assert wording.title(undoing) == f"Undo: {wording.title(action)}"
    assert "1 article" in wording.outcome(action)
    assert "1 article" in wording.outcome(undoing) != wording.outcome(action)


@pytest.mark.parametrize(
    ("split", "said"),
    [
        (Split.TRAIN, "the training split"),
        (Split.VALIDATION, "the validation split"),
        (Split.TEST, "the test split"),
        (Split.ASIDE, "those held aside"),
    ],
)
def test_articles_are_moved_to_splits_by_the_names_that_these_have(split: str, said: str) -> None:
    assert wording.asked(Verb.MOVE, 8, split) == f"Move 8 articles to {said}"
