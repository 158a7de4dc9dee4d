"""Time the loop: from the click on Retrain to the next article's suggestions on its page, phase by phase.

`python -m bench.loop` runs all of Tagdesk as `manage.py up` does, on a temporary data folder where the first hundred
articles of WikiGold and its forty-five held-out ones are finished and others wait. It presses Retrain once the workers
are warm, twice: first nobody else is there, then two people tag meanwhile. With `--json`, the last line is one JSON
object. docs/benchmarks.md says how to read it.
"""

import argparse
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.figures import percentile
from bench.server import ROOT, environment
from bench.visitor import Page, Visitor

PATIENCE = 1800.0  # seconds for anything to happen
LOOK_EVERY = 0.01  # seconds between two looks at the run's row
WAITING = 400  # articles that nobody has begun
PEOPLE = 2
BETWEEN = 1.0  # seconds between two tags of one person
ORDER = ("preparing", "training", "scoring", "saving", "comparing")  # of a run, as the worker tells it
PHASES = ("claimed", "first step", "last step", "scored", "kept", "suggested")

Figures = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=100, help="finished ones to learn from")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tagdesk-bench-") as folder:
        os.environ |= environment(Path(folder))
        import django

        django.setup()
        found = measure(Path(folder), options.articles)
    print("\n".join(report(found)))
    if options.json:
        print(json.dumps(found))


def measure(folder: Path, articles: int) -> Figures:
    project, user = filled(articles)
    with running(folder) as port:
        visitor = signed_in(port, user)
        until(workers_are_warm, "the workers")
        until(lambda: has_learnt_at_once(project), "the first suggestions, without a click")
        quiet = tagged_for(port, user, project, seconds=20.0)
        say("pressing Retrain")
        alone = retrained(visitor, project)
        say("pressing Retrain while two people tag")
        with people(port, user, project) as taken:
            together = retrained(visitor, project)
        speeds = [run.scores["words_per_second"] for run in project.runs.order_by("pk")]
    return {
        **{name: alone[name] for name in ("click_to_first_step_s", "train_s", "end_to_suggestions_s")},
        "phases_s": alone["phases_s"],
        "shared": {
            "people": PEOPLE,
            "train_s": together["train_s"],
            "end_to_suggestions_s": together["end_to_suggestions_s"],
            "words_per_s_alone": speeds[0],
            "words_per_s": speeds[1],
            "tag_ms_alone": middle(quiet),
            "tag_ms": middle(taken),
            "tag_p95_ms": round(percentile(taken, 95), 1),
            "tags": len(taken),
        },
    }


def filled(articles: int) -> tuple[Any, Any]:
    """A project whose manager has finished these articles and all that are held out."""
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from bench import filling
    from bench.articles import LABELS, put_together, sentences_of
    from bench.articles import articles as others
    from bench.wikigold import ARTICLES, read

    call_command("migrate", interactive=False, verbosity=0)
    user = User.objects.create_superuser("visitor")
    learnt, held_out = read(ARTICLES)
    fates = [
        filling.Fate(put_together(article.key, sentences_of(article), "", ""), split, "finished", unsure=False)
        for split, some in (("train", learnt[:articles]), ("validation", held_out))
        for article in some
    ]
    fates += [filling.Fate(article, "train", "raw", unsure=False) for article in others(WAITING)]
    return filling.fill_with(fates, list(LABELS), user), user


