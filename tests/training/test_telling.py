import errno

import pytest

from training import telling, trouble


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0, "0 s"), (8.4, "8 s"), (59.6, "1 min 0 s"), (130, "2 min 10 s"), (4830, "1 h 20 min"), (-3, "0 s")],
)
def test_a_span_of_time_is_said_as_one_would(seconds: float | None, words: str) -> None:
    assert telling.time_span(seconds) == words


def test_the_loss_curve_is_said_in_words_from_two_points_on() -> None:
    assert telling.course([[10, 2.0], [15, 1.0], [20, 0.05]]) == "From 2.000 to 0.050."
    assert telling.course([[1, 0.5]]) == telling.course([]) == ""


def test_every_phase_of_the_engine_has_words() -> None:
    assert telling.phase({"phase": "scoring"}) == telling.PHASES["scoring"]
    assert telling.phase({}) == "Starting"


def measured(f1: float) -> dict[str, float]:
    return {"precision": 0.5, "recall": 0.5, "f1": f1, "support": 3}


def test_labels_come_in_the_projects_order_then_those_it_no_longer_has() -> None:
    candidate = {"per_label": {"OLD": measured(0.1), "PER": measured(0.2), "LOC": measured(0.3)}}
    scores = {"candidate": candidate, "current": {"per_label": {"PER": measured(0.9)}}}
    rows = telling.rows(scores, ["LOC", "PER", "NEW"])
    assert [(row.label, row.f1, row.before) for row in rows] == [
        ("LOC", 0.3, None),
        ("PER", 0.2, 0.9),
        ("OLD", 0.1, None),
    ]
    assert telling.rows({"candidate": None}, ["LOC"]) == []


@pytest.mark.parametrize(
    ("articles", "words"),
    [
        ({"validation": 0}, ""),
        (
            {"validation": 4, "blind": 4, "unknown": 0},
            "Of 4 held-out articles 4 were tagged blind",
        ),
        (
            {"validation": 4, "blind": 1, "unknown": 1},
            "sight, 2 were tagged with what a model said in sight, which flatters the score, 1 was imported",
        ),
    ],
)
def test_it_says_how_the_held_out_gold_came_about(articles: dict[str, int], words: str) -> None:
    assert words in telling.blind(articles)
    assert bool(telling.why_no_score(articles)) == (not articles["validation"])


def test_the_cause_is_found_below_what_hid_it() -> None:
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise RuntimeError("could not save") from error
    except RuntimeError as error:
        told = trouble.in_words(error)
    assert told.startswith("The disk is full")
    assert told.endswith("\nRuntimeError: could not save")


def test_what_is_meant_for_people_stays_as_it_is() -> None:
    from training.snapshot import NothingToLearn

    assert trouble.in_words(NothingToLearn("Finish one.")) == "Finish one."


@pytest.mark.parametrize("message", ["database or disk is full", "I/O error: No space left on device (os error 28)"])
def test_a_full_disk_is_known_by_what_libraries_say(message: str) -> None:
    assert trouble.in_words(Exception(message)).startswith("The disk is full")


def test_no_suggestions_names_the_way_out() -> None:
    told = trouble.no_suggestions(MemoryError())
    assert "not enough memory" in told
    assert "another model can be made current" in told
