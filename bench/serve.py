"""Time the serving of a model: texts a second and milliseconds at 1, 8 and 32 clients, one article a request.

`python -m bench.serve` runs all of Tagdesk as `manage.py up` does, on two cores and a temporary data folder, and sends
articles to POST /api/v1/projects/SLUG/predict over kept-open connections. Then one request of many articles, and one
client while the predictor fills in the suggestions of another project. A client that is told to wait does so, and the
time counts. `--model FOLDER` keeps the model that is served there, or takes the one that is there. With `--json`, the
last line is one JSON object. docs/benchmarks.md says how to read it.
"""

import argparse
import itertools
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.figures import percentile
from bench.loop import running, say, until, workers_are_warm
from bench.server import environment

CLIENTS = (1, 8, 32)
CORES = 2
TEXTS = 500  # that are sent in turn
MANY = 100  # of the one request
WAITING = 2_000  # articles of the other project
LEARNT_FROM, HELD_OUT = 40, 10  # articles: what the model knows is not what is measured

Figures = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a folder to keep the trained model in, or to take it from")
    parser.add_argument("--path", default="onnx", help="by which path it predicts: onnx, torch or int8")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each number of clients")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory(prefix="tagdesk-bench-") as folder:
        os.environ |= environment(Path(folder))
        import django

        django.setup()
        model = options.model or Path(folder) / "model"
        if not model.is_dir():
            learn(model)
        found = measure(Path(folder), model, options.path, options.seconds)
    print("\n".join(told(found)))
    if options.json:
        print(json.dumps(found))


def learn(model: Path) -> None:
    from bench import predict
    from bench.wikigold import ARTICLES, read

    training, held_out = read(ARTICLES)
    predict.learn(model, training[:LEARNT_FROM], held_out[:HELD_OUT])


def measure(folder: Path, model: Path, path: str, seconds: float) -> Figures:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from annotate.models import AccessToken
    from bench.articles import LABELS, articles
    from bench.filling import Fate, fill_with
    from training import speeds
    from training.engine.shelf import DEFAULT

    call_command("migrate", interactive=False, verbosity=0)
    user = User.objects.create_superuser("visitor")
    served = fill_with([], list(LABELS), user)
    filled = fill_with([Fate(one, "train", "raw", unsure=False) for one in articles(WAITING)], list(LABELS), user)
    make_version(served, model, path).promote()
    other = make_version(filled, model, path)
    texts = [one.text for one in articles(TEXTS, seed=7)]
    _, token = AccessToken.objects.issue(user, name="bench", scope="read")
    with running(folder) as port:
        until(workers_are_warm, "the workers")
        until(lambda: not speeds.is_wanted(DEFAULT), "the train worker, which measures how fast it trains")
        client = Client(port, served.slug, token)
        client.ask(texts[:1])  # it loads the model
        found: Figures = {"path": path, "words_a_text": round(sum(len(text.split()) for text in texts) / TEXTS)}
        found["clients"] = {str(count): asked(count, port, served.slug, token, texts, seconds) for count in CLIENTS}
        began = time.perf_counter()
        client.ask(texts[:MANY])
        found["one_request"] = {"texts": MANY, "texts_per_s": round(MANY / (time.perf_counter() - began), 1)}
        found["while_filling"] = beside_a_filling(other, port, served.slug, token, texts, seconds)
    return found


def beside_a_filling(other: Any, port: int, slug: str, token: str, texts: list[str], seconds: float) -> Figures:
    from annotate.models import Prediction
    from training import doorbell

    other.promote()
    doorbell.ring_for_predictions(other.source_id)
    said = Prediction.objects.filter(source=other.source_id)
    until(said.exists, "the filling")
    before = said.count()
    found = asked(1, port, slug, token, texts, seconds)
    return {**found, "articles_filled_per_s": round((said.count() - before) / seconds, 1)}


def make_version(project: Any, model: Path, path: str) -> Any:
    """The model's folder as a version of the project, as a training would have left it."""
    from annotate.models import Source
    from training.folders import models_folder, told
    from training.models import Run, Version

    folder = models_folder(project) / "v1"
    shutil.copytree(model, folder)
    run = Run.objects.create(project=project, status=Run.Status.SUCCEEDED)
    labels = json.loads((folder / "tagdesk.json").read_text())["labels"]
    source = Source.next_of(project, Source.Kind.MODEL, labels)
    tried = {path: {"words_per_s": 1}}  # so that the predictor does not stop to try them
    return Version.objects.create(
        run=run, project=project, source=source, number=1, folder=told(folder), labels=labels, path=path, paths=tried
    )


class Client:
    def __init__(self, port: int, slug: str, token: str) -> None:
        self.path = f"/api/v1/projects/{slug}/predict"
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.connection = HTTPConnection("127.0.0.1", port, timeout=120)
        self.told_to_wait = 0

    def ask(self, texts: list[str]) -> float:
        """Send them, and give the milliseconds until they are answered."""
        began = time.perf_counter()
        while True:
            try:
                self.connection.request("POST", self.path, json.dumps({"texts": texts}), self.headers)
                response = self.connection.getresponse()
                body = response.read()
            except ConnectionError:  # the server closes one that is silent for two seconds
                self.connection.close()
                continue
            if response.status != 429:
                break
            self.told_to_wait += 1
            time.sleep(float(response.headers["Retry-After"]))
        if response.status != 200 or len(json.loads(body)["texts"]) != len(texts):
            raise RuntimeError(f"{response.status} {body[:300]!r}")
        return (time.perf_counter() - began) * 1000


def asked(count: int, port: int, slug: str, token: str, texts: list[str], seconds: float) -> Figures:
    """So many clients, each of which sends its next text as soon as it has an answer."""
    say(f"{count} clients")
    clients = [Client(port, slug, token) for _ in range(count)]
    until_when = time.perf_counter() + seconds
    taken: list[float] = []
    failed: list[BaseException] = []

    def go_on(number: int) -> None:
        try:
            for text in itertools.islice(itertools.cycle(texts), number * 7, None):
                if time.perf_counter() > until_when:
                    return
                taken.append(clients[number].ask([text]))
        except BaseException as error:
            failed.append(error)

    began = time.perf_counter()
    threads = [threading.Thread(target=go_on, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    found = {
        "texts_per_s": round(len(taken) / (time.perf_counter() - began), 1),
        **{f"p{share}_ms": round(percentile(taken, share), 1) for share in (50, 95, 99)},
        "requests": len(taken),
        "told_to_wait": sum(client.told_to_wait for client in clients),
    }
    say(str(found))
    return found


def told(found: Figures) -> Iterator[str]:
    yield f"texts of {found['words_a_text']} words, by {found['path']}"
    yield f"{'clients':>16}{'texts/s':>10}{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}{'told to wait':>14}"
    rows = {**found["clients"], "1, a filling": found["while_filling"]}
    for name, row in rows.items():
        times = "".join(f"{row[f'p{share}_ms']:>10}" for share in (50, 95, 99))
        yield f"{name:>16}{row['texts_per_s']:>10}{times}{row['told_to_wait']:>14}"
    yield f"one request of {found['one_request']['texts']} texts: {found['one_request']['texts_per_s']} texts a second"
    yield f"the filling beside one client: {found['while_filling']['articles_filled_per_s']} articles a second"


if __name__ == "__main__":
    main()
