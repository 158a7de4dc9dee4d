"""The predictor's side of the line: what is read together, who goes first, and what is forgotten."""

import json
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from django.conf import settings
from redis import ResponseError
from rq.worker import SimpleWorker

from annotate import queue as annotate_queue
from annotate.models import Project
from annotate.queue import Workers
from config import workers
from tests.asking import Program
from tests.config.watching import eventually
from tests.make import make_document
from tests.training.fake_queue import Rung
from tests.training.runs import make_version
from tests.training.served import Knowing
from training import folders, jobs, line, predictions, serving, turns
from training.models import Version
from training.turns import Lane, at_work, give_way


@pytest.fixture
def version(project: Project) -> Version:
    version = make_version(project, current=True)
    folders.folder_of(version).mkdir(parents=True)
    return version


@pytest.fixture
def knowing(monkeypatch: pytest.MonkeyPatch) -> Knowing:
    model = Knowing()
    monkeypatch.setattr(predictions, "predictor", lambda version: model)
    return model


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "LOOK_EVERY", 0.05)


def stand(key: str, version: int, *texts: str, words: int = 3) -> None:
    request = {"version": version, "words": [text.split() for text in texts], "starts": [[0] for _ in texts]}
    line._stand(key, request, words)


def answer_to(key: str) -> Any:
    return json.loads(line._await(key))


def test_requests_that_wait_together_are_read_together(version: Version, knowing: Knowing, queue: Any) -> None:
    stand("one", version.pk, "Ada left .", "Nobody .")
    stand("two", version.pk, "then Bob left .")
    assert serving.serve_once(Lane.SHORT, Event())
    assert knowing.asked == [3]
    assert answer_to("one") == {"said": [[[0, 1, "PER", 0.97]], []]}
    assert answer_to("two") == {"said": [[[1, 2, "PER", 0.97]]]}
    assert not serving.serve_once(Lane.SHORT, Event())


def test_no_more_are_read_together_than_can_be_answered_soon(
    version: Version, knowing: Knowing, queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "READ_TOGETHER", 6)
    for number in range(5):
        stand(f"request {number}", version.pk, "Ada left .")
    for _ in range(3):
        serving.serve_once(Lane.SHORT, Event())
    assert knowing.asked == [2, 2, 1]


def test_models_of_two_projects_each_read_their_own(version: Version, knowing: Knowing, queue: Any) -> None:
    other = make_version(version.project)
    folders.folder_of(other).mkdir(parents=True)
    stand("one", version.pk, "Ada left .")
    stand("two", other.pk, "Bob left .")
    serving.serve_once(Lane.SHORT, Event())
    assert knowing.asked == [1, 1]


def test_a_request_that_cannot_be_read_spoils_no_other(version: Version, knowing: Knowing, queue: Any) -> None:
    stand("bad", version.pk, "boom")
    stand("good", version.pk, "Ada left .")
    serving.serve_once(Lane.SHORT, Event())
    assert "not enough memory" in answer_to("bad")["trouble"]
    assert answer_to("good") == {"said": [[[0, 1, "PER", 0.97]]]}


def test_who_has_given_up_is_passed_over(version: Version, knowing: Knowing, queue: Any) -> None:
    stand("gone", version.pk, "Ada left .")
    line._leave("gone")
    assert not serving.serve_once(Lane.SHORT, Event())
    assert knowing.asked == []


@pytest.mark.parametrize("lane", serving.TOGETHER)
def test_who_has_waited_too_long_is_not_read(
    version: Version, knowing: Knowing, queue: Any, monkeypatch: pytest.MonkeyPatch, lane: Lane
) -> None:
    monkeypatch.setattr(line, "ANSWERED_WITHIN", -1)
    stand("late", version.pk, "Ada left .", words=line.SHORT_WORDS + lane)
    assert not serving.serve_once(lane, Event())
    assert knowing.asked == []


