"""What a program says of an article, by the verbs of the desk: the same guards, the same log as the page's."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from django.http import Http404

from annotate import iob2
from annotate.desk import Desk, do, open_desk
from annotate.desk.judging import accept, reject
from annotate.desk.tagging import tag
from annotate.iob2 import IOB2Error, Span
from annotate.models import Ask, Conflict, Document, Refused

TOKENS, CHARACTERS = "tokens", "characters"


class Given(NamedTuple):
    """A span as it was sent; `place` says where in the request."""

    start: int
    end: int
    label: str
    place: str = ""


class Seen(NamedTuple):
    """Under which id an edit comes, and what its sender had before them."""

    client_id: UUID
    base: int
    tokens_revision: int | None
    source: int | None
    reading: int


class Misplaced(Refused):
    """What was sent does not fit the article; `place` says where in the request."""

    def __init__(self, message: str, place: str) -> None:
        super().__init__(message)
        self.place = place


class Judgement(NamedTuple):
    """A verdict on the suggestion of just these words; `correction` is what stands there instead."""

    kind: str
    suggestion: Given
    correction: Given | None = None


@contextmanager
def desk_of(by: Any, pk: int, seen: Seen) -> Iterator[Desk]:
    """The desk of this article, for an edit that has not been done yet and speaks of the tokens of now.

    Raises Http404 where the article is gone, Conflict where its tokens have been split or joined since.
    """
    try:
        with open_desk(pk, Ask(by, seen.client_id, seen.base, seen.source, seen.reading)) as desk:
            revision = desk.document.tokens_revision
            if seen.tokens_revision not in (None, revision) and not desk.is_repeat():
                raise Conflict("A token of this article was split or joined since. This is how they are now.")
            yield desk
    except Document.DoesNotExist as gone:
        raise Http404 from gone


def put_tags(desk: Desk, tags: list[str], finished: bool | None) -> None:
    count = desk.document.token_count
    if len(tags) != count and not desk.is_repeat():
        raise Misplaced(f"The article has {count:,} tokens, and here are {len(tags):,} tags.", "body.tags")
    try:
        spans = iob2.spans_of(tags)
    except IOB2Error as error:
        raise Misplaced(f"The tags are not well-formed IOB2: {error}.", "body.tags") from error
    do(desk, "put", spans, finished)


def put_spans(desk: Desk, given: Iterable[Given], unit: str, finished: bool | None) -> None:
    if desk.is_repeat():
        return
    spans = sorted((_in_tokens(desk.document, one, unit), one) for one in given)
    for (earlier, _), (later, one) in pairwise(spans):
        if later.start < earlier.end:
            raise Misplaced("This span overlaps another one.", one.place)
    do(desk, "put", [span for span, _ in spans], finished)


def judge(desk: Desk, judgements: Iterable[Judgement], unit: str) -> None:
    """Give each verdict, all in one edit's name: undo takes them back together."""
    if desk.is_repeat():
        return
    for kind, suggestion, correction in judgements:
        said = _in_tokens(desk.document, suggestion, unit)
        if correction is not None:
            _correct(desk, said, _in_tokens(desk.document, correction, unit), correction.place)
        elif kind == "accepted":
            accept(desk, *said)
        else:
            reject(desk, *said)


def _correct(desk: Desk, said: Span, instead: Span, place: str) -> None:
    suggestion = desk.suggestion(*said)
    if not suggestion.overlaps(instead.start, instead.end):
        raise Misplaced("The correction touches none of the suggestion's words.", place)
    tag(desk, *instead)


def _in_tokens(document: Document, given: Given, unit: str) -> Span:
    """The span in tokens. Raises Misplaced where an edge of it is no edge of a token."""
    if unit == TOKENS:
        if given.end > document.token_count or given.start >= given.end:
            told = f"Tokens {given.start} to {given.end} are not there: the article has {document.token_count:,}."
            raise Misplaced(told, given.place)
        return Span(*given[:3])
    starts = {start: index for index, (start, _) in enumerate(document.tokens)}
    ends = {end: index for index, (_, end) in enumerate(document.tokens, start=1)}
    if given.start not in starts or given.end not in ends or given.start >= given.end:
        told = f"Characters {given.start} to {given.end} do not begin and end where tokens of the article do."
        raise Misplaced(told, given.place)
    return Span(starts[given.start], ends[given.end], given.label)
