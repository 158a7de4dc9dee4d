"""The same mention in all articles of a project: found step by step, marked softly as one batch, and taken away as one.

A step reads so many articles and no more, and the page asks for one after another. The soft marks themselves are the
record: who closes the page half-way leaves a batch that is listed and can be taken back, and the same search goes on
where it ended, since what is marked is not found again. Nothing waits for a worker.

Left alone are finished articles, which show no soft marks, and those held out or aside: held-out ones are tagged blind.
"""

import re
import unicodedata
from collections import defaultdict
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet

from annotate import iob2
from annotate.mentions import like, stem
from annotate.models import Annotation, Document, Edit, Offer, Project, Split, State, Verdict
from annotate.models.document import DocumentQuerySet
from annotate.tokens import tokenize

ARTICLES = 300  # of one step
TOKENS = 200_000  # of one step: what can be read in well under a second
ROWS = 1_000  # written in one transaction
HELD = 25  # articles held at once while they are marked
RECENT = 5
CONTEXT = 60  # characters shown on either side of a mention


class Wanted(NamedTuple):
    text: str
    label: str
    fold_case: bool = False
    inflect: bool = False

    def mentions(self) -> set[tuple[str, ...]]:
        """Its words, as we cut them and as its blanks do: imported tokens are kept as they came."""
        ours = tuple(self.text[start:end] for start, end in tokenize(self.text))
        return {ours, tuple(self.text.split())} - {()}


class Found(NamedTuple):
    """An article and the token ranges in it that are like the mention, and free."""

    document: Document
    places: list[tuple[int, int]]

    def line(self) -> tuple[str, str, str]:
        """The first of these, with the text before and after it."""
        text, offsets = self.document.text, self.document.tokens
        start, end = offsets[self.places[0][0]][0], offsets[self.places[0][1] - 1][1]
        before, after = text[max(0, start - CONTEXT) : start], text[end : end + CONTEXT]
        return "…" * (start > CONTEXT) + before, text[start:end], after + "…" * (end + CONTEXT < len(text))


class Step(NamedTuple):
    found: list[Found]
    finished: int  # articles that have the mention and are left alone
    held_out: int
    last: int  # the article as far as which it has read
    more: bool

    def mentions(self) -> int:
        return sum(len(one.places) for one in self.found)


class Batch(NamedTuple):
    """One marking of a whole project, as it stands."""

    batch: UUID
    first: Offer
    mentions: int
    active: int
    articles: int

    @property
    def text(self) -> str:
        document = self.first.document
        return document.text[document.tokens[self.first.start][0] : document.tokens[self.first.end - 1][1]]


def articles_with(project: Project, wanted: Wanted) -> DocumentQuerySet:
    """The articles that may hold the mention: all that do, and some more.

    By the stretches of plain letters in its words alone: no database folds the case of others as `like` does.
    """
    found = project.documents.present()
    for word in unicodedata.normalize("NFC", wanted.text).split():
        if wanted.fold_case:
            word = re.sub("ss", "ß", word, flags=re.IGNORECASE)
        plain = max(re.findall(r"[!-~]+", stem(word, wanted.inflect)), key=len, default="")
        if plain:
            found = found.filter(text__icontains=plain)
    return found


def look(project: Project, wanted: Wanted, after: int = 0) -> Step:
    """Read the next articles behind the one with the key `after`."""
    behind = articles_with(project, wanted).filter(pk__gt=after).order_by("pk")
    waiting = list(behind.values_list("pk", "token_count")[: ARTICLES + 1])
    chosen: list[int] = []
    weight = 0
    for pk, count in waiting[:ARTICLES]:
        weight += count
        if chosen and weight > TOKENS:
            break
        chosen.append(pk)
    documents = Document.objects.filter(pk__in=chosen).defer("signature", "metadata", "sentence_starts").order_by("pk")
    closed, judged = _closed(chosen, wanted.label)
    found, finished, held_out = [], 0, 0
    for document in documents:
        places = [
            place for place in _places(document, wanted, closed[document.pk]) if (document.pk, *place) not in judged
        ]
        if places and document.split != Split.TRAIN:
            held_out += 1
        elif places and document.state == State.FINISHED:
            finished += 1
        elif places:
            found.append(Found(document, places))
    return Step(found, finished, held_out, chosen[-1] if chosen else after, len(waiting) > len(chosen))


