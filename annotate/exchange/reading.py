"""The records of an import's stored files, and the row's signs of life while they are worked on."""

import logging
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread
from typing import BinaryIO, NamedTuple

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from annotate.exchange import read as read_stream
from annotate.exchange import resolve
from annotate.exchange.ahead import ahead, can_fork
from annotate.exchange.choices import Choices
from annotate.exchange.formats import READERS, archive
from annotate.exchange.near import Prepared, prepare
from annotate.exchange.records import FormatError, OnError, Options, Record, apply, broken
from annotate.models import Import

LOOK_EVERY = 1.0  # seconds between two tellings of how far it is, and two looks whether it is still wanted
BEAT = 10.0  # seconds between two signs of life, told or not
LARGE = 1_000_000  # bytes of files that are worth a second process

Progress = Callable[[int], None]

log = logging.getLogger(__name__)


class Gone(Exception):
    """The row is not ours any more: somebody cancelled it, or took it for dead."""


@contextmanager
def alive(row: Import) -> Iterator[None]:
    """Give signs of life from a thread of its own for as long as the block lasts: between two records a whole file may
    have to be read, or a dead attempt taken back.
    """
    done = Event()
    thread = Thread(target=_beat, args=(row, done), name=f"heartbeat of import {row.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(row: Import, done: Event) -> None:
    held = Import.objects.held(row)
    try:
        while not done.wait(BEAT):
            try:
                held.update(heartbeat_at=timezone.now())
            except DatabaseError as error:  # the next one may get through
                log.warning("Import %s: no sign of life could be written (%s).", row.pk, type(error).__name__)
    finally:
        connection.close()


@dataclass
class Reading:
    """The records of an import's files, one after the other, with how far it is: `reached`. Whoever takes them tells
    it, since they may be read in a process that must not.
    """

    row: Import
    on_progress: Progress | None = None
    done: int = 0
    reached: int = 0
    told: float = 0.0

    def __post_init__(self) -> None:
        self.files: list[dict[str, str]] = []

    def records(self) -> Iterator[tuple[Record, str]]:
        """Each record with the name of its file (empty where there is but one file). The first one tells of splits that
        did not come whole, since it is listed whatever follows.
        """
        cut = ", ".join(self.row.options.get("beginnings", ()))
        for number, (record, file) in enumerate(self._records()):
            if cut and not number:
                message = f"The hub has only the beginning of this split as Parquet: {cut}."
                record = record.having([record.notice("beginning", message)])
            yield record, file

    def _records(self) -> Iterator[tuple[Record, str]]:
        names = [name for _, name in self.row.files]
        unfetched = self.row.options.get("unfetched", {})
        several = len(names) + len(unfetched) > 1
        for address, reason in unfetched.items():
            yield broken(1, 1, "file", reason), address
        for place, needed in archive.to_be_read(names, _options(self.row).format):
            name = names[place]
            address = self.row.options.get("fetched", {}).get(self.row.files[place][0], "")
            try:
                for record, member in self._file(place, needed):
                    if address and not record.source:
                        record = replace(record, source=address)
                    yield record, "/".join(filter(None, [name if several else "", member]))
            except FormatError as error:
                raise FormatError(f"{name}: {error}" if several else str(error)) from error

    def _file(self, place: int, needed: int | None) -> Iterator[tuple[Record, str]]:
        """The records of a file, each with the name of its member where it is a zip."""
        with self._path(place).open("rb") as stream:
            if archive.is_zip(stream):
                yield from self._members(stream)
            else:
                beside = self._beside(needed)
                yield from ((record, "") for record in self._stream(stream, self._name(place), beside, stream.tell))
        self.done += sum(self._path(one).stat().st_size for one in (place, needed) if one is not None)
        self.reached = self.done

    def _members(self, stream: BinaryIO) -> Iterator[tuple[Record, str]]:
        """The records of a zip; a member that cannot be read is a bad record, and the others are read all the same."""
        for member in archive.members(stream, _options(self.row).format):
            try:
                with member.open() as content:
                    if archive.is_zip(content):
                        raise FormatError("This is a zip within the zip. Unpack it first.")
                    found = self._stream(content, member.name, member.beside(), stream.tell)
                    yield from ((record, member.name) for record in found)
            except FormatError as error:
                yield broken(1, 1, "file", str(error)), member.name

    def _stream(self, stream: BinaryIO, name: str, beside: bytes | None, place: Callable[[], int]) -> Iterator[Record]:
        options = resolve(stream, name, replace(_options(self.row), beside=beside))
        file = {"format": READERS[options.format].title, "scheme": ""}
        self.files.append(file)
        for record in read_stream(stream, name, options):
            self.reached = self.done + place()
            if record.words is not None and record.tags is not None:
                file["scheme"] = options.scheme
            title = self.row.options.get("title")
            yield replace(record, title=title) if title is not None and options.format == "txt" else record

    def _beside(self, place: int | None) -> bytes | None:
        if place is None:
            return None
        with archive.beside_it(self._name(place)), self._path(place).open("rb") as stream:
            return archive.whole(stream)

    def _path(self, place: int) -> Path:
        return Path(settings.TAGDESK_DATA, self.row.files[place][0])

    def _name(self, place: int) -> str:
        return str(self.row.files[place][1])

    def tell(self, done: int) -> None:
        """Say how far this import is. Raises Gone where nobody wants it any more."""
        if self.on_progress is not None:
            self.on_progress(done)
        if time.monotonic() - self.told >= LOOK_EVERY:
            self.told = time.monotonic()
            if not Import.objects.held(self.row).update(done_bytes=done, heartbeat_at=timezone.now()):
                raise Gone


class Read(NamedTuple):
    """What was made of a record: what can be stored of it, if anything, and the record itself where it has problems."""

    prepared: Prepared | None
    at_fault: Record | None
    file: str
    reached: int


def read(reading: Reading, on_error: OnError, choices: Choices) -> Generator[Read, None, None]:
    """All records of an import, ready to be stored; of large files in a process that reads ahead."""
    found = _read(reading, on_error, choices)
    return ahead(found) if reading.row.size >= LARGE and can_fork() else found


def _read(reading: Reading, on_error: OnError, choices: Choices) -> Generator[Read, None, None]:
    for record, file in reading.records():
        at_fault = record if record.problems else None
        try:
            whole = apply(record, on_error, choices)
        except FormatError:
            yield Read(None, at_fault, file, reading.reached)  # it is listed before it ends the import
            raise
        yield Read(prepare(whole) if whole is not None else None, at_fault, file, reading.reached)


def _options(row: Import) -> Options:
    options = row.options
    return Options(
        format=options.get("format") or "auto",
        scheme=options.get("scheme") or "auto",
        text_column=options.get("text_column", ""),
        columns=options.get("columns", {}),
        tag_column=options.get("tag_column", 0),
        blank_lines=options.get("blank_lines", 0),
        labels=tuple(options.get("label_list", ())),
    )
