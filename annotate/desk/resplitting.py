"""Split a token where an entity ends inside it; undo joins the two again.

All that counts in tokens is mended in the same transaction: the article's sentences and passages, every annotation,
every prediction, verdict, offer and note. Where one of them cannot be, nothing is done.
"""

from bisect import bisect_left
from typing import Any

from django.db import models, transaction
from django.db.models import Case, F, Q, When

from annotate.desk.sheet import Change, Desk
from annotate.models import Edit, How, Prediction, Project, Refused
from annotate.resplitting import Resplit
from annotate.signals import suggestions_wanted
from annotate.tokens import places_to_split

FAR = 1_000_000_000  # beyond any token's index: rows on their way there meet none that has yet to go


def split_token(desk: Desk, start: int, at: int) -> None:
    """Split the token at `start` into two, the second of which begins `at` code points into it."""
    desk.around(start, start + 1)
    desk.guard(start, start + 1)
    first, last = desk.document.tokens[start]
    if at not in places_to_split(desk.document.text[first:last]):
        raise Refused("The token cannot be split there: each half needs a character of its own that can be seen.")
    _change_tokens(desk, Resplit(start, 1), first + at, How.SPLIT)


def take_back(desk: Desk, origin: Edit, latest: Edit, how: str) -> None:
    """Undo a split, or redo it. The log points from where the token was split to its end."""
    place = origin.char_start
    offsets = desk.document.tokens
    index = next((i for i, (_, end) in enumerate(offsets) if end >= place), len(offsets))
    if how == How.UNDONE:
        joined = offsets[index : index + 2]
        if len(joined) < 2 or (joined[0][1], joined[1][0]) != (place, place):
            raise Refused("These tokens are not the two halves any more, so they stay as they are.")
        untouched_since(desk, latest.revision, [(joined[0][0], joined[1][1])])
        _change_tokens(desk, Resplit(index, -1), place, how, undoes=latest)
    else:
        if not offsets[index : index + 1] or not offsets[index][0] < place < offsets[index][1]:
            raise Refused("This token is not as it was, so it stays as it is.")
        untouched_since(desk, latest.revision, [offsets[index]])
        _change_tokens(desk, Resplit(index, 1), place, how, undoes=latest)


def untouched_since(desk: Desk, revision: int, words: list[tuple[int, int]]) -> None:
    """Refuse where somebody else has changed one of these words since the revision. They are given as what they have of
    the text, and do not overlap.
    """
    if not words:
        return
    words = sorted(words)
    later = desk.annotation.edits.filter(revision__gt=revision)
    near = later.filter(char_start__lt=words[-1][1], char_end__gt=words[0][0])
    near = near.exclude(how=How.RELABELLED)  # the same spans under the names of now
    others = near.exclude(author=desk.ask.by).values_list("char_start", "char_end", "author__username")
    for start, end, who in others:
        last = bisect_left(words, (end, 0)) - 1  # of those that begin before its end
        if last >= 0 and words[last][1] > start:
            raise Refused(f"{who or 'an import'} has changed these words since, so your change stays.")


def _change_tokens(desk: Desk, change: Resplit, place: int, how: str, undoes: Edit | None = None) -> None:
    if desk.annotation.is_finished:
        raise Refused("This article is finished. Reopen it first: its tokens change only while it is open.")
    document, index = desk.document, change.index
    low, high, before = desk.around(index, index + (2 if change.by < 0 else 1))
    after = _mended(Resplit(index - low, change.by), before)
    _mend_others(desk, change)
    _mend_annotations(desk, change)
    _mend_predictions(desk, change)
    document.tokens = change.offsets(document.tokens, place)
    document.token_count = len(document.tokens)
    document.tokens_revision += 1
    document.sentence_starts = change.starts(document.sentence_starts)
    document.left_out = change.ranges(document.left_out)
    document.save(update_fields=["tokens", "token_count", "tokens_revision", "sentence_starts", "left_out"])
    chars = (place, document.tokens[index + (change.by > 0)][1])
    desk.write([Change(low, after, how, width=high - low, chars=chars)], [], undoes=undoes.batch if undoes else None)


def _mended(change: Resplit, tags: list[str]) -> list[str]:
    try:
        return change.tags(tags)
    except ValueError:
        raise Refused("One half is in an entity and the other is not, so they stay two tokens.") from None


def _mend_annotations(desk: Desk, change: Resplit) -> None:
    """The annotations beside the one on the desk, which is mended as it is written."""
    for other in desk.document.annotations.exclude(pk=desk.annotation.pk):
        other.tags = _mended(change, other.tags)
        other.token_count = len(other.tags)
        other.save(update_fields=["tags", "token_count"])


def _mend_predictions(desk: Desk, change: Resplit) -> None:
    """Those of the tokens as they were go along. One that tells the two apart that are joined is left behind: it is
    not shown any more, and made anew.
    """
    revision = desk.document.tokens_revision
    mended = []
    for prediction in desk.document.predictions.filter(tokens_revision=revision):
        if not any(change.cuts(start, end) for start, end, *_ in prediction.spans):
            prediction.spans = [[change.start(s), change.end(e), *more] for s, e, *more in prediction.spans]
            prediction.tokens_revision = revision + 1
            mended.append(prediction)
    Prediction.objects.bulk_update(mended, ["spans", "tokens_revision"])
    project = desk.document.project
    transaction.on_commit(lambda: suggestions_wanted.send(Project, project=project), robust=True)


def _mend_others(desk: Desk, change: Resplit) -> None:
    document = desk.document
    for rows in (document.verdicts.all(), document.offers.all(), document.notes.all()):
        between = change.index + 1
        if change.by < 0 and rows.filter(Q(start=between) | Q(end=between)).exists():
            raise Refused("Something was said of one half since, so they stay two tokens.")
        _move(rows, change)


def _move(rows: models.QuerySet[Any], change: Resplit) -> None:
    """In two steps, by way of far off: a row may not land, even for a moment, where one of its batch still is."""
    first_start, first_end = change.index + 1, change.index + 1 + (change.by < 0)
    _add(rows, first_start, first_end, FAR)
    _add(rows, FAR, FAR, change.by - FAR)


def _add(rows: models.QuerySet[Any], first_start: int, first_end: int, by: int) -> None:
    whole = models.IntegerField()
    start = Case(When(start__gte=first_start, then=F("start") + by), default=F("start"), output_field=whole)
    rows.filter(end__gte=first_end).update(start=start, end=F("end") + by)