def mark(step: Step, wanted: Wanted, by: Any, batch: UUID) -> None:
    """Store what a step found. A repeat stores nothing; nor is anything stored where the tokens changed since the look:
    the next look finds it.
    """
    for first in range(0, len(step.found), HELD):
        some = step.found[first : first + HELD]
        with transaction.atomic():
            held = Document.objects.select_for_update().filter(pk__in=[one.document.pk for one in some]).order_by("pk")
            now = dict(held.values_list("pk", "tokens_revision"))
            rows = [
                Offer(document=one.document, author=by, batch=batch, start=start, end=end, label=wanted.label)
                for one in some
                if now.get(one.document.pk) == one.document.tokens_revision
                for start, end in one.places
            ]
            Offer.objects.bulk_create(rows, batch_size=ROWS, ignore_conflicts=True)


def switch(project: Project, batch: UUID, active: bool) -> int:
    """Take a batch's soft marks away, or bring them back; says how many. What people took from it stays tagged."""
    rows = batches(project).filter(batch=batch, active=not active)
    if active:  # not under a label that has gone meanwhile
        rows = rows.filter(label__in=project.labels.filter(leaving=False).values("name"))
    changed = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:ROWS]):
        with transaction.atomic():
            changed += Offer.objects.filter(pk__in=keys[:500]).update(active=active)
            changed += Offer.objects.filter(pk__in=keys[500:]).update(active=active)
    return changed


def batches(project: Project) -> QuerySet[Offer]:
    """The soft marks of whole projects. What was offered inside one article is in its log, and is undone there."""
    inside = Edit.objects.filter(document=OuterRef("document"), batch=OuterRef("batch"))
    return Offer.objects.filter(~Exists(inside), document__project=project)


def recent(project: Project) -> list[Batch]:
    """The last batches, newest first."""
    listed: list[Batch] = []
    rows = batches(project).order_by("-pk")
    while len(listed) < RECENT:
        newest = rows.exclude(batch__in=[one.batch for one in listed]).values_list("batch", flat=True).first()
        batch = counted(project, newest) if newest else None
        if batch is None:
            break
        listed.append(batch)
    return listed


def counted(project: Project, batch: UUID) -> Batch | None:
    rows = batches(project).filter(batch=batch)
    first = rows.select_related("author", "document").order_by("pk").first()
    if first is None:
        return None
    # Of one batch all rows are of one project and one kind.
    count = Offer.objects.filter(batch=batch).aggregate(
        mentions=Count("pk"), active=Count("pk", filter=Q(active=True)), articles=Count("document", distinct=True)
    )
    return Batch(batch, first, **count)


def percent(project: Project, last: int) -> int:
    """How far a search has come that has read as far as this article."""
    keys = project.documents.aggregate(first=Min("pk"), last=Max("pk"))
    return round(100 * (last - keys["first"] + 1) / (keys["last"] - keys["first"] + 1)) if keys["last"] else 100


def _places(document: Document, wanted: Wanted, closed: list[tuple[int, int]]) -> list[tuple[int, int]]:
    words = document.words()
    places: list[tuple[int, int]] = []
    for mention in sorted(wanted.mentions(), key=len, reverse=True):
        taken = [*closed, *document.left_out, *places]
        places += like(words, mention, taken, wanted.fold_case, wanted.inflect)
    return sorted(places)


def _closed(chosen: list[int], label: str) -> tuple[dict[int, list[tuple[int, int]]], set[tuple[int, int, int]]]:
    """What is tagged or marked in these articles, and what was judged of this label: (article, start, end)."""
    closed: dict[int, list[tuple[int, int]]] = defaultdict(list)
    gold = Annotation.objects.filter(kind=Annotation.Kind.GOLD, document__in=chosen)
    for pk, tags in gold.values_list("document_id", "tags"):
        closed[pk] += [span[:2] for span in iob2.spans_of(tags)]
    for pk, start, end in Offer.objects.filter(document__in=chosen, active=True).values_list(
        "document", "start", "end"
    ):
        closed[pk].append((start, end))
    judged = Verdict.objects.filter(document__in=chosen, active=True, label=label)
    return closed, set(judged.values_list("document", "start", "end"))
