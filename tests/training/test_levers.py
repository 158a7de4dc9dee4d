"""What the run page calls a run's settings."""

from dataclasses import fields

from training.engine.recipe import Settings
from training.levers import NAMES, in_words


def test_every_setting_has_a_name_for_people() -> None:
    told = in_words(Settings.for_data(20_000).as_dict())
    assert len(told) == len(fields(Settings))
    assert not [name for name, _ in told if "_" in name]
    assert len({name for name, _ in told}) == len(told)
    assert set(NAMES) <= {field.name for field in fields(Settings)}


def test_values_are_short_and_say_what_they_mean() -> None:
    told = dict(in_words({"recipe": "quick", "frozen_at_last": 2 / 3, "warm_start": False, "all_subwords": True}))
    assert told == {
        "Recipe": "Quick",
        "Frozen by the end, share of the layers": "0.67",
        "Begin from": "the encoder",
        "Sub-words trained": "all",
    }


def test_what_a_later_version_added_keeps_its_name() -> None:
    assert in_words({"colour": True}) == [("colour", "yes")]
