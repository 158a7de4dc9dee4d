"""What `bench.io` measures, each in a process of its own: the data folder is that of TAGDESK_DATA, and the last line
that it prints is one JSON object.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import django

Figures = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["import", "add", "export"])
    parser.add_argument("file", type=Path, help="JSON Lines to bring in; of an export where to write")
    parser.add_argument("--bare", action="store_true", help="without near-duplicates and full-text index")
    parser.add_argument("--format", default="jsonl")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    if options.part == "export":
        found = exported(options.format, options.file)
    elif options.part == "add":
        found = added(options.file)
    else:
        found = imported(options.file, options.bare)
    print(json.dumps(found))


def imported(path: Path, bare: bool) -> Figures:
    """Check and import a file by the jobs that a worker runs, each second said by what took it."""
    from django.core.files.base import File

    from annotate import uploads
    from annotate.exchange import importing
    from annotate.exchange.storing import Intake
    from annotate.models import Import

    project, user = _project()
    with path.open("rb") as source:
        row = uploads.receive(project, user, [File(source, path.name)], {})
    clock = Clock()
    memory = peak_mb()
    with clock.timing("check"):
        _work(row, Import.Status.UPLOADED, Import.Status.CHECKING, importing.check)
    memory_checked = peak_mb()
    Import.objects.confirm(row, "fail")
    with ExitStack() as stack:
        for owner, name, phase in ((Intake, "write", "write"), (importing, "release", "show")):
            stack.enter_context(patch.object(owner, name, clock.timed(phase, getattr(owner, name))))
        if bare:
            _without_index(stack)
        with clock.timing("import"):
            _work(row, Import.Status.CONFIRMED, Import.Status.IMPORTING, importing.run)
    row.refresh_from_db()
    if row.status != Import.Status.DONE:
        raise SystemExit(f"The import failed: {row.error}")
    seconds = clock.seconds
    seconds["read"] = seconds["import"] - seconds["write"] - seconds["show"]
    for phase, taken in alone(path).items():
        seconds[phase] = taken
    articles = row.report["articles"]
    return {
        "articles": articles,
        "tokens": row.report["tokens"],
        "entities": row.report["entities"],
        "megabytes": round(row.size / 1e6, 1),
        "seconds": {name: round(taken, 3) for name, taken in seconds.items()},
        "cpu_seconds": {name: round(clock.worked[name], 3) for name in ("check", "import")},
        "a_second": round(articles / seconds["import"]),
        "checked_a_second": round(articles / seconds["check"]),
        "in_all_a_second": round(articles / (seconds["check"] + seconds["import"])),
        "longest_write_ms": round(clock.longest["write"] * 1000, 1),
        "peak_mb": {"before": memory, "checked": memory_checked, "imported": peak_mb()},
    }


def alone(path: Path) -> dict[str, float]:
    """The seconds that reading the file takes, and hashing it, where nothing else is done."""
    from annotate.exchange import Options, read
    from annotate.exchange.near import prepare
    from annotate.exchange.records import apply

    clock = Clock()
    with path.open("rb") as stream:
        records = read(stream, path.name, Options())
        while True:
            with clock.timing("reading_alone"):
                record = next(records, None)
                whole = record and apply(record, "repair")
            if record is None:
                return clock.seconds
            if whole:
                with clock.timing("hashing_alone"):
                    prepare(whole)


def added(path: Path) -> Figures:
    """Bring in a file's articles through the API, a thousand a request, then the same once more."""
    from django.test import Client

    from annotate.models import AccessToken

    project, user = _project()
    _, secret = AccessToken.objects.issue(user, name="Benchmark", scope="manage", project=project)
    client = Client(headers={"Authorization": f"Bearer {secret}"}, SERVER_NAME="localhost")
    with path.open(encoding="utf-8") as source:
        rows = [json.loads(line) for line in source]
    for row in rows:
        row["external_id"] = row.pop("id")
        row["spans"] = [dict(zip(("start", "end", "label"), span, strict=True)) for span in row["spans"]]
    clock = Clock()
    for phase in ("add", "again"):
        for start in range(0, len(rows), 1000):
            body = json.dumps({"documents": rows[start : start + 1000]})
            with clock.timing(phase):
                answer = client.post(f"/api/v1/projects/{project.slug}/documents", body, "application/json")
            if answer.status_code != 200:
                raise SystemExit(f"The API answered {answer.status_code}: {answer.content[:300]!r}")
    return {
        "articles": project.documents.count(),
        "seconds": {name: round(taken, 3) for name, taken in clock.seconds.items()},
        "a_second": round(len(rows) / clock.seconds["add"]),
        "peak_mb": peak_mb(),
    }


def exported(kind: str, path: Path) -> Figures:
    """Write the folder's one project in this format, as the page, the command and the API do."""
    from annotate.exchange import exporting
    from annotate.models import Project

    project = Project.objects.get()
    clock, memory, began, first = Clock(), peak_mb(), time.perf_counter(), 0.0
    with path.open("wb") as target, clock.timing("export"):
        for piece in exporting.written(project, kind):
            first = first or time.perf_counter() - began
            target.write(piece)
    return {
        "articles": exporting.documents(project, kind).count(),
        "seconds": round(clock.seconds["export"], 3),
        "cpu_seconds": round(clock.worked["export"], 3),
        "first_byte_s": round(first, 3),
        "megabytes": round(path.stat().st_size / 1e6, 1),
        "peak_mb": {"before": memory, "after": peak_mb()},
    }


class Clock:
    """Seconds by phase as they pass and as processors work, its children's with its own, and the longest stretch."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.worked: defaultdict[str, float] = defaultdict(float)
        self.longest: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def timing(self, phase: str) -> Iterator[None]:
        began, worked = time.perf_counter(), sum(os.times()[:4])
        yield
        taken = time.perf_counter() - began
        self.worked[phase] += sum(os.times()[:4]) - worked
        self.seconds[phase] += taken
        self.longest[phase] = max(self.longest[phase], taken)

    def timed(self, phase: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def worked(*arguments: Any) -> Any:
            with self.timing(phase):
                return work(*arguments)

        return worked


def peak_mb() -> float:
    """The largest resident memory of this process so far, in MB of 1,000,000 bytes."""
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(largest * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)


def _project() -> tuple[Any, Any]:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from annotate.models import Project

    call_command("migrate", interactive=False, verbosity=0)
    user = User.objects.create_user("bench")
    return Project.begin("Benchmark", [], user), user


def _work(row: Any, waiting: str, working: str, job: Callable[[Any], None]) -> None:
    claimed = type(row).objects.claim(row.pk, waiting, working)
    if claimed is None:
        row.refresh_from_db()
        raise SystemExit(f"The import is {row.status}: {row.error}")
    job(claimed)


def _without_index(stack: ExitStack) -> None:
    """Take near-duplicates and the index of words out of the import, to see what they cost: each article is given a
    signature of its own and no keys.
    """
    from django.db import connection

    from annotate.exchange import reading
    from annotate.exchange.near import Prepared

    with connection.cursor() as cursor:
        for name in ("tagdesk_read", "tagdesk_read_shown", "tagdesk_forget"):
            cursor.execute(f"DROP TRIGGER {name}")
    stack.enter_context(patch.object(reading, "prepare", lambda record: Prepared(record, os.urandom(480), [])))


if __name__ == "__main__":
    main()
