"""What a project's articles hold, in figures: of all of them, or of those that a filter of the list finds.

Articles and tokens are counted whatever their state; entities, mentions and how they were tagged in finished articles
alone, since the others are tagged in part. All but the mentions comes from narrow rows in the database. Mentions have
to be read in the articles: one reads at a time in a process, at most once a minute, and again only after a change.
"""

import hashlib
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Max, Sum
from django.db.models.expressions import RawSQL
from django.utils import timezone

from annotate import iob2
from annotate.histogram import Spread, spread
from annotate.listing import Listing
from annotate.models import Annotation, Listed, Split
from annotate.models.project import Project
from annotate.signals import tags_mended

MOST_READ = 50_000  # finished articles in which mentions are looked for
READ_AT_ONCE = 500
MOST_FREQUENT = 100  # mentions of each label that are told
MOST_SEVERAL = 500  # mentions with several labels that are told
KEPT = 60 * 60  # seconds
FRESH = timedelta(minutes=1)  # so long mentions are told as they were read, whatever has changed since
LOOK_AGAIN = 5  # seconds, after which somebody for whom there are none yet may ask again

_reading = threading.Lock()  # a second reader would slow the first one down, and all who annotate


class BeingRead(Exception):
    """Mentions are being read for somebody else, and there are none of before to be told."""

    def __init__(self) -> None:
        super().__init__("Articles are being read for other figures just now. Ask again in some seconds.")


class Articles(NamedTuple):
    split: str
    articles: int
    tokens: int
    finished: int
    finished_tokens: int


class Entities(NamedTuple):
    label: str
    split: str
    entities: int
    articles: int


class Blind(NamedTuple):
    """How the finished articles of a split were tagged: blind, with a model's word in sight, or nobody knows."""

    split: str
    blind: int
    helped: int
    unknown: int

    @property
    def articles(self) -> int:
        return self.blind + self.helped + self.unknown


@dataclass(frozen=True)
class Mention:
    mention: str
    label: str
    count: int


class Several(NamedTuple):
    """A mention that has more than one label; the most frequent first."""

    mention: str
    labels: list[tuple[str, int]]


class Mentions(NamedTuple):
    """`different` counts by label how many mentions differ; `several` counts all that have more than one label. `as_of`
    is when they were read, where something has changed since.
    """

    read: int
    frequent: dict[str, list[Mention]]
    different: dict[str, int]
    several: int
    contested: list[Several]
    as_of: datetime | None = None


class Kept(NamedTuple):
    """What was read, of which state of the articles."""

    revision: str
    at: datetime
    mentions: Mentions


