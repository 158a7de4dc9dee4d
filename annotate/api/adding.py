"""Articles that a program brings: read as a line of JSON is, stored as an import stores them, each with its outcome.

An article's external id makes it idempotent: who sends it again is told the article that is there.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db import transaction

from annotate.api.problems import Error, Problem
from annotate.exchange.formats import rows
from annotate.exchange.near import Prepared, prepare
from annotate.exchange.records import LONGEST, Options, Record, apply
from annotate.exchange.storing import Intake
from annotate.models import Document, Project
from annotate.signals import documents_imported

AT_ONCE = 3_000  # tokens of one write; nobody's edit has to wait longer than for that

Became = Literal["created", "exists", "duplicate", "deleted", "refused"]


@dataclass
class Outcome:
    """What became of one article, and its id where it has one."""

    outcome: Became
    id: int | None = None
    external_id: str = ""
    errors: list[Error] = field(default_factory=list)


def add(
    project: Project, by: Any, articles: Sequence[Mapping[str, Any]], as_: str, on_error: Literal["repair", "skip"]
) -> list[Outcome]:
    """Store what can be stored of these articles, a few at a time."""
    if project.label_changes.unfinished().exists():
        raise Problem(409, "The labels of this project are being changed. Articles can be added when that is done.")
    outcomes: dict[int, Outcome] = {}
    intake = Intake(project, as_, "auto", by)
    twice = {known for known, count in Counter(_id_of(article) for article in articles).items() if known and count > 1}
    for some in _portions(_readable(articles, on_error, twice, outcomes)):
        outcomes |= _write(intake, some)
    if intake.stored.articles:
        documents_imported.send_robust(Project, project=project)
    return [outcomes[place] for place in range(len(articles))]


def _readable(
    articles: Sequence[Mapping[str, Any]],
    on_error: Literal["repair", "skip"],
    twice: set[str],
    outcomes: dict[int, Outcome],
) -> Iterator[tuple[int, Prepared]]:
    """Those that can be stored, with their places. What becomes of the others is put into `outcomes`."""
    for place, article in enumerate(articles):
        record = rows.record_of(article, Options(scheme="iob2"), line=1, number=place + 1)
        if _id_of(article) in twice:
            told = f"The id {_id_of(article)!r} stands in several articles of this request."
            record = record.having([record.error("id-twice", told)])
        whole = apply(record, on_error)
        if whole is None:
            errors = [Error(place=f"body.documents.{place}", detail=problem.message) for problem in record.errors]
            outcomes[place] = Outcome("refused", None, _id_of(article), errors)
        else:
            yield place, prepare(whole)


def _portions(prepared: Iterator[tuple[int, Prepared]]) -> Iterator[list[tuple[int, Prepared]]]:
    some: list[tuple[int, Prepared]] = []
    weight = 0
    for one in prepared:
        some.append(one)
        weight += len(one[1].record.words or [])
        if weight >= AT_ONCE:
            yield some
            some, weight = [], 0
    if some:
        yield some


@transaction.atomic
def _write(intake: Intake, some: list[tuple[int, Prepared]]) -> dict[int, Outcome]:
    # Held before the ids are looked for: of two requests that bring the same article, the second finds the first's.
    Project.objects.select_for_update().get(pk=intake.project.pk)
    ids = {one.record.external_id for _, one in some} - {""}
    there = Document.objects.filter(project=intake.project, external_id__in=ids).order_by()
    known = {external_id: (pk, gone) for pk, external_id, gone in there.values_list("pk", "external_id", "deleted_at")}
    outcomes: dict[int, Outcome] = {}
    for place, one in some:
        if one.record.external_id in known:
            pk, gone = known[one.record.external_id]
            outcomes[place] = Outcome("deleted" if gone else "exists", pk, one.record.external_id)
    written = intake.write([one for place, one in some if place not in outcomes])
    became = {record.number: document for record, document in written}
    for place, one in some:
        outcomes.setdefault(place, _outcome(one.record, became.get(one.record.number)))
    return outcomes


def _outcome(record: Record, document: Document | None) -> Outcome:
    if document is None:
        return Outcome("duplicate", None, record.external_id)
    return Outcome("created", document.pk, document.external_id)


def _id_of(article: Mapping[str, Any]) -> str:
    """The id as it is stored; one that is too long goes into the metadata."""
    given = str(article.get("external_id") or "")
    return given if len(given) <= LONGEST["external_id"] else ""