def test_reading_ends_once_nobody_waits_for_it(version: Version, queue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []

    class Slow(Knowing):
        def predict(self, articles: Any, after_batch: Any = None) -> Any:
            for number in range(5):
                batches.append(number)
                if number == 2:
                    monkeypatch.setattr(line.Taken, "is_late", property(lambda one: one.key != "patient"))
                if number == 3:
                    monkeypatch.setattr(line.Taken, "is_late", True)
                after_batch(number, 5)
            return super().predict(articles)

    monkeypatch.setattr(predictions, "predictor", lambda version: Slow())
    stand("one", version.pk, "Ada left .")
    stand("patient", version.pk, "Bob left .")
    serving.serve_once(Lane.SHORT, Event())
    assert batches == [0, 1, 2, 3]
    assert not queue.exists(line.ANSWER % "one")


def test_long_requests_have_a_lane_of_their_own(version: Version, knowing: Knowing, queue: Any) -> None:
    stand("long", version.pk, "Ada left .", words=line.SHORT_WORDS + 1)
    assert not serving.serve_once(Lane.SHORT, Event())
    assert serving.serve_once(Lane.LONG, Event())


def test_texts_lie_in_the_queue_until_they_are_taken_and_no_minute_longer(version: Version, queue: Any) -> None:
    stand("one", version.pk, "Ada left .")
    kept = [queue.ttl(key) for key in queue.keys("*")]
    assert len(kept) == 3
    assert all(0 < seconds <= line.KEPT for seconds in kept)
    line.take(Lane.SHORT, 1)
    assert not queue.exists(line.TEXTS % "one")
    line.answer({"one": {"said": []}})
    assert 0 < queue.ttl(line.ANSWER % "one") <= line.KEPT


def files_of_the_queue() -> bytes:
    return b"".join(path.read_bytes() for path in (Path(settings.TAGDESK_DATA) / "queue").rglob("*.aof"))


def test_the_queues_file_forgets_what_was_read(version: Version, knowing: Knowing, queue: Any) -> None:
    stand("one", version.pk, "Quuxington left .")
    serving.serve_once(Lane.SHORT, Event())
    line._leave("one")
    assert eventually(lambda: b"Quuxington" in files_of_the_queue())
    line.forget()
    assert eventually(lambda: b"Quuxington" not in files_of_the_queue())


def test_what_the_queues_server_is_at_already_is_asked_again_and_no_trouble(
    queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy() -> None:
        raise ResponseError("Background append only file rewriting already in progress")

    monkeypatch.setattr(queue, "bgrewriteaof", busy)
    assert not line.forget()


def test_lanes_forget_once_they_end(queue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    forgot: list[int] = []
    monkeypatch.setattr(serving, "_serve", lambda lane, ended: ended.wait())
    monkeypatch.setattr(line, "forget", lambda: forgot.append(1))
    with serving.open_lanes():
        assert forgot == []
    assert forgot == [1]


def test_lanes_forget_as_they_begin_what_was_read_before_them(
    transactional_db: None, queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgot: list[bool] = []

    def forget() -> bool:
        forgot.append(True)
        return True

    monkeypatch.setattr(line, "forget", forget)
    with serving.open_lanes():
        assert eventually(lambda: len(forgot) == len(serving.TOGETHER))


def gives_way(lane: Lane) -> Thread:
    thread = Thread(target=give_way, args=(lane,), daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(("first", "then"), [(Lane.SHORT, Lane.LONG), (Lane.LONG, Lane.BACKGROUND)])
def test_who_does_more_gives_way(monkeypatch: pytest.MonkeyPatch, first: Lane, then: Lane) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 600)
    with at_work(first):
        waiting, going = gives_way(then), gives_way(first)
        going.join(60)
        waiting.join(0.2)  # long enough to see one that goes on where it is to wait
        assert (waiting.is_alive(), going.is_alive()) == (True, False)
    waiting.join(60)
    assert not waiting.is_alive()


def test_nothing_stands_still_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.01)
    with at_work(Lane.SHORT):
        give_way(Lane.BACKGROUND)


def test_fillings_and_archives_give_way(
    version: Version, knowing: Knowing, rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    gave: list[Lane] = []
    monkeypatch.setattr(predictions, "give_way", gave.append)
    make_document("Ada left.", version.project)
    jobs.predict_next(version.source_id)
    assert gave == [Lane.BACKGROUND]
    assert predictions.predict_with(version)([]) == []
    assert gave == [Lane.BACKGROUND] * 2


def test_a_predictor_that_is_stopped_says_so(version: Version, knowing: Knowing, queue: Any) -> None:
    ended = Event()
    ended.set()
    stand("one", version.pk, "Ada left .")
    serving.serve_once(Lane.SHORT, ended)
    assert "was stopped" in answer_to("one")["trouble"]


def test_the_predict_worker_answers_beside_its_jobs(
    transactional_db: None, version: Version, knowing: Knowing, queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Program(version.project.memberships.get().user, "read")
    told: list[Any] = []

    def listen(worker: Any, *args: Any, **options: Any) -> bool:
        told.append(program.post("/projects/news/predict", {"texts": ["Ada met Bob."] * 900}).json())
        told.append(program.post("/projects/news/predict", {"texts": ["Ada met Bob."]}).json())
        return True

    # Nobody is registered, as nobody works; a slow answer must not read as no worker.
    monkeypatch.setattr(annotate_queue, "workers_seen", lambda name: Workers(1, None))
    monkeypatch.setattr(SimpleWorker, "work", listen)
    workers.build("predict").work()
    assert [len(one["texts"]) for one in told] == [900, 1]
    assert knowing.asked == [900, 1]


def test_a_lane_outlives_what_it_cannot_read(
    transactional_db: None, version: Version, knowing: Knowing, queue: Any
) -> None:
    with serving.open_lanes():
        line._stand("nonsense", {}, 1)
        assert eventually(lambda: queue.llen(line.CALLS % Lane.SHORT) == 0)
        stand("one", version.pk, "Ada left .")
        assert eventually(lambda: queue.exists(line.ANSWER % "one") == 1)
