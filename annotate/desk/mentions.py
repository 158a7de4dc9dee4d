"""Soft marks: the mentions like one that a person tagged, for them to take or leave, one by one or together.

One by one they are accepted and rejected as suggestions are. Soft marks of a finished article are not shown; they are
there again where it is reopened.
"""

from annotate.desk.judging import taken
from annotate.desk.sheet import Change, Desk, Judged
from annotate.mentions import like
from annotate.models import Conflict, How, Needless, Offer, Refused, Verdict
from annotate.models.prediction import Suggestion


def offer_like(desk: Desk, start: int, end: int, fold_case: bool, inflect: bool) -> None:
    """Mark softly what reads like the span under [start, end) and is neither tagged nor suggested nor left out.

    A held-out article allows it: it is a search for what the person has found there, not a model's guess.
    """
    document, annotation = desk.document, desk.annotation
    if annotation.is_finished:
        raise Refused("This article is finished. Reopen it first.")
    spans = annotation.spans()
    under = [span for span in spans if span.start < end and start < span.end]
    if len(under) != 1:
        raise Refused("Put the cursor on one tagged span first: what reads like it is looked for.")
    span = under[0]
    desk.guard(span.start, span.end)
    open_ones = document.open_suggestions(spans)
    closed = [s[:2] for s in (*spans, *open_ones)] + [(s, e) for s, e in document.left_out]
    words = document.words()
    mention = words[span.start : span.end]
    places = like(words, mention, closed, fold_case, inflect)
    judged = set(document.verdicts.filter(active=True, label=span.label).values_list("start", "end"))
    left = [place for place in places if place not in judged]
    if not left:
        soft = {(s.start, s.end) for s in open_ones if s.soft and s.label == span.label}
        if marked := soft.intersection(like(words, mention, (), fold_case, inflect)):
            raise Needless(_marked_already(len(marked)))
        before = " but what was judged before" if places else ""
        raise Refused(f"Nothing else in this article reads like “{' '.join(mention)}”{before}.")
    # A line of the log that changes no tag: undo finds the offering there.
    desk.write([Change(span.start, annotation.tags[span.start : span.end], How.PROPAGATED)], [])
    Offer.objects.bulk_create(
        Offer(document=document, author=desk.ask.by, batch=desk.ask.batch, start=s, end=e, label=span.label)
        for s, e in left
    )


def _marked_already(count: int) -> str:
    return "1 same mention is marked: + tags it." if count == 1 else f"{count} same mentions are marked: + tags them."


def take_all_offers(desk: Desk, shown: int) -> None:
    offers = _as_shown(desk, shown)
    desk.write([taken(offer) for offer in offers], [Judged(offer, Verdict.Kind.ACCEPTED) for offer in offers])


def drop_offers(desk: Desk, shown: int) -> None:
    """Reject them all. Undoing the offering instead leaves them to be offered again."""
    offers = _as_shown(desk, shown)
    tags = desk.annotation.tags
    changes = [Change(offer.start, tags[offer.start : offer.end], How.REJECTED, offer) for offer in offers]
    desk.write(changes, [Judged(offer, Verdict.Kind.REJECTED) for offer in offers])


def _as_shown(desk: Desk, shown: int) -> list[Suggestion]:
    """The soft marks, as many as the person's page showed."""
    offers = [s for s in desk.document.open_suggestions(desk.annotation.spans()) if s.soft]
    if len(offers) != shown:
        raise Conflict("The soft marks of this article have changed. This is how they are now.")
    if not offers:
        raise Refused("There is no soft mark in this article.")
    desk.guard_each([(offer.start, offer.end) for offer in offers])
    return offers
