import io
from collections.abc import Callable

import pytest

from annotate.exchange import Options, Record, read

Reader = Callable[..., list[Record]]


@pytest.fixture(scope="session")
def records_of() -> Reader:
    """Read text or bytes as a file of that name."""

    def reader(content: str | bytes, name: str = "file.txt", **options: object) -> list[Record]:
        data = content.encode() if isinstance(content, str) else content
        return list(read(io.BytesIO(data), name, Options(**options)))  # type: ignore[arg-type]

    return reader
