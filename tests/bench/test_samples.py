import json
import sys

import pytest
from django.conf import settings

from bench.samples import SAMPLES, Entity, agreement, figures, first_pass, main, rows


def test_agreement_counts_exact_words_and_labels():
    first = {Entity("a", 0, 4, "PER"), Entity("a", 9, 12, "ORG"), Entity("b", 0, 4, "PER")}
    second = {Entity("a", 0, 4, "PER"), Entity("a", 9, 13, "ORG"), Entity("b", 0, 4, "LOC")}
    assert agreement(first, second) == {"first": 3, "second": 3, "both": 1, "f1": 0.3333}
    assert agreement(set(), set())["f1"] == 1.0
    assert agreement(first, set())["f1"] == 0.0


def test_the_first_pass_is_what_was_decided_taken_back():
    decisions = [{"id": "a", "first": [0, 4, "ORG"], "second": [0, 4, "LOC"], "decided": [0, 4, "LOC"]}]
    gold = {Entity("a", 0, 4, "LOC"), Entity("a", 9, 12, "PER")}
    assert first_pass(gold, decisions) == {Entity("a", 0, 4, "ORG"), Entity("a", 9, 12, "PER")}


def test_the_passes_of_the_sample_differ_just_where_was_decided():
    found = figures(SAMPLES)
    passes = found["passes"]
    assert (passes["first"], passes["second"], passes["both"], passes["f1"]) == (1063, 1063, 1057, 0.9944)
    assert passes["first"] - passes["both"] == found["differences"]
    gold = {Entity(row["id"], *span) for row in rows(SAMPLES / "articles.jsonl") for span in row["spans"]}
    assert all(Entity(row["id"], *row["decided"]) in gold for row in rows(SAMPLES / "decisions.jsonl"))
    assert sum(row["both"] for row in found["per_label"].values()) == passes["both"]


@pytest.mark.parametrize("as_json", [True, False])
def test_it_prints_the_agreement(as_json, capsys, monkeypatch):
    monkeypatch.chdir(settings.BASE_DIR)
    monkeypatch.setattr(sys, "argv", ["bench.samples", *["--json"] * as_json])
    main()
    said = capsys.readouterr().out
    assert json.loads(said)["articles"] == 66 if as_json else "F1 0.9944" in said
