"""Files handed in and imported, in one line each."""

import json
from typing import Any

from django.core.files.base import ContentFile

from annotate import uploads
from annotate.exchange import importing
from annotate.exchange.formats import rows
from annotate.exchange.records import Options, Record, apply
from annotate.models import Import, Project

Status = Import.Status


def row(number: int = 0, **more: Any) -> dict[str, Any]:
    """An article of its own, 40 words from nowhere else."""
    words = ["Ada", *(f"w{number}x{place}" for place in range(40))]
    return {"id": f"a{number}", "tokens": words, "tags": ["B-PER", *["O"] * 40], **more}


def upload(project: Project, *contents: Any, **options: Any) -> Import:
    """Hand in files: lists of rows become JSON Lines, text and bytes stay what they are."""
    files = []
    for number, content in enumerate(contents):
        if isinstance(content, list):
            content = "".join(json.dumps(line) + "\n" for line in content)
        data = content.encode() if isinstance(content, str) else content
        files.append(ContentFile(data, name=f"file{number}"))
    return uploads.receive(project, None, files, options)


def checked(row: Import) -> Import:
    claimed = Import.objects.claim(row.pk, Status.UPLOADED, Status.CHECKING)
    assert claimed is not None
    importing.check(claimed)
    return claimed


def imported(row: Import, on_error: str = "fail", **choices: Any) -> Import:
    assert Import.objects.confirm(checked(row), on_error, choices)
    claimed = Import.objects.claim(row.pk, Status.CONFIRMED, Status.IMPORTING)
    assert claimed is not None
    importing.run(claimed)
    return claimed


def storable(*values: dict[str, Any]) -> list[Record]:
    """Rows as records that can be stored."""
    found = [apply(rows.record_of(value, Options(), 1, 1), "fail") for value in values]
    return [record for record in found if record is not None]
