"""A run's settings in words, as the panel calls them."""

from collections.abc import Mapping
from typing import Any

from training.engine.recipe import RECIPES
from training.forms import RunForm

NAMES = {
    "encoder": "Encoder",
    "recipe": "Recipe",
    "freeze_embeddings": "Vectors of words and positions",
    "warm_start": "Begin from",
    "all_subwords": "Sub-words trained",
}
YES_AND_NO = {
    "freeze_embeddings": ("frozen", "learn"),
    "warm_start": ("the current model", "the encoder"),
    "all_subwords": ("all", "the first"),
}


def in_words(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name each setting, and its value; what this version does not know keeps the name it was stored under."""
    return [(_name(name), _value(name, value)) for name, value in settings.items()]


def _name(name: str) -> str:
    field: Any = RunForm.base_fields.get(name)
    return NAMES.get(name) or (str(field.label) if field is not None else name)


def _value(name: str, value: Any) -> str:
    if name == "recipe" and value in RECIPES:
        return RECIPES[value].title
    if isinstance(value, bool):
        yes, no = YES_AND_NO.get(name, ("yes", "no"))
        return yes if value else no
    return f"{value:.2g}" if isinstance(value, float) else str(value)
