"""The model card in a version's folder, README.md, with metadata as the Hugging Face hub reads it.

It goes wherever the folder goes, so it holds figures, settings and names of labels, and never a word of an article.
Guidelines stay out, too: they quote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from training import telling
from training.engine import shelf

NAME = "README.md"
HEAD = """---
library_name: transformers
pipeline_tag: token-classification
tags:
- named-entity-recognition
- tagdesk
---
"""
USE = """## Use

```python
from transformers import pipeline
tagger = pipeline("token-classification", model="PATH/OF/THIS/FOLDER", aggregation_strategy="simple")
for entity in tagger("Ada Lovelace met Charles Babbage in London."):
    print(entity["entity_group"], entity["word"], entity["score"])
```

Tagdesk itself cuts long articles into windows, so that nothing is truncated, takes the best well-formed IOB2 sequence
and calibrates probabilities; the lines above do none of this, and the scores below are Tagdesk's.
"""
LIMITS = """## Intended use and limits

It marks names in texts like those that it has learnt from, for people who look at what it marked. It was not tested on
other kinds of text, languages or times. It misses names and makes some up, more so for labels with few examples: the
table above says how often. Do not let it decide anything about a person. A model may remember pieces of what it learnt
from; if the articles are confidential, so is it.
"""


def write(
    folder: Path, project: str, manifest: Mapping[str, Any], scores: Mapping[str, Any], entities: Mapping[str, int]
) -> None:
    """Write the card into a model folder. Raises OSError."""
    from training.engine.folder import flush_one

    path = folder / NAME
    path.write_text(text(project, manifest, scores, entities), encoding="utf-8")
    flush_one(path)
    flush_one(folder)


def text(project: str, manifest: Mapping[str, Any], scores: Mapping[str, Any], entities: Mapping[str, int]) -> str:
    """Write the card. `manifest` is the folder's, `scores` the run's, `entities` of each label were learnt from."""
    articles = scores["articles"]
    origin = _taken_over(manifest) if "reading" in manifest else "Trained with Tagdesk"
    title = f"# Named entities of “{_plain(project)}”\n\n{origin} to find: {_names(manifest['labels'])}.\n"
    return "\n".join(
        [
            HEAD,
            title,
            USE,
            f"## Scores\n\n{_scored(manifest, articles)}\n",
            _by_label(manifest, entities),
            LIMITS,
            _how(manifest, articles),
        ]
    )


def _scored(manifest: Mapping[str, Any], articles: dict[str, int]) -> str:
    found = manifest["scores"]
    if not found:
        return "None: no held-out article was finished when it was trained, so nobody knows how good it is."
    figures = ", ".join(f"{name} {found[name]:.3f}" for name in ("precision", "recall", "accuracy"))
    measured = (
        f"F1 **{found['f1']:.3f}** ({figures} of words) on {articles['validation']} held-out articles with "
        f"{found['support']} entities: seqeval, strict, IOB2."
    )
    told = (telling.how_far_off(found), telling.blind(articles), telling.calibration(manifest.get("calibration")))
    return " ".join(filter(None, (measured, *told)))


def _by_label(manifest: Mapping[str, Any], entities: Mapping[str, int]) -> str:
    found = (manifest["scores"] or {}).get("per_label", {})
    rows = [(label, entities.get(label, 0), found.get(label)) for label in manifest["labels"]]
    return _table(
        ("Label", "learnt from", "held out", "precision", "recall", "F1"),
        ((_plain(label), learnt, *_figures(scores, ("precision", "recall", "f1"))) for label, learnt, scores in rows),
    )


def _figures(scores: Mapping[str, Any] | None, names: Iterable[str]) -> Iterable[object]:
    if scores is None:
        return (0, *("–" for _ in names))
    return (scores["support"], *(f"{scores[name]:.3f}" for name in names))


def _how(manifest: Mapping[str, Any], articles: dict[str, int]) -> str:
    settings = manifest["settings"]
    facts = {
        "encoder": _encoder(settings["encoder"]),
        "articles learnt from": articles["training"],
        "words": manifest.get("words"),
        **{name: value for name, value in settings.items() if name != "encoder"},
        "data snapshot (SHA-256)": manifest.get("data_hash"),
        "device": manifest["device"],
        "seconds of training": manifest.get("seconds"),
        "words a second": manifest.get("words_per_second"),
        **manifest["versions"],
    }
    told = _table(
        ("", ""), ((_plain(str(name)), _plain(str(value))) for name, value in facts.items() if value is not None)
    )
    return f"## How it was made\n\n{told}\n`tagdesk.json` has this for programs. The articles are not in this folder.\n"


def _encoder(name: str) -> str:
    """The encoder with its licence. Of a folder its last name alone: the rest of the path says where somebody works."""
    place = shelf.place(name)
    licence = shelf.facts(place).licence if place else ""
    return f"{shelf.short_name(name)}, licence {licence or 'not known'}"


def _taken_over(manifest: Mapping[str, Any]) -> str:
    reading = manifest["reading"]
    labels = ", ".join(f"{_plain(its)} for {_plain(ours)}" for its, ours in reading["ours"].items())
    return (
        f"The ready model {_plain(_encoder(manifest['settings']['encoder']))}, as it came: nothing was learnt with"
        f" Tagdesk. Its weights give its own tags ({reading['scheme']}); Tagdesk reads its labels as the project's"
        f" ({labels})"
    )


def _names(labels: Iterable[str]) -> str:
    return ", ".join(map(_plain, labels))


def _plain(words: str) -> str:
    """In one line, and with nothing that Markdown would take for its own."""
    return "".join(f"\\{sign}" if sign in r"\`*_[]<>|#" else sign for sign in " ".join(words.split()))


def _table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    names = [str(name) for name in head]
    lines = [names, ["---"] * len(names), *([str(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
