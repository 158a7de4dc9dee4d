"""Tag 1,000 articles by transformers' own pipeline and by each of our paths, and compare words a second and spans.

`python -m bench.predict` trains a small model on the first hundred articles of WikiGold first; `--model FOLDER` keeps
it there, or takes the one that is there. With `--json`, the last line is one JSON object. docs/benchmarks.md says how
to read it.
"""

import argparse
import itertools
import json
import multiprocessing
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import transformers

from bench.wikigold import ARTICLES, read, show
from training.engine import onnx
from training.engine.articles import Article, label_names
from training.engine.predict import Predictor
from training.engine.recipe import Settings
from training.engine.scores import score
from training.engine.train import train

COUNT, ROUND = 1000, 100
EPOCHS = 5
BATCH = 16  # of the pipeline
SEED = 1

Spans = set[tuple[str, int, int, str]]
Tagger = Callable[[Sequence[Article]], Spans]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a folder to keep the trained model in, or to take it from")
    parser.add_argument("--articles", type=int, default=COUNT)
    parser.add_argument("--round", type=int, default=ROUND, help="articles that each path tags at a time")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    training, held_out = read(ARTICLES)
    with tempfile.TemporaryDirectory(prefix="tagdesk-bench-") as scratch:
        folder = options.model or Path(scratch) / "model"
        if not folder.is_dir():
            learn(folder, training, held_out)
        onnx.export(folder, Path(scratch) / "onnx")
        onnx.quantize(Path(scratch) / "onnx", Path(scratch) / "int8")
        found = measure(folder, Path(scratch), made_up([*training, *held_out], options.articles), options.round)
        found |= judged(folder, Path(scratch), held_out)
        found |= memory(folder, Path(scratch), made_up(held_out, options.round))
    print("\n".join(told(found)))
    if options.json:
        print(json.dumps(summary(found)))


def learn(folder: Path, training: list[Article], held_out: list[Article]) -> None:
    labels = sorted(label_names([tag for article in training for tag in article.tags]))
    train(Settings(epochs=EPOCHS), labels, training, held_out, folder, show, lambda: False)
    print()


def made_up(originals: Sequence[Article], count: int) -> list[Article]:
    """The articles themselves, then others of as many sentences each, which are drawn from all of them."""
    sentences = [sentence for article in originals for sentence in sentences_of(article)]
    random = np.random.default_rng(SEED)
    articles = list(originals[:count])
    for original in itertools.islice(itertools.cycle(originals), count - len(articles)):
        drawn = [sentences[i] for i in random.integers(len(sentences), size=len(original.sentence_starts))]
        starts = [0, *itertools.accumulate(map(len, drawn))][:-1]
        articles.append(Article(f"made-up-{len(articles)}", list(itertools.chain(*drawn)), [], starts))
    return articles


def sentences_of(article: Article) -> Iterator[list[str]]:
    for start, end in itertools.pairwise([*article.sentence_starts, len(article.words)]):
        yield article.words[start:end]


def by_pipeline(folder: Path, batch: int = BATCH) -> Tagger:
    """The pipeline reads plain text, and cuts off what the encoder cannot read at once: it is given sentences, so it
    loses nothing. What it says is not compared: it knows no words, and its spans are places in a text.
    """
    # Not the window that we read in, but all that the model can read: sentences are whole for it.
    pipeline: Any = transformers.pipeline("token-classification", str(folder), aggregation_strategy="simple")

    def tag(articles: Sequence[Article]) -> Spans:
        texts = [" ".join(sentence) for article in articles for sentence in sentences_of(article)]
        pipeline(texts, batch_size=batch)
        return set()

    return tag


def by_us(predictor: Predictor) -> Tagger:
    return lambda articles: {(p.key, *span[:3]) for p in predictor.predict(articles) for span in p.spans}


def unbatched(folder: Path) -> Tagger:
    """What all are compared with: torch in single precision, one window after the other."""
    predictor = Predictor.load(folder)
    predictor.budget = 1
    return by_us(predictor)


def ours(folder: Path, scratch: Path) -> dict[str, Callable[[], Predictor]]:
    return {
        "torch": lambda: Predictor.load(folder),
        "onnx": lambda: onnx.OnnxPredictor.load_file(folder, scratch / "onnx"),
        "int8": lambda: onnx.OnnxPredictor.load_file(folder, scratch / "int8"),
    }


