"""The cold start: mentions that people have tagged before, or a gazetteer names, found again word for word.

A mention is a tuple of words, exactly as written. Its share says how often its words, where they stood in a finished
article, were tagged with its label; what stands untagged in an article that nobody has finished says nothing yet. A
gazetteer's mention begins as if it had stood in GIVEN places already, and been tagged so in GIVEN_SO of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from annotate.iob2 import spans_of
from training.engine.articles import Article

LEAST = 0.5  # mentions that are tagged less often than this are more often not one: they only make work
GIVEN, GIVEN_SO = 4, 3  # below the threshold that projects begin with: somebody looks at it once, before it is believed

Mention = tuple[str, ...]
ByFirst = dict[str, dict[int, set[Mention]]]


class Entry(NamedTuple):
    """The label that a mention has most often, and its share in (0, 1]."""

    label: str
    share: float


class Dictionary:
    """Known mentions, looked up by their first word."""

    def __init__(self, entries: dict[Mention, Entry]) -> None:
        self.entries = entries
        self._known = by_first(entries)

    @classmethod
    def of(
        cls, finished: Sequence[Article], begun: Iterable[Article] = (), given: Mapping[Mention, str] | None = None
    ) -> "Dictionary":
        """Collect the mentions of tagged articles, and those of a gazetteer, given with their labels."""
        given = given or {}
        tagged: dict[Mention, Counter[str]] = defaultdict(Counter)
        for article in (*finished, *begun):
            for start, end, label in spans_of(article.tags):
                tagged[tuple(article.words[start:end])][label] += 1
        for mention, label in given.items():
            tagged[mention][label] += GIVEN_SO
        untagged = _untagged(finished, by_first(tagged))
        untagged.update(dict.fromkeys(given, GIVEN - GIVEN_SO))
        entries = {mention: _entry(counts, untagged[mention]) for mention, counts in tagged.items()}
        return cls({mention: entry for mention, entry in entries.items() if entry.share >= LEAST})

    def find(self, words: Sequence[str]) -> list[tuple[int, int, str, float]]:
        """Find (start, end, label, share) from left to right, the longest where several begin at a word."""
        return [(start, end, *self.entries[mention]) for start, end, mention in matches(words, self._known)]


def by_first(mentions: Iterable[Mention]) -> ByFirst:
    """Sort mentions by their first word, then by how many words they have, the longest first."""
    sorted_so: ByFirst = defaultdict(lambda: defaultdict(set))
    for mention in sorted(mentions, key=len, reverse=True):
        sorted_so[mention[0]][len(mention)].add(mention)
    return dict(sorted_so)


def matches(words: Sequence[str], known: ByFirst) -> Iterator[tuple[int, int, Mention]]:
    """Find (start, end, mention) from left to right, apart from each other."""
    edge = 0
    for start, word in enumerate(words):
        if start < edge or word not in known:
            continue
        for length, mentions in known[word].items():
            mention = tuple(words[start : start + length])
            if mention in mentions:
                edge = start + length
                yield start, edge, mention
                break


def _untagged(finished: Iterable[Article], known: ByFirst) -> Counter[Mention]:
    """Count where the words of a mention stand in finished articles and are no entity by themselves."""
    counted: Counter[Mention] = Counter()
    for article in finished:
        entities = {(start, end) for start, end, _ in spans_of(article.tags)}
        counted.update(m for start, end, m in matches(article.words, known) if (start, end) not in entities)
    return counted


def _entry(counts: Counter[str], untagged: int) -> Entry:
    label, often = min(counts.items(), key=lambda item: (-item[1], item[0]))
    return Entry(label, often / (counts.total() + untagged))
