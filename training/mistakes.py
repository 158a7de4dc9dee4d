"""What a model got wrong in held-out articles: found at its run, shown beside what the articles say now."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Count, F, Q, QuerySet

from annotate import iob2
from annotate.models import Annotation, Document, Project, Source
from training.models import Mistake, Run

if TYPE_CHECKING:
    from training.engine.predict import Predicted
    from training.snapshot import Snapshot

MOST = 5000  # of one run: who mends a model looks at dozens
AT_ONCE = 500  # rows written together, so that no person's edit waits for them
AROUND = 60  # code points of the text shown before and after


class Shown(NamedTuple):
    """A mistake as the page has it: the words of both sides, those around them, and what became of it since."""

    mistake: Mistake
    label: str
    said: str
    words: str
    said_words: str
    before: str
    here: str
    after: str
    since: str


def found(run: Run, frozen: Snapshot, predicted: Sequence[Predicted]) -> list[Mistake]:
    """All that the run's model got wrong in the snapshot's held-out articles, in the order of the articles."""
    from training.engine.pairing import pair_up

    mistakes = []
    for article, offsets, told in zip(frozen.validation, frozen.offsets, predicted, strict=True):
        probabilities = {iob2.Span(*span[:3]): span[3] for span in told.spans}
        for pair in pair_up(iob2.spans_of(article.tags), list(probabilities)):
            if pair.kind == "right":
                continue
            mistake = Mistake(run=run, document_id=int(article.key), kind=pair.kind)
            if pair.gold:
                mistake.start, mistake.end = offsets[2 * pair.gold.start], offsets[2 * pair.gold.end - 1]
                mistake.label = pair.gold.label
            if pair.predicted:
                mistake.said_start = offsets[2 * pair.predicted.start]
                mistake.said_end = offsets[2 * pair.predicted.end - 1]
                mistake.said, mistake.probability = pair.predicted.label, probabilities[pair.predicted]
            mistakes.append(mistake)
    return mistakes


def keep(mistakes: Sequence[Mistake]) -> None:
    """Write the first MOST of them, some at a time. What was deleted meanwhile has none."""
    for begin in range(0, min(len(mistakes), MOST), AT_ONCE):
        some = mistakes[begin : min(begin + AT_ONCE, MOST)]
        there = set(Document.objects.filter(pk__in={m.document_id for m in some}).values_list("pk", flat=True))
        Mistake.objects.bulk_create([mistake for mistake in some if mistake.document_id in there])


def of(run: Run, kind: str = "", label: str = "") -> QuerySet[Mistake]:
    """The run's mistakes in articles that are still there."""
    chosen = run.mistakes.filter(document__deleted_at=None)
    if kind:
        chosen = chosen.filter(kind=kind)
    return chosen.filter(Q(label=label) | Q(said=label)) if label else chosen


def counted(chosen: QuerySet[Mistake]) -> dict[str, int]:
    """How many there are of each kind."""
    return dict(chosen.order_by().values_list("kind").annotate(Count("pk")))


def shown(mistakes: Sequence[Mistake], source: Source | None) -> Iterator[Shown]:
    """Each mistake with its words, under the names that labels have now."""
    documents = Document.objects.defer("signature").in_bulk({mistake.document_id for mistake in mistakes})
    tagged = _tagged_now(documents)
    for mistake in mistakes:
        mistake.document = documents[mistake.document_id]
        text = mistake.document.text
        first, last = mistake.first, mistake.last
        label, said = _name_now(mistake.label, source), _name_now(mistake.said, source)
        yield Shown(
            mistake,
            label,
            said,
            text[mistake.start : mistake.end] if mistake.label else "",
            text[mistake.said_start : mistake.said_end] if mistake.said else "",
            *_around(text, first, last),
            _since(mistake, label, said, tagged.get(mistake.document_id, set())),
        )


def token_at(document: Document, place: int) -> int:
    """The token that holds this code point by now."""
    return max(0, bisect_right(document.tokens, place, key=lambda token: token[0]) - 1)


def corrected(project: Project) -> set[int]:
    """The articles whose tags were changed after somebody had come to them from one of a model's mistakes."""
    opened = Mistake.objects.filter(document__project=project, opened_at__isnull=False)
    later = opened.filter(document__edits__at__gt=F("opened_at"), document__edits__revision__gt=0)
    return set(later.values_list("document_id", flat=True))


def _around(text: str, first: int, last: int) -> tuple[str, str, str]:
    """What stands before, here and after, cut between words where there are blanks."""
    begin, end = max(0, first - AROUND), min(len(text), last + AROUND)
    if begin:
        begin = max(begin, text.find(" ", begin, first) + 1)
    if end < len(text):
        blank = text.rfind(" ", last, end)
        end = blank if blank > 0 else end
    return text[begin:first], text[first:last], text[last:end]


def _name_now(label: str, source: Source | None) -> str:
    """What the label is called now; where it is gone, what it was called."""
    return (source.name_now(label) if source and label else None) or label


def _tagged_now(documents: dict[int, Document]) -> dict[int, set[tuple[int, int, str]]]:
    """The entities of these articles as they are now, in code points."""
    golds = Annotation.objects.filter(document__in=documents, kind=Annotation.Kind.GOLD)
    return {
        gold.document_id: {
            (tokens[span.start][0], tokens[span.end - 1][1], span.label) for span in iob2.spans_of(gold.tags)
        }
        for gold in golds
        for tokens in [documents[gold.document_id].tokens]
    }


def _since(mistake: Mistake, label: str, said: str, tagged: set[Any]) -> str:
    """What became of it since the run, in words; empty where all is as it was."""
    if mistake.said and (mistake.said_start, mistake.said_end, said) in tagged:
        return "The article agrees with the model now."
    if mistake.label and (mistake.start, mistake.end, label) not in tagged:
        return "The tags have been changed here since."
    return ""
