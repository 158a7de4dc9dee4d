"""Zips of files in any format, in and out.

Members are read one after the other, each as if it had been handed in alone; none is ever written under a name of the
zip's choosing. What unpacks to more than an archive of articles would is refused before it is unpacked.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import PurePosixPath
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, NamedTuple, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from annotate.exchange.lines import CHUNK
from annotate.exchange.records import FormatError, Record

MOST_BYTES = 2 << 30  # of all members together, unpacked
MOST_RATIO = 200  # of unpacked to packed; text packs five to one, a repetitive table thirty
ALWAYS_FINE = 1 << 20  # bytes up to which the ratio says nothing: a file of blanks is harmless
LONGEST_LIST = 1 << 24  # bytes of the zip's list of members, all of which is held in memory
MOST_BESIDE = 1 << 24  # bytes of a text or a type system that belongs to another file
IN_MEMORY = 1 << 22  # bytes of a member; larger ones are unpacked to a nameless file
LONGEST_NAME = 200  # bytes, of the 255 that file systems have
_BEGINNINGS = (b"PK\x03\x04", b"PK\x05\x06")
_OFFICE = {"[Content_Types].xml", "mimetype"}  # members that Word, Excel, LibreOffice and EPUB files have
_NEEDING = ("brat", "xmi")  # formats of which an article may be two files
# What `datasets` writes beside its files, to say what they are.
_DATASET_CARDS = {"README.md", "dataset_dict.json", "dataset_info.json", "dataset_infos.json", "state.json"}
_BRAT_SETTINGS = {"annotation.conf", "visual.conf", "tools.conf", "kb_shortcuts.conf"}
_DAMAGE = (BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
_UNFIT = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u200b-\u200f\u2028-\u202e\u2066-\u2069]+')


class Member(NamedTuple):
    """A file of a zip. `open` raises FormatError where it cannot be read; so does `beside`, which is what lies in the
    file that this one needs, or None.
    """

    name: str
    open: Callable[[], AbstractContextManager[BinaryIO]]
    beside: Callable[[], bytes | None]


def is_zip(stream: BinaryIO) -> bool:
    """Whether it is a zip of files; office documents, which are zips as well, are none. Leaves the stream at its
    start.
    """
    begins = stream.read(4) in _BEGINNINGS
    stream.seek(0)
    if not begins:
        return False
    try:
        return not _OFFICE & set(_opened(stream).namelist())
    except FormatError:
        return True  # a damaged one; told where it is read
    finally:
        stream.seek(0)


def members(stream: BinaryIO, asked: str = "auto") -> Iterator[Member]:
    """The files of a zip in its order, without folders and hidden ones; `asked` is the format that was asked for.
    Raises FormatError for a zip that cannot be read at all, or that holds too much.
    """
    archive = _opened(stream)
    infos = [info for info in archive.infolist() if info.filename and not info.is_dir() and not _is_hidden(_name(info))]
    size = sum(info.file_size for info in infos)
    if size > MOST_BYTES:
        raise FormatError(
            f"The zip unpacks to {size:,} bytes, more than the {MOST_BYTES:,} that are taken at once. Split it."
        )
    for place, needed in to_be_read([_name(info) for info in infos], asked):
        yield _member(archive, infos[place], None if needed is None else infos[needed])


def to_be_read(names: Sequence[str], asked: str) -> Iterator[tuple[int, int | None]]:
    """The files that articles are read from, by their places among `names`, each with the place of the file it needs:
    a.txt with brat's a.ann, and the TypeSystem.xml that lies with an XMI. What is needed is not read by itself, unless
    another format was asked for.
    """
    if asked not in {"auto", *_NEEDING}:
        yield from ((place, None) for place in range(len(names)))
        return
    paths = [PurePosixPath(name) for name in names]
    needs = _texts(paths) | _type_systems(paths)
    apart = {*needs.values(), *(place for place, path in enumerate(paths) if _is_type_system(path))}
    if any(path.suffix.lower() in {".arrow", ".parquet"} for path in paths):
        apart |= {place for place, path in enumerate(paths) if _is_beside_dataset(path)}
    for place, path in enumerate(paths):
        if place not in apart and path.name not in _BRAT_SETTINGS:
            yield place, needs.get(place)


@contextmanager
def beside_it(name: str) -> Iterator[None]:
    """Let faults within the block be those of the file of this name, which another one needs."""
    try:
        yield
    except FormatError as error:
        raise FormatError(f"“{PurePosixPath(name).name}”, which belongs to it: {error}") from error


def whole(stream: BinaryIO) -> bytes:
    """All of a file that another one needs. Raises FormatError where it is larger than such files are."""
    data = stream.read(MOST_BESIDE + 1)
    if len(data) > MOST_BESIDE:
        raise FormatError(f"It is larger than {MOST_BESIDE:,} bytes: no text of an article is.")
    return data


def zipped(files: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """The bytes of a zip of these files, as they come."""
    sink = _Sink()
    with ZipFile(cast("IO[bytes]", sink), "w", ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
            yield sink.taken()
    yield sink.taken()


def named(records: Iterable[Record]) -> Iterator[tuple[str, Record]]:
    """Each record with a name for its files, without an ending: its title, else its id, fit for every system and
    unlike all names before it.
    """
    used: set[str] = set()
    counts: dict[str, int] = {}
    for record in records:
        wanted = _fit(record.title) or _fit(record.external_id) or "article"
        name = wanted
        while name.casefold() in used:
            counts[wanted] = counts.get(wanted, 1) + 1
            name = f"{wanted} ({counts[wanted]})"
        used.add(name.casefold())
        yield name, record


def _texts(paths: Sequence[PurePosixPath]) -> dict[int, int]:
    """The places of .ann files with those of their texts. Files handed in one by one have lost their folders: of
    several with one name, the first belongs to the first.
    """
    texts: dict[PurePosixPath, list[int]] = {}
    for place, path in enumerate(paths):
        if path.suffix.lower() == ".txt":
            texts.setdefault(path.with_suffix(""), []).append(place)
    found: dict[int, int] = {}
    for place, path in enumerate(paths):
        if path.suffix.lower() == ".ann" and (left := texts.get(path.with_suffix(""))):
            found[place] = left.pop(0)
    return found


def _type_systems(paths: Sequence[PurePosixPath]) -> dict[int, int]:
    systems = {path.parent: place for place, path in enumerate(paths) if _is_type_system(path)}
    if not systems:
        return {}
    documents = [(place, path) for place, path in enumerate(paths) if path.suffix.lower() in {".xmi", ".xml"}]
    anywhere = next(iter(systems.values()))
    return {place: systems.get(path.parent, anywhere) for place, path in documents if not _is_type_system(path)}


def _is_type_system(path: PurePosixPath) -> bool:
    return path.name.lower() == "typesystem.xml"


def _is_beside_dataset(path: PurePosixPath) -> bool:
    """Whether a file of a dataset's folder holds no rows of its own: cards, licences, a script, what `map` has kept."""
    is_cache = path.suffix == ".arrow" and path.name.startswith(("cache-", "indices"))
    return is_cache or path.name in _DATASET_CARDS or path.suffix == ".py" or path.stem in {"LICENSE", "LICENCE"}


