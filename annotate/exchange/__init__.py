"""Articles in and out of files: readers and writers on plain values, and what stores them.

options = resolve(stream, name, Options())    which format, which scheme, which label list
for record in read(stream, name, options): ...    one article at a time, the bad ones with their problems
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from annotate import schemes
from annotate.exchange.formats import HEAD, READERS, found
from annotate.exchange.records import FormatError, Options, Record

__all__ = ["FormatError", "Options", "Record", "read", "resolve"]


def resolve(stream: BinaryIO, name: str, options: Options) -> Options:
    """The options with nothing left at "auto": looks into the file, and reads it through where it must for the
    scheme. Leaves the (seekable) stream at its start. Raises FormatError for a file that cannot be read.
    """
    if options.format == "auto":
        options = replace(options, format=found(name, stream.read(HEAD)))
        stream.seek(0)
    reader = READERS[options.format]
    if not options.labels:
        options = replace(options, labels=reader.labels(stream))
        stream.seek(0)
    if options.scheme == "auto":
        options = replace(options, scheme=schemes.scheme_of(reader.sequences(stream, options)))
        stream.seek(0)
    return options


def read(stream: BinaryIO, name: str, options: Options) -> Iterator[Record]:
    """The articles of a file, one at a time and in flat memory, each checked: a bad one carries its errors. Raises
    FormatError for a fault of the whole file, when it gets there. The stream must be seekable where `options` has an
    "auto" left.
    """
    if options.format == "auto" or options.scheme == "auto":
        options = resolve(stream, name, options)
    return READERS[options.format].read(stream, name, options)
