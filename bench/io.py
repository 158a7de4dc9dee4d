"""Time the import and the export of many articles, by the jobs that a worker runs.

`python -m bench.io` writes 10,000 articles of some 210 tokens to files, imports each file into a data folder of its
own, and exports 2,000 annotated articles in every format. Each part has a process of its own, so that its peak memory
is its own. `--gigabyte` imports a file of 1 GB as well, to see that memory stays flat; `--exported 100000` does the
same for the export. It prints a table; with `--json`, the last line is one JSON object. docs/benchmarks.md says how to
read it.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from annotate import iob2
from annotate.exchange.formats import WRITERS
from bench.articles import Article, articles
from bench.server import ROOT, environment, fsync_ms

SPANS = 10
ADDED = 1_000  # articles through the API
GIGABYTE = 10**9
POOL = 20_000  # articles of one seed in the large file

Figures = dict[str, Any]


def main() -> None:
    options = parse()
    scratch = Path(tempfile.mkdtemp(prefix="tagdesk-bench-", dir=options.folder))
    try:
        found = measure(scratch, options)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print("\n".join(told(found)))
    if options.json:
        print(json.dumps(found))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=10_000, help="to import")
    parser.add_argument("--exported", type=int, default=2_000, help="annotated articles to export")
    parser.add_argument("--formats", default="", help="of the export, with commas between; all without it")
    parser.add_argument("--only", default="", help="parts, with commas between: text, spans, bare, api, export")
    parser.add_argument("--gigabyte", action="store_true", help="import a file of 1 GB, for the memory alone")
    parser.add_argument("--folder", type=Path, help="where to make the data folders; the disk counts")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def measure(scratch: Path, options: argparse.Namespace) -> Figures:
    wanted = options.only.split(",") if options.only else ["text", "spans", "bare", "api", "export"]
    texts, spans = scratch / "texts.jsonl", scratch / "spans.jsonl"
    write(texts, rows(articles(options.articles), with_spans=False))
    write(spans, rows(articles(options.articles), with_spans=True))
    found: Figures = {"fsync_ms": fsync_ms(scratch), "articles": options.articles, "exported": options.exported}
    for name, file, more in (("text", texts, []), ("spans", spans, []), ("bare", texts, ["--bare"])):
        if name in wanted:
            found[name] = part(scratch / name, "import", file, *more)
            shutil.rmtree(scratch / name)
    if "api" in wanted:
        some = scratch / "some.jsonl"
        write(some, rows(articles(min(ADDED, options.articles)), with_spans=True))
        found["api"] = part(scratch / "api", "add", some)
    if "export" in wanted:
        found["export"] = exports(scratch, options)
    if options.gigabyte:
        found["gigabyte"] = gigabyte(scratch)
    return found


def exports(scratch: Path, options: argparse.Namespace) -> Figures:
    """Each format in a process of its own; all read the same project."""
    file, folder = scratch / "annotated.jsonl", scratch / "export"
    write(file, rows(articles(options.exported), with_spans=True))
    part(folder, "import", file)
    there = [kind for kind, writer in WRITERS.items() if not writer.is_missing]
    kinds = options.formats.split(",") if options.formats else there
    return {kind: part(folder, "export", scratch / "exported", "--format", kind) for kind in kinds}


def gigabyte(scratch: Path) -> Figures:
    file = scratch / "gigabyte.jsonl"
    write(file, until(GIGABYTE, rows(shuffled(), with_spans=False)))
    return part(scratch / "gigabyte", "import", file)


def part(folder: Path, *arguments: str | Path) -> Figures:
    began = time.monotonic()
    command = [sys.executable, "-m", "bench.io_parts", *map(str, arguments)]
    folder.mkdir(exist_ok=True)
    answer = subprocess.run(command, cwd=ROOT, env=environment(folder), check=True, stdout=subprocess.PIPE, text=True)
    print(f"{' '.join(command[3:])}: {time.monotonic() - began:.0f} s in all", file=sys.stderr, flush=True)
    made: Figures = json.loads(answer.stdout.splitlines()[-1])
    return made


def rows(some: Iterable[Article], with_spans: bool) -> Iterator[str]:
    for number, article in enumerate(some):
        row: Figures = {"id": f"bench-{number}", "title": article.title, "text": article.text}
        row |= {"source": article.source, "date": article.date}
        if with_spans:
            found = iob2.spans_of(article.tags)[:SPANS]
            offsets = article.offsets
            row["spans"] = [[offsets[s.start][0], offsets[s.end - 1][1], s.label] for s in found]
        yield json.dumps(row, ensure_ascii=False) + "\n"


def shuffled() -> Iterator[Article]:
    """Articles without end. Each seed makes others."""
    return chain.from_iterable(articles(POOL, seed) for seed in range(10**6))


def until(size: int, lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line
        size -= len(line.encode())
        if size <= 0:
            return


def write(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8") as target:
        target.writelines(lines)


def told(found: Figures) -> Iterator[str]:
    yield f"fsync of this disk: {found['fsync_ms']} ms"
    for name in ("text", "spans", "bare", "gigabyte"):
        if name in found:
            yield from _of_import(name, found[name])
    if "api" in found:
        one, seconds = found["api"], found["api"]["seconds"]
        yield f"api: {one['a_second']:,} articles a second ({seconds['add']} s), the same again {seconds['again']} s"
    for kind, one in found.get("export", {}).items():
        memory = one["peak_mb"]
        yield (
            f"export {kind:12} {one['articles']:>8,} articles {one['seconds']:8.3f} s "
            f"({one['cpu_seconds']:.2f} of a processor), first byte after "
            f"{one['first_byte_s']:.3f} s, {one['megabytes']} MB; memory {memory['before']}, {memory['after']} MB"
        )


def _of_import(name: str, one: Figures) -> Iterator[str]:
    memory = one["peak_mb"]
    yield (
        f"{name}: {one['articles']:,} articles, {one['tokens']:,} tokens, {one['entities']:,} entities, "
        f"{one['megabytes']} MB: {one['a_second']:,} a second imported, {one['checked_a_second']:,} checked, "
        f"{one['in_all_a_second']:,} both"
    )
    yield "    seconds: " + ", ".join(f"{phase} {taken}" for phase, taken in one["seconds"].items())
    yield "    of a processor: " + ", ".join(f"{phase} {taken}" for phase, taken in one["cpu_seconds"].items())
    yield (
        f"    longest write {one['longest_write_ms']} ms; "
        f"memory {memory['before']}, {memory['checked']}, {memory['imported']} MB"
    )


if __name__ == "__main__":
    main()
