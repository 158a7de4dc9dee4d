"""Whose work goes out, and who tagged what."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotate import relabelling
from annotate.desk import do, open_desk
from annotate.exchange import exporting
from annotate.exchange.hands import Hand, Line, hands_of
from annotate.exchange.wanted import Wanted
from annotate.jobs import run_label_change
from annotate.models import Ask, Document, Project
from tests.annotate.exchange.handing_in import imported, upload
from tests.make import make_document, make_project, make_user, suggest


def line(who: str, start: int, before: str, after: str, how: str = "hand") -> Line:
    return Line(start, before.split(), after.split(), Hand(who, "", how))


@pytest.mark.parametrize(
    ("lines", "whose"),
    [
        ([line("ada", 1, "O", "B-PER")], {(1, 2, "PER"): "ada"}),
        ([line("ada", 1, "O", "B-PER"), line("bob", 1, "B-PER", "O")], {}),
        ([line("ada", 1, "O", "B-PER"), line("bob", 1, "B-PER", "B-ORG")], {(1, 2, "ORG"): "bob"}),
        ([line("ada", 1, "O", "B-PER"), line("bob", 1, "B-PER", "B-PER", "rejected")], {(1, 2, "PER"): "ada"}),
        (
            [line("ada", 0, "O", "B-PER"), line("bob", 0, "B-PER O", "B-PER B-LOC")],
            {(0, 1, "PER"): "ada", (1, 2, "LOC"): "bob"},
        ),
        (
            [line("ada", 1, "O", "B-PER"), line("bob", 1, "B-PER", "O"), line("bob", 1, "O", "B-PER", "undone")],
            {(1, 2, "PER"): "ada"},
        ),
        ([line("ada", 1, "O", "B-PER"), line("bob", 1, "B-PER", "B-MAN", "relabelled")], {(1, 2, "MAN"): "ada"}),
        (
            [line("ada", 2, "O", "B-PER"), line("bob", 0, "O", "O O", "split")],
            {(3, 4, "PER"): "ada"},
        ),
        ([line("ada", 0, "O", "B-PER"), line("bob", 0, "B-PER", "B-PER I-PER", "split")], {(0, 2, "PER"): "ada"}),
    ],
)
def test_the_last_word_on_an_entity_is_found_in_the_log(lines: list[Line], whose: dict[Any, str]) -> None:
    assert {place: hand.by for place, hand in hands_of(lines).items()} == whose


pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return make_project(manager=make_user("ada"))


def act(document: Document, who: User | None, *verb: object) -> None:
    found = Document.objects.get(pk=document.pk)
    gold = found.gold()
    prediction = None if found.is_held_out else found.prediction()
    ask = Ask(who, uuid4(), gold.revision if gold else 0, prediction.source_id if prediction else None)
    with open_desk(document.pk, ask) as desk:
        do(desk, *verb)  # type: ignore[arg-type]


def row_of(project: Project, kind: str = "jsonl") -> dict[str, Any]:
    pieces = exporting.written(project, kind, everything=True, wanted=Wanted(provenance=True))
    found: dict[str, Any] = json.loads(b"".join(pieces))
    return found


def test_of_each_entity_it_is_told_who_when_how_and_of_which_version(project: Project) -> None:
    ada, bob = project.memberships.get().user, make_user("bob")
    document = make_document("😀 Ada met Bob in Paris.", project)
    suggest(document, (1, 2, "PER", 0.9), (3, 4, "ORG", 0.6))
    act(document, ada, "accept", 1, 2, "PER")
    act(document, bob, "tag", 3, 4, "PER")
    act(document, bob, "tag", 5, 6, "LOC")
    act(document, bob, "finish")
    provenance = row_of(project)["provenance"]
    assert (provenance["finished_by"], provenance["blind"]) == ("bob", False)
    assert provenance["finished_at"].endswith("+00:00")
    told = [{key: value for key, value in entity.items() if key != "at"} for entity in provenance["entities"]]
    assert told == [
        {"start": 2, "end": 5, "label": "PER", "by": "ada", "how": "accepted", "source": "Model 1", "probability": 0.9},
        {
            "start": 10,
            "end": 13,
            "label": "PER",
            "by": "bob",
            "how": "corrected",
            "source": "Model 1",
            "probability": 0.6,
        },
        {"start": 17, "end": 22, "label": "LOC", "by": "bob", "how": "hand", "source": None, "probability": None},
    ]


def test_a_label_renamed_since_leaves_the_entity_with_who_tagged_it(project: Project) -> None:
    ada = project.memberships.get().user
    document = make_document("Ada left.", project)
    act(document, make_user("bob"), "tag", 0, 1, "PER")
    relabelling.begin(project, ada, "renamed", project.labels.get(name="PER"), "HUMAN", uuid4())
    run_label_change(project.label_changes.get().pk)
    (entity,) = row_of(project)["provenance"]["entities"]
    assert (entity["label"], entity["by"], entity["how"]) == ("HUMAN", "bob", "hand")


def test_what_was_imported_says_so(project: Project) -> None:
    imported(upload(project, json.dumps({"text": "Ada left.", "spans": [[0, 3, "PER"]]})))
    provenance = row_of(project)["provenance"]
    assert (provenance["finished_by"], provenance["blind"]) == (None, None)
    assert [entity["how"] for entity in provenance["entities"]] == ["imported"]


def test_label_studio_and_prodigy_have_it_in_places_of_their_own(project: Project) -> None:
    document = make_document("Ada left.", project)
    act(document, make_user("bob"), "tag", 0, 1, "PER")
    act(document, make_user("eve"), "finish")
    (task,) = json.loads(b"".join(exporting.written(project, "labelstudio", wanted=Wanted(provenance=True))))
    assert task["meta"]["provenance"]["entities"][0]["by"] == "bob"
    row = row_of(project, "prodigy")
    assert (row["_annotator_id"], row["spans"][0]["by"], row["answer"]) == ("eve", "bob", "accept")
    assert isinstance(row["_timestamp"], int)


def test_one_persons_work_is_what_they_finished_and_what_they_began(project: Project) -> None:
    ada, bob = project.memberships.get().user, make_user("bob")
    finished, begun, others, untouched = (make_document(f"Ada {n}.", project, title=str(n)) for n in range(4))
    act(finished, bob, "tag", 0, 1, "PER")
    act(finished, ada, "finish")
    act(begun, ada, "tag", 0, 1, "PER")
    act(others, bob, "finish")
    relabelling.begin(project, bob, "renamed", project.labels.get(name="PER"), "HUMAN", uuid4())
    run_label_change(project.label_changes.get().pk)

    def titles(user: User, everything: bool) -> list[str]:
        pieces = exporting.written(project, "jsonl", everything, wanted=Wanted(user.pk))
        return [json.loads(line)["title"] for line in b"".join(pieces).splitlines()]

    assert [titles(ada, False), titles(ada, True)] == [["0"], ["0", "1"]]
    assert [titles(bob, False), titles(bob, True)] == [["2"], ["2"]]
    assert untouched.gold() is None


def test_it_takes_as_many_queries_for_many_articles_as_for_one(project: Project) -> None:
    asked = []
    for count in (1, 5):
        for number in range(count):
            document = make_document(f"Ada {number}.", project)
            act(document, make_user(), "tag", 0, 1, "PER")
            act(document, make_user(), "finish")
        with CaptureQueriesContext(connection) as queries:
            list(exporting.written(project, "jsonl", wanted=Wanted(provenance=True)))
        asked.append(len(queries))
    assert asked[0] == asked[1]
