"""Zips made and read in one line each."""

import io
import zipfile
from collections.abc import Mapping

from annotate.exchange import Options, Record, read, resolve
from annotate.exchange.formats import archive
from annotate.exchange.records import apply


def zip_of(files: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return target.getvalue()


def unzipped(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        return {name: found.read(name).decode() for name in found.namelist()}


def records_of_zip(data: bytes) -> list[Record]:
    """What is read of a zip, as an import does it, but where a member's fault fails it all."""
    records: list[Record] = []
    for member in archive.members(io.BytesIO(data)):
        with member.open() as stream:
            options = resolve(stream, member.name, Options(beside=member.beside()))
            records += read(stream, member.name, options)
    return records


def storable(records: list[Record]) -> list[Record]:
    """The records, all of which must be without errors, as they are stored."""
    whole = [apply(record, "fail") for record in records]
    return [record for record in whole if record is not None]