def measure(folder: Path, scratch: Path, articles: list[Article], size: int) -> dict[str, Any]:
    """All paths in turn on the same articles, round by round, so that what else the machine does falls on all alike."""
    taggers = {"pipeline": by_pipeline(folder), "unbatched": unbatched(folder)}
    taggers |= {name: by_us(load()) for name, load in ours(folder, scratch).items()}
    for tag in taggers.values():
        tag(articles[:3])  # the first pass of each is slower
    paces: dict[str, list[float]] = {name: [] for name in taggers}
    spans: dict[str, Spans] = {name: set() for name in taggers}
    rounds = [articles[start : start + size] for start in range(0, len(articles), size)]
    for number, some in enumerate(rounds):
        words = sum(len(article.words) for article in some)
        names = list(taggers)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            began = time.perf_counter()
            spans[name] |= taggers[name](some)
            paces[name].append(words / (time.perf_counter() - began))
        print(f"\rround {number + 1} of {len(rounds)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    truth = spans["unbatched"]
    return {
        "articles": len(articles),
        "words": sum(len(article.words) for article in articles),
        "spans": len(truth),
        "words_per_s": {name: statistics.median(taken) for name, taken in paces.items()},
        "times": {name: statistics.median(map(ratio, taken, paces["pipeline"])) for name, taken in paces.items()},
        "agreement": {name: len(spans[name] & truth) / len(spans[name] | truth) for name in ours(folder, scratch)},
    }


def ratio(ours: float, theirs: float) -> float:
    return ours / theirs


def judged(folder: Path, scratch: Path, held_out: list[Article]) -> dict[str, Any]:
    gold = [article.tags for article in held_out]
    return {
        "f1": {
            name: score(gold, [p.tags for p in load().predict(held_out)])["f1"]
            for name, load in ours(folder, scratch).items()
        }
    }


def memory(folder: Path, scratch: Path, articles: list[Article]) -> dict[str, Any]:
    """The largest resident memory of a process that does nothing else, in MB."""
    peaks = {}
    for name in ("pipeline", *ours(folder, scratch)):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            peaks[name] = process.submit(peak, name, folder, scratch, articles).result()
    return {"peak_mb": peaks}


def peak(name: str, folder: Path, scratch: Path, articles: list[Article]) -> int:
    tag = by_pipeline(folder) if name == "pipeline" else by_us(ours(folder, scratch)[name]())
    tag(articles)
    # What getrusage says of a process includes what it was before it became one of its own.
    kilobytes = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(kilobytes[1]) // 1024 if kilobytes else 0


def told(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['articles']:,} articles, {found['words']:,} words, {found['spans']:,} spans by the reference"
    yield f"{'':10}{'words/s':>10}{'times':>8}{'spans equal':>14}{'F1':>9}{'peak MB':>10}"
    for name, pace in found["words_per_s"].items():
        agreement = f"{found['agreement'][name]:.2%}" if name in found["agreement"] else "–"
        f1 = f"{found['f1'][name]:.4f}" if name in found["f1"] else "–"
        mb = found["peak_mb"].get(name, "–")
        yield f"{name:10}{pace:>10,.0f}{found['times'][name]:>8.2f}{agreement:>14}{f1:>9}{mb:>10}"


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """`ours` is the path that a version takes by itself, exact and on the processor; `best` the fastest of all."""
    pace = found["words_per_s"]
    best = max(found["f1"], key=lambda name: pace[name])
    return {
        "pipeline_words_per_s": round(pace["pipeline"]),
        "ours_words_per_s": round(pace["onnx"]),
        "agreement": round(found["agreement"]["onnx"], 5),
        "times": round(found["times"]["onnx"], 2),
        "best": {
            "path": best,
            "words_per_s": round(pace[best]),
            "times": round(found["times"][best], 2),
            "agreement": round(found["agreement"][best], 5),
            "f1": round(found["f1"][best], 4),
            "f1_fp32": round(found["f1"]["torch"], 4),
        },
        **{name: found[name] for name in ("words_per_s", "peak_mb", "articles", "words")},
    }


if __name__ == "__main__":
    main()
