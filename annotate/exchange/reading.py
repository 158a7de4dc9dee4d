"""The records of an import's stored files, and the row's heartbeat while they are read."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from django.conf import settings
from django.utils import timezone

from annotate.exchange import read, resolve
from annotate.exchange.records import FormatError, Options, Record
from annotate.models import Import

BEAT = 1.0  # seconds between two signs of life

Progress = Callable[[int], None]


class Gone(Exception):
    """The row is not ours any more: somebody cancelled it, or took it for dead."""


@dataclass
class Reading:
    """The records of an import's files, one after the other, with the row's heartbeat."""

    row: Import
    on_progress: Progress | None = None
    done: int = 0
    beaten: float = 0.0

    def __post_init__(self) -> None:
        self.files: list[dict[str, str]] = []

    def records(self) -> Iterator[tuple[Record, str]]:
        """Each record with the name of its file (empty where there is but one file)."""
        several = len(self.row.files) > 1
        for stored, name in self.row.files:
            try:
                yield from ((record, name if several else "") for record in self._file(stored, name))
            except FormatError as error:
                raise FormatError(f"{name}: {error}" if several else str(error)) from error

    def _file(self, stored: str, name: str) -> Iterator[Record]:
        with (settings.TAGDESK_DATA / stored).open("rb") as stream:
            options = resolve(stream, name, _options(self.row))
            self.files.append({"format": options.format, "scheme": options.scheme})
            for record in read(stream, name, options):
                self.beat(self.done + stream.tell())
                title = self.row.options.get("title")
                yield replace(record, title=title) if title is not None and options.format == "txt" else record
            self.done += stream.tell()
            self.beat(self.done)

    def beat(self, done: int) -> None:
        """Say that this import is alive and how far it is. Raises Gone where nobody wants it any more."""
        if self.on_progress is not None:
            self.on_progress(done)
        if time.monotonic() - self.beaten >= BEAT:
            self.beaten = time.monotonic()
            if not Import.objects.held(self.row).update(done_bytes=done, heartbeat_at=timezone.now()):
                raise Gone


def _options(row: Import) -> Options:
    options = row.options
    return Options(
        format=options.get("format") or "auto",
        scheme=options.get("scheme") or "auto",
        text_column=options.get("text_column", ""),
        labels=tuple(options.get("label_list", ())),
    )