class Statistics:
    """The figures of what a listing finds; each is asked of the database when it is asked for."""

    def __init__(self, listing: Listing) -> None:
        self.project: Project = listing.project
        self._where, self._params = "l.project_id = %s", [listing.project.pk]
        self._listed = Listed.objects.filter(project=listing.project).order_by()
        if listing.chosen.filters:
            sql, params = Listing(listing.project, replace(listing.chosen, sort="arrival")).ids()
            self._where += f" AND l.id IN ({sql})"
            self._params += params
            self._listed = self._listed.filter(pk__in=RawSQL(sql, params))  # noqa: S611 - the list's own SQL

    def revision(self) -> str:
        """Another one for other articles, and after every change of one of them."""
        whole = self._listed.aggregate(number=Count("pk"), last=Max("changed"), ids=Sum("pk"), moments=Sum("changed"))
        splits = sorted(self._listed.values_list("split", "state").annotate(Count("pk")))
        told = json.dumps([self.project.pk, *(str(value) for value in whole.values()), splits, *self._mended])
        return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()

    def articles(self) -> list[Articles]:
        """Of each split that has some."""
        counted = self._listed.values_list("split", "state").annotate(Count("pk"), Sum("token_count"))
        found: dict[str, Articles] = {}
        for split, state, articles, tokens in counted:
            so_far = found.get(split, Articles(split, 0, 0, 0, 0))
            done = (articles, tokens) if state == "finished" else (0, 0)
            sums = [a + b for a, b in zip(so_far[1:], (articles, tokens, *done), strict=True)]
            found[split] = Articles(split, *sums)
        return [found[split] for split in Split.values if split in found]

    def entities(self) -> list[Entities]:
        """Of each label in each split that has some, in the order of the labels."""
        names = {label.pk: label.name for label in self.project.label_list}
        rows = self._rows(
            "SELECT c.label_id, l.split, sum(c.count), count(*)",
            "annotate_documentlabel c ON c.document_id = l.id",
            "GROUP BY c.label_id, l.split",
        )
        counted = {(label, split): (int(entities), articles) for label, split, entities, articles in rows}
        return [
            Entities(name, split, *counted[label, split])
            for label, name in names.items()
            for split in Split.values
            if (label, split) in counted
        ]

    def lengths(self) -> Spread:
        """Tokens an article."""
        return spread(self._listed.values_list("token_count").annotate(Count("pk")))

    def density(self) -> Spread:
        """Entities in a hundred tokens, of each finished article."""
        entities = "(SELECT coalesce(sum(c.count), 0) FROM annotate_documentlabel c WHERE c.document_id = l.id)"
        rows = self._rows(f"SELECT l.token_count, {entities} AS entities, count(*)", "", "GROUP BY 1, 2")
        return spread(((100 * int(entities) / tokens, count) for tokens, entities, count in rows), finest=0.1)

    def blind(self) -> list[Blind]:
        """Of each split that has finished articles. What was mended after a model's mistake had been seen is not."""
        rows = self._rows(
            "SELECT l.split, g.blind, count(*)",
            "annotate_annotation g ON g.document_id = l.id AND g.kind = 'gold'",
            "GROUP BY l.split, g.blind",
        )
        found: dict[str, Counter[bool | None]] = defaultdict(Counter)
        for split, blind, count in rows:
            found[split][None if blind is None else bool(blind)] += count
        for split, count in self._mended_blind().items():
            found[split].update({True: -count, False: count})
        return [Blind(split, found[split][True], found[split][False], found[split][None]) for split in _known(found)]

    def mentions(self) -> Mentions:
        """What the entities are, in words: as they were read last, where nothing has changed, or hardly a minute ago,
        or while somebody reads. Raises BeingRead.
        """
        of = json.dumps([self._where, self._params], default=str)
        key = f"mentions-{hashlib.blake2b(of.encode(), digest_size=8).hexdigest()}"
        kept: Kept | None = cache.get(key)
        revision = self.revision()
        if kept and kept.revision == revision:
            return kept.mentions
        if kept and timezone.now() - kept.at < FRESH:
            return kept.mentions._replace(as_of=kept.at)
        if not _reading.acquire(blocking=False):
            if kept:
                return kept.mentions._replace(as_of=kept.at)
            raise BeingRead
        try:
            kept = Kept(revision, timezone.now(), self._read_mentions())
        finally:
            _reading.release()
        cache.set(key, kept, KEPT)
        return kept.mentions

    def _read_mentions(self) -> Mentions:
        counts: Counter[tuple[str, str]] = Counter()
        read = 0
        for text, offsets, tags in self._gold():
            read += 1
            counts.update(_mentions(text, offsets, tags))
        frequent: dict[str, list[Mention]] = defaultdict(list)
        different: Counter[str] = Counter(label for label, _ in counts)
        by_mention: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for (label, mention), count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            if len(frequent[label]) < MOST_FREQUENT:
                frequent[label].append(Mention(mention, label, count))
            by_mention[mention].append((label, count))
        several = [Several(mention, labels) for mention, labels in by_mention.items() if len(labels) > 1]
        several.sort(key=lambda one: (-one.labels[1][1], -one.labels[0][1], one.mention))
        order = [name for name in self.project.label_names() if name in frequent]
        return Mentions(
            read,
            {label: frequent[label] for label in [*order, *sorted(set(frequent) - set(order))]},
            dict(different),
            len(several),
            several[:MOST_SEVERAL],
        )

    def _gold(self) -> Iterator[tuple[str, str, str]]:
        """Text, offsets and tags of finished articles with entities as they are stored, some at a time."""
        last, left = 0, MOST_READ
        while left:
            size = min(left, READ_AT_ONCE)
            rows = self._rows(
                "SELECT l.id, d.text, d.tokens, g.tags",
                "annotate_document d ON d.id = l.id JOIN annotate_annotation g ON g.document_id = l.id "
                "AND g.kind = 'gold'",
                f"AND l.tagged AND l.id > %s ORDER BY l.id LIMIT {size}",
                last,
            )
            yield from (row[1:] for row in rows)
            if len(rows) < size:
                return
            last, left = rows[-1][0], left - size

    @cached_property
    def _mended(self) -> list[int]:
        answers: list[Any] = [pks for _, pks in tags_mended.send(Project, project=self.project)]
        return sorted({pk for pks in answers for pk in pks})

    def _mended_blind(self) -> Counter[str]:
        """How many of them count as blind in their own rows, by split."""
        gold = Annotation.objects.filter(kind=Annotation.Kind.GOLD, document__in=self._mended, blind=True)
        done = self._listed.filter(pk__in=gold.values("document"), state="finished")
        return Counter(dict(done.values_list("split").annotate(Count("pk"))))

    def _rows(self, select: str, joined: str, rest: str, *more: Any) -> list[Any]:
        """Of the finished articles."""
        join = f"JOIN {joined}" if joined else ""
        where = f"{self._where} AND l.state = 'finished'"
        with connection.cursor() as cursor:
            cursor.execute(f"{select} FROM annotate_listed l {join} WHERE {where} {rest}", [*self._params, *more])
            return list(cursor.fetchall())


def _known(found: dict[str, Any]) -> list[str]:
    return [split for split in Split.values if split in found]


def _mentions(text: str, offsets: str, tags: str) -> Iterator[tuple[str, str]]:
    """(label, words) of each entity; the blanks between the words do not tell two mentions apart."""
    points = offsets.strip("[]").split(",")
    for span in iob2.spans_of_stored(tags):
        yield span.label, " ".join(text[int(points[2 * span.start]) : int(points[2 * span.end - 1])].split())
