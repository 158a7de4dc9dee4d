"""A folder as a zip that is sent while it is made: nothing is held in memory but the piece under way."""

from collections.abc import Iterator
from io import RawIOBase
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

PIECE = 2**20  # bytes


class _Outlet(RawIOBase):
    """What ZipFile writes to: it cannot seek, and is emptied after each piece."""

    def __init__(self) -> None:
        self.held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.held += data
        return len(data)

    def taken(self) -> bytes:
        taken, self.held = bytes(self.held), bytearray()
        return taken


def zipped(folder: Path, name: str) -> Iterator[bytes]:
    """Give a zip of all files below the folder, under `name/`. Stored as they are: weights do not get smaller.

    Raises OSError where a file goes away meanwhile.
    """
    outlet = _Outlet()
    with ZipFile(outlet, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = ZipInfo.from_file(path, f"{name}/{path.relative_to(folder).as_posix()}")
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                while piece := source.read(PIECE):
                    target.write(piece)
                    yield outlet.taken()
    yield outlet.taken()
