"""Column types that hold the desk's sequences. They validate on every write path, bulk ones too."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from annotate import iob2, passages
from annotate.passages import Passages
from annotate.tokens import Offsets


class TagsField(models.TextField[Any, Any]):
    """A well-formed IOB2 sequence, one tag per token, stored with single blanks between the tags.

    Labels hold no blank, so the count of tags is the count of blanks plus one, which the database can check itself.
    """

    description = "IOB2 tags"

    # What the type checker lets be assigned: a list here, not the string of TextField.
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any
    _pyi_lookup_exact_type: Any

    def from_db_value(self, value: str | None, *args: Any) -> list[str] | None:
        return None if value is None else value.split()

    def to_python(self, value: Any) -> list[str] | None:
        return value.split() if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> str | None:
        if value is None:
            return None
        tags = value.split() if isinstance(value, str) else list(value)
        try:
            iob2.check(tags)
        except iob2.IOB2Error as error:
            raise ValidationError(str(error)) from error
        return " ".join(tags)

    def value_to_string(self, obj: models.Model) -> str:
        return self.get_prep_value(self.value_from_object(obj)) or ""


class OffsetsField(models.TextField[Any, Any]):
    """Half-open code-point ranges of tokens: ascending, none empty, none overlapping. Stored as one flat JSON list."""

    description = "token offsets"

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any
    _pyi_lookup_exact_type: Any

    def from_db_value(self, value: str | None, *args: Any) -> Offsets | None:
        return None if value is None else _pairs(json.loads(value))

    def to_python(self, value: Any) -> Offsets | None:
        return _pairs(json.loads(value)) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> str | None:
        if value is None:
            return None
        offsets = _pairs(json.loads(value)) if isinstance(value, str) else list(value)
        edge = 0
        for start, end in offsets:
            if not edge <= start < end:
                raise ValidationError(f"Token {start}-{end} is empty or overlaps the token before it.")
            edge = end
        return json.dumps([point for pair in offsets for point in pair], separators=(",", ":"))

    def value_to_string(self, obj: models.Model) -> str:
        return self.get_prep_value(self.value_from_object(obj)) or ""


class PassagesField(models.JSONField):
    """Half-open ranges of tokens: ascending, none empty, none overlapping. Stored as a JSON list of pairs."""

    description = "passages"

    def deconstruct(self) -> Any:
        """The column is a JSON column like any other, and for the migrations it is no more than that."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs

    def from_db_value(self, value: Any, *args: Any) -> Passages | None:
        found = super().from_db_value(value, *args)
        return None if found is None else [(start, end) for start, end in found]

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, list):
            try:
                passages.check((start, end) for start, end in value)
            except (passages.PassageError, TypeError, ValueError) as error:
                raise ValidationError(str(error)) from error
        elif value is not None and not hasattr(value, "resolve_expression"):
            raise ValidationError(f"Passages are a list of pairs, not {value!r:.40}.")
        return super().get_prep_value(value)


def _pairs(flat: list[int]) -> Offsets:
    return list(zip(flat[::2], flat[1::2], strict=True))