@contextmanager
def running(folder: Path) -> Iterator[int]:
    """All of Tagdesk; gives the port."""
    command = [sys.executable, "manage.py", "up", "--port", "0", "--no-browser"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(folder), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        port = next((found[1] for line in process.stdout if (found := re.search(r":(\d+)/sign-in/", line))), None)
        if port is None:
            raise SystemExit("Tagdesk did not start")
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield int(port)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


def signed_in(port: int, user: Any) -> Visitor:
    from config.models import SignInLink

    return Visitor(port, SignInLink.objects.issue(user))


def until(happened: Callable[[], Any], what: str) -> float:
    """Wait, and give the moment."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise SystemExit(f"gave up waiting for {what}")
        time.sleep(LOOK_EVERY)
    return time.monotonic()


def workers_are_warm() -> bool:
    """A worker says that it listens when all that it needs is loaded."""
    from annotate.queue import workers_seen

    return all(workers_seen(name).listening for name in ("train", "predict"))


def has_learnt_at_once(project: Any) -> bool:
    project.refresh_from_db()
    return project.current_source_id is not None and next_suggested(project)


def next_suggested(project: Any) -> bool:
    """Whether the article that comes next has been read by the current model."""
    from annotate.models import Document, Prediction

    following = Document.objects.next_in_queue(project)
    return Prediction.objects.filter(document=following, source=project.current_source_id).exists()


def retrained(visitor: Visitor, project: Any) -> Figures:
    """Press Retrain, and look at the run's row until the next article's page shows what the new model says."""
    from training.models import Run

    visitor.begin()
    page = visitor.get(f"/projects/{project.slug}/").body
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None
    clicked = time.monotonic()
    visitor.post(f"/projects/{project.slug}/retrain", {"csrfmiddlewaretoken": token[1]})
    run = Run.objects.filter(project=project).latest("pk")

    def reached(phase: str, step: int = 0) -> bool:
        if has_succeeded(run):
            return True
        told = run.progress or {"phase": "preparing", "step": 0}
        return (ORDER.index(told["phase"]), told["step"]) >= (ORDER.index(phase), step)

    moments = {
        "claimed": until(lambda: status_of(run) != Run.Status.QUEUED, "a worker"),
        "first step": until(lambda: reached("training", 1), "the first step"),
        "last step": until(lambda: reached("scoring"), "the last step"),
        "scored": until(lambda: reached("saving"), "the scores"),
        "kept": until(lambda: has_succeeded(run), "the end"),
        "suggested": until(lambda: shows_suggestions(visitor, project, run), "suggestions"),
    }
    since = dict(zip(PHASES, [clicked, *moments.values()], strict=False))
    return {
        "phases_s": {phase: round(moments[phase] - since[phase], 2) for phase in PHASES},
        "click_to_first_step_s": round(moments["first step"] - clicked, 2),
        "train_s": round(moments["last step"] - moments["first step"], 2),
        "end_to_suggestions_s": round(moments["suggested"] - moments["kept"], 2),
    }


def status_of(run: Any) -> str:
    run.refresh_from_db()
    return str(run.status)


def has_succeeded(run: Any) -> bool:
    from training.models import Run

    status = status_of(run)
    if status in {Run.Status.FAILED, Run.Status.STOPPED}:
        raise SystemExit(f"the training ended as {status}: {run.error}")
    return status == Run.Status.SUCCEEDED


def shows_suggestions(visitor: Visitor, project: Any, run: Any) -> bool:
    """Whether the page of the next article says what the run's model says of it; where that was kept aside, whatever
    the current one says.
    """
    from annotate.models import Document

    project.refresh_from_db()
    following = Document.objects.next_in_queue(project)
    if following is None or not next_suggested(project):
        return False
    visitor.begin()
    return f"{project.current_source}" in visitor.get(f"/articles/{following.pk}/").body


def tagged_for(port: int, user: Any, project: Any, seconds: float) -> list[float]:
    with people(port, user, project) as taken:
        time.sleep(seconds)
    return taken


@contextmanager
def people(port: int, user: Any, project: Any) -> Iterator[list[float]]:
    """People who tag a word every second, each in articles of their own; gives the milliseconds that they waited."""
    from annotate.models import Document

    raw = list(Document.objects.filter(project=project, state="raw").order_by("-pk").values_list("pk", flat=True))
    taken: list[float] = []
    enough = threading.Event()
    failed: list[BaseException] = []
    threads = [
        threading.Thread(target=tag_on, args=(signed_in(port, user), raw[number::PEOPLE], taken, enough, failed))
        for number in range(PEOPLE)
    ]
    for thread in threads:
        thread.start()
    try:
        yield taken
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    if failed:
        raise failed[0]


def tag_on(
    visitor: Visitor, articles: list[int], taken: list[float], enough: threading.Event, failed: list[BaseException]
) -> None:
    from bench.articles import LABELS

    draw = random.Random(articles[0])
    try:
        for pk in articles:
            page = Page(visitor.get(f"/articles/{pk}/").body)
            for word in page.free_tokens()[::20]:
                answer = visitor.edit(page, verb="tag", start=word, end=word + 1, label=draw.choice(LABELS))
                taken.append(answer.ms)
                if enough.wait(BETWEEN * draw.uniform(0.5, 1.5)):
                    return
    except BaseException as error:
        failed.append(error)


def middle(taken: list[float]) -> float:
    return round(statistics.median(taken), 1)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def report(found: Figures) -> Iterator[str]:
    yield "seconds after the phase before"
    for phase, seconds in found["phases_s"].items():
        yield f"  {phase:12} {seconds:8.2f}"
    yield f"click to first step {found['click_to_first_step_s']} s, training {found['train_s']} s"
    yield f"end to suggestions {found['end_to_suggestions_s']} s"
    shared = found["shared"]
    yield (
        f"shared cores: {shared['words_per_s']} words a second while {shared['people']} people tag,"
        f" {shared['words_per_s_alone']} alone; a tag takes {shared['tag_ms']} ms (p95 {shared['tag_p95_ms']})"
        f" while it trains, {shared['tag_ms_alone']} ms otherwise"
    )


if __name__ == "__main__":
    main()