class _Guarded:
    """A stream that gives no more at once than a zip's list of members may have: the list says its own length."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.seek = stream.seek
        self.tell = stream.tell

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(LONGEST_LIST + 1 if size < 0 else min(size, LONGEST_LIST + 1))
        if len(data) > LONGEST_LIST:
            raise FormatError("The zip has too many members, or its list of them is damaged. Split it.")
        return data

    def seekable(self) -> bool:
        return True


def _opened(stream: BinaryIO) -> ZipFile:
    try:
        return ZipFile(cast("IO[bytes]", _Guarded(stream)))
    except FormatError:
        raise
    except (*_DAMAGE, OverflowError) as error:
        raise FormatError(f"The zip is damaged, or none: {error}.") from error


def _member(archive: ZipFile, info: ZipInfo, needed: ZipInfo | None) -> Member:
    def beside() -> bytes | None:
        if needed is None:
            return None
        with beside_it(_name(needed)), _unpacked(archive, needed) as stream:
            return whole(stream)

    return Member(_name(info), lambda: _unpacked(archive, info), beside)


@contextmanager
def _unpacked(archive: ZipFile, info: ZipInfo) -> Iterator[BinaryIO]:
    """A member as a file of its own, whole and with the right checksum. Raises FormatError where it is not."""
    _refuse(info)
    with SpooledTemporaryFile(max_size=IN_MEMORY) as target:
        for chunk in _chunks(archive, info):
            target.write(chunk)
        target.seek(0)
        yield cast("BinaryIO", target)


def _refuse(info: ZipInfo) -> None:
    if info.flag_bits & 1:
        raise FormatError("It is encrypted. Pack it again without a password.")
    if info.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise FormatError(f"It is packed by method {info.compress_type}, which is not read here. Pack a plain zip.")
    if info.file_size > max(ALWAYS_FINE, MOST_RATIO * info.compress_size):
        raise FormatError(
            f"It would unpack to {info.file_size:,} bytes from {info.compress_size:,}, as no article does: left packed."
        )


def _chunks(archive: ZipFile, info: ZipInfo) -> Iterator[bytes]:
    # A member that says less than it holds gives no more than it says, and then fails its checksum.
    try:
        with archive.open(info) as source:
            while chunk := source.read(CHUNK):
                yield chunk
    except (*_DAMAGE, OverflowError) as error:
        raise FormatError(f"It is damaged in the zip: {error}.") from error


def _name(info: ZipInfo) -> str:
    """A member's name. Many packers write UTF-8 without saying so, and Python then reads it as cp437."""
    name = info.filename
    if not info.flag_bits & 0x800:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return name.replace("\\", "/")


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or any(part.startswith(".") for part in parts if part != "..")


def _fit(name: str) -> str:
    fit = _UNFIT.sub("_", name).strip().lstrip(". ")
    return fit.encode()[:LONGEST_NAME].decode(errors="ignore").strip()


class _Sink:
    """Where a zip is written to: what has come since the last taking."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: Any) -> int:
        self.parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        taken, self.parts = b"".join(self.parts), []
        return taken
