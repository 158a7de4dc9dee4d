"""Articles that a program brings: read as a line of JSON is, stored as an import stores them, each with its outcome.

An article's external id makes it idempotent: who sends it again is told the article that is there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db import transaction

from annotate.api.problems import Error, Problem
from annotate.exchange.checking import first_unstorable
from annotate.exchange.formats import rows
from annotate.exchange.near import Prepared, prepare
from annotate.exchange.records import LONGEST, Options, Record, apply
from annotate.exchange.storing import Intake
from annotate.models import Document, Project
from annotate.signals import documents_imported

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
    ids = [_id_of(article) for article in articles]
    twice = {known for known, count in Counter(ids).items() if known and count > 1}
    there = _there(project, {known for known in ids if known not in twice and first_unstorable(known) is None})
    # What is there is not read at all: a program may send all it has again and again.
    outcomes = {place: there[known] for place, known in enumerate(ids) if known in there}
    left = [(place, article) for place, article in enumerate(articles) if place not in outcomes]
    intake = Intake(project, as_, "auto", by)
    for some in intake.portions(_readable(left, on_error, twice, outcomes)):
        with intake.timed():
            outcomes |= _write(intake, some)
    if intake.stored.articles:
        documents_imported.send_robust(Project, project=project)
    return [outcomes[place] for place in range(len(articles))]


def _there(project: Project, external_ids: set[str]) -> dict[str, Outcome]:
    """What is said of an article, by the ids that the project has."""
    found = project.documents.with_ids(external_ids - {""}).values_list("external_id", "pk", "deleted_at")
    return {name: Outcome("deleted" if gone else "exists", pk, name) for name, pk, gone in found}


def _readable(
    articles: Iterable[tuple[int, Mapping[str, Any]]],
    on_error: Literal["repair", "skip"],
    twice: set[str],
    outcomes: dict[int, Outcome],
) -> Iterator[Prepared]:
    """Those that can be stored, numbered from 1 by their places. What becomes of the others is put into `outcomes`."""
    for place, article in articles:
        record = rows.record_of(article, Options(scheme="iob2"), line=1, number=place + 1)
        if _id_of(article) in twice:
            told = f"The id {_id_of(article)!r} stands in several articles of this request."
            record = record.having([record.error("id-twice", told)])
        whole = apply(record, on_error)
        if whole is None:
            errors = [Error(place=f"body.documents.{place}", detail=problem.message) for problem in record.errors]
            outcomes[place] = Outcome("refused", None, _id_of(article), errors)
        else:
            yield prepare(whole)


@transaction.atomic
def _write(intake: Intake, some: list[Prepared]) -> dict[int, Outcome]:
    # Held before the ids are looked for: of two requests that bring the same article, the second finds the first's.
    Project.objects.select_for_update().get(pk=intake.project.pk)
    there = _there(intake.project, {one.record.external_id for one in some})
    written = intake.write([one for one in some if one.record.external_id not in there])
    became = {record.number: document for record, document in written}
    return {
        record.number - 1: there.get(record.external_id) or _outcome(record, became.get(record.number))
        for record, *_ in some
    }


def _outcome(record: Record, document: Document | None) -> Outcome:
    if document is None:
        return Outcome("duplicate", None, record.external_id)
    return Outcome("created", document.pk, document.external_id)


def _id_of(article: Mapping[str, Any]) -> str:
    """The id as it is stored; one that is too long goes into the metadata."""
    given = str(article.get("external_id") or "")
    return given if len(given) <= LONGEST["external_id"] else ""
