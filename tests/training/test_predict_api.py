"""Texts sent to be tagged: what comes back, what is refused, and that nothing of them stays."""

from threading import BoundedSemaphore
from typing import Any

import pytest

from annotate import queue as annotate_queue
from annotate.api import callers
from annotate.models import Document, Prediction, Project, Source
from annotate.models.access_token import RepeatableRequest
from annotate.queue import QueueDown, Workers
from tests.asking import Program, is_problem
from tests.make import join, make_project, make_user
from tests.training.runs import make_version
from tests.training.served import Knowing, serve_while_waiting
from training import asking, folders, line, predictions
from training.models import Version

PATH = "/projects/news/predict"
EMOJI = "😀 Ada met Bob in Paris."


@pytest.fixture
def program(project: Project) -> Program:
    return Program(join(project, make_user(), "viewer"), "read")


@pytest.fixture
def version(project: Project) -> Version:
    version = make_version(project, current=True)
    folders.folder_of(version).mkdir(parents=True)
    return version


@pytest.fixture
def knowing(queue: Any, monkeypatch: pytest.MonkeyPatch) -> Knowing:
    model = Knowing()
    monkeypatch.setattr(predictions, "predictor", lambda version: model)
    serve_while_waiting(queue, monkeypatch)
    return model


@pytest.fixture
def silent(queue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that listens and says nothing."""
    monkeypatch.setattr(line, "LOOK_EVERY", 0.02)
    monkeypatch.setattr(line, "ANSWERED_WITHIN", 0.1)
    monkeypatch.setattr(annotate_queue, "workers_seen", lambda name: Workers(1, None))


def test_spans_come_with_code_points_tokens_and_probability(
    program: Program, version: Version, knowing: Knowing
) -> None:
    response = program.post(PATH, {"texts": [EMOJI, "", "Nobody came."]})
    assert response.status_code == 200, response.content
    ada, bob = (
        {"start": 2, "end": 5, "text": "Ada", "token_start": 1, "token_end": 2},
        {"start": 10, "end": 13, "text": "Bob", "token_start": 3, "token_end": 4},
    )
    told = response.json()
    assert told["version"] == version.number
    assert [text["spans"] for text in told["texts"]] == [
        [{**span, "label": "PER", "probability": 0.97} for span in (ada, bob)],
        [],
        [],
    ]
    assert {(text["text"], text["tokens"], text["tags"]) for text in told["texts"]} == {(None, None, None)}


def test_tags_come_where_they_are_asked_for(program: Program, version: Version, knowing: Knowing) -> None:
    [told] = program.post(PATH, {"texts": [EMOJI], "tags": True}).json()["texts"]
    assert told["tokens"] == [[0, 1], [2, 5], [6, 9], [10, 13], [14, 16], [17, 22], [22, 23]]
    assert told["tags"] == ["O", "B-PER", "O", "B-PER", "O", "O", "O"]


def test_tokens_stay_as_they_are_and_make_a_text(program: Program, version: Version, knowing: Knowing) -> None:
    [told, empty] = program.post(PATH, {"tokens": [["Ada", "met", "Bob-ish", "."], []]}).json()["texts"]
    assert told["text"] == "Ada met Bob-ish ."
    assert [(span["text"], span["start"], span["token_end"]) for span in told["spans"]] == [("Ada", 0, 1)]
    assert (empty["text"], empty["spans"]) == ("", [])


def test_a_text_of_any_length_is_answered_as_the_model_reads_it(
    program: Program, by_heart: Version, queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_while_waiting(queue, monkeypatch)
    short, long = "Ada met Bob in Oslo.", "Nobody met anyone in winter. Ada met Bob in Oslo. " * 40
    told = program.post(PATH, {"texts": [short, long], "tags": True}).json()["texts"]
    assert [span["text"] for span in told[0]["spans"]] == ["Ada", "Bob", "Oslo"]
    assert len(told[1]["tags"]) == len(told[1]["tokens"]) == 480
    said = asking.here(by_heart, [asking.Text.of(short), asking.Text.of(long)])
    keys = ("token_start", "token_end", "label", "probability")
    for text, spans in zip(told, said, strict=True):
        expected = [[*where, pytest.approx(probability, abs=1e-3)] for *where, probability in spans]
        assert [[span[key] for key in keys] for span in text["spans"]] == expected


def test_labels_go_by_their_names_of_now(program: Program, version: Version, knowing: Knowing) -> None:
    Source.objects.filter(pk=version.source_id).update(renamed={"PER": "PERSON"})
    [told] = program.post(PATH, {"texts": ["Ada left."], "tags": True}).json()["texts"]
    assert (told["spans"][0]["label"], told["tags"][0]) == ("PERSON", "B-PERSON")
    Source.objects.filter(pk=version.source_id).update(renamed={"PER": None})
    [told] = program.post(PATH, {"texts": ["Ada left."], "tags": True}).json()["texts"]
    assert (told["spans"], told["tags"]) == ([], ["O", "O", "O"])


def test_nothing_is_stored(program: Program, version: Version, knowing: Knowing, queue: Any) -> None:
    before = (Document.objects.count(), Prediction.objects.count())
    response = program.post(PATH, {"texts": ["Ada left."]}, Idempotency_Key="once")
    assert response.status_code == 200
    assert queue.keys("*") == []
    assert (Document.objects.count(), Prediction.objects.count()) == before
    assert not RepeatableRequest.objects.exists()


def test_its_own_line_and_not_the_requests_of_a_minute_limits_it(
    program: Program, version: Version, knowing: Knowing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "MOST_A_MINUTE", 0)
    is_problem(program.get("/projects"), 429)
    assert program.post(PATH, {"texts": ["Ada left."]}).status_code == 200


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "body"),
        ({"texts": ["a"], "tokens": [["a"]]}, "body"),
        ({"texts": []}, "body.texts"),
        ({"texts": ["a"] * 1001}, "body.texts"),
        ({"texts": ["a\0b"]}, "body.texts.0"),
        ({"tokens": [["a"], ["b", "c d"]]}, "body.tokens.1.1"),
        ({"tokens": [["a", ""]]}, "body.tokens.0.1"),
        ({"texts": ["a"], "label": "PER"}, "body.label"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_place(
    program: Program, version: Version, queue: Any, body: dict[str, Any], place: str
) -> None:
    assert is_problem(program.post(PATH, body), 422)["errors"][0]["place"].startswith(place)


@pytest.mark.parametrize(("limit", "most"), [("MOST_WORDS", 3), ("MOST_CHARACTERS", 5)])
def test_too_much_at_once_is_refused(
    program: Program, version: Version, queue: Any, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    from training import predict_api

    monkeypatch.setattr(asking if limit == "MOST_WORDS" else predict_api, limit, most)
    assert "at once" in is_problem(program.post(PATH, {"texts": ["Ada met", "Bob."]}), 413)["detail"]
    assert "at once" in is_problem(program.post(PATH, {"tokens": [["Ada", "met"], ["Bob", "."]]}), 413)["detail"]


@pytest.mark.django_db
def test_without_a_model_it_says_so(program: Program, project: Project) -> None:
    project.current_source = Source.next_of(project, Source.Kind.INSTANT)
    project.save()
    assert "no trained model yet" in is_problem(program.post(PATH, {"texts": ["Ada"]}), 409)["detail"]


def test_a_folder_that_is_gone_is_named(program: Program, version: Version, knowing: Knowing) -> None:
    folders.folder_of(version).rmdir()
    assert version.folder in is_problem(program.post(PATH, {"texts": ["Ada"]}), 503)["detail"]


def test_a_model_that_breaks_is_told(program: Program, version: Version, knowing: Knowing) -> None:
    assert "not enough memory" in is_problem(program.post(PATH, {"texts": ["boom"]}), 503)["detail"]


def test_without_a_worker_it_says_so_at_once(
    program: Program, version: Version, queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "LOOK_EVERY", 0.02)
    assert "No predict worker" in is_problem(program.post(PATH, {"texts": ["Ada"]}), 503)["detail"]
    assert queue.keys("tagdesk:[twa]*") == []


def test_a_worker_that_says_nothing_is_not_waited_for_for_ever(
    program: Program, version: Version, silent: None
) -> None:
    assert "no answer within" in is_problem(program.post(PATH, {"texts": ["Ada"]}), 504)["detail"]


def test_without_the_queue_it_says_so(
    program: Program, version: Version, queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: Any) -> None:
        raise QueueDown("The job queue does not answer.")

    monkeypatch.setattr(line, "ask", down)
    assert "does not answer" in is_problem(program.post(PATH, {"texts": ["Ada"]}), 503)["detail"]


@pytest.mark.parametrize(("limit", "most"), [("MOST_WAITING", 1), ("MOST_WORDS", 3)])
def test_a_full_line_says_when_to_come_again(
    program: Program, version: Version, silent: None, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(line, limit, most)
    line._stand("somebody", {}, words=2)
    response = program.post(PATH, {"texts": ["Ada left."]})
    assert "Try again" in is_problem(response, 429)["detail"]
    assert int(response.headers["Retry-After"]) > 0
    line._leave("somebody")
    assert program.post(PATH, {"texts": ["Ada left."]}).status_code == 504


def test_texts_that_find_no_place_are_not_cut_into_words(
    program: Program, version: Version, queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut: list[str] = []
    monkeypatch.setattr(asking.Text, "of", cut.append)
    with monkeypatch.context() as patch:
        patch.setattr(asking, "_places", BoundedSemaphore(1))
        with asking.a_place():
            is_problem(program.post(PATH, {"texts": ["Ada left."]}), 429)
    monkeypatch.setattr(line, "MOST_WAITING", 0)
    is_problem(program.post(PATH, {"texts": ["Ada left."]}), 429)
    assert cut == []


def test_who_died_while_waiting_takes_no_place(
    program: Program, version: Version, knowing: Knowing, queue: Any
) -> None:
    queue.hset(line.WAITING, "somebody", f"{line.MOST_WORDS} 12.5")
    assert program.post(PATH, {"texts": ["Ada left."]}).status_code == 200


def test_some_threads_of_a_process_are_kept_for_the_pages(
    program: Program, version: Version, knowing: Knowing, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = BoundedSemaphore(1)
    monkeypatch.setattr(asking, "_places", places)
    with places:
        is_problem(program.post(PATH, {"texts": ["Ada left."]}), 429)
    for _ in range(2):
        assert program.post(PATH, {"texts": ["Ada left."]}).status_code == 200


@pytest.mark.django_db
def test_a_foreign_projects_model_does_not_answer(program: Program, version: Version) -> None:
    make_version(make_project("Foreign"), current=True)
    is_problem(program.post("/projects/foreign/predict", {"texts": ["Ada"]}), 404)
