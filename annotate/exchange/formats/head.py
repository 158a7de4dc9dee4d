"""What a file shows of itself before it is read."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

from annotate.exchange.lines import encoding_of

HEAD = 1 << 20


@dataclass(frozen=True)
class Head:
    """The name it came with, and its first bytes, at most HEAD."""

    name: str
    data: bytes

    @property
    def ending(self) -> str:
        """The name's ending in small letters, with its dot; empty where it has none."""
        return PurePath(self.name).suffix.lower()

    @cached_property
    def text(self) -> str:
        """The bytes as text. Raises FormatError for what is none."""
        return self.data.decode(encoding_of(self.data), errors="ignore")
