"""What can be the key of a row. A larger number finds nothing, and SQLite does not take it as a parameter at all."""

from django.urls import register_converter
from django.urls.converters import IntConverter

LIMIT = 2**63


class KeyConverter(IntConverter):
    """In an address: what can be no key is no page."""

    def to_python(self, value: str) -> int:
        """Raises ValueError; Python refuses thousands of digits by the same."""
        key = int(value)
        if key >= LIMIT:
            raise ValueError(value)
        return key


register_converter(KeyConverter, "key")


def read_key(given: str) -> int | None:
    """A key in a query; None where it can be none."""
    try:
        return KeyConverter().to_python(given) if given.isdecimal() else None
    except ValueError:
        return None
