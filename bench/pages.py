"""Time the pages of a project of 1,000, 10,000 and 100,000 articles on the real web server.

`python -m bench.pages` fills a temporary data folder for each size, starts gunicorn on each as `manage.py up` does,
and drives the servers in turns over kept-open connections. It prints a table of milliseconds, median and 95th
percentile; with `--json`, the last line is one JSON object. docs/benchmarks.md says how to read it.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django

from bench.counting import HEADER
from bench.figures import percentile
from bench.server import Server, can_trace, fsync_ms, make_folder
from bench.visitor import Visitor
from bench.work import COMBOS, FILTERS, Work

SIZES = (1_000, 10_000, 100_000)
BLOCK = 20  # requests of an operation before it is the next server's turn
WARM_UP = 3
COUNTED = 5  # requests of an operation in the pass that counts queries
TRACED = 20  # edits in the pass that counts fsyncs

Figures = dict[str, Any]


def main() -> None:
    options = parse()
    scratch = Path(tempfile.mkdtemp(prefix="tagdesk-bench-", dir=options.folder))
    os.environ |= {"TAGDESK_DATA": str(scratch / "none"), "DJANGO_SETTINGS_MODULE": "config.settings"}
    django.setup()
    try:
        found = measure(scratch, options.sizes, options.requests)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print("\n".join(told(found)))
    if options.json:
        print(json.dumps(found))


def parse() -> argparse.Namespace:
    def sizes(given: str) -> list[int]:
        return [int(size) for size in given.split(",")]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=sizes, default=list(SIZES), help="numbers of articles, with commas between")
    parser.add_argument("--requests", type=int, default=200, help="of each operation and size")
    parser.add_argument("--folder", type=Path, help="where to make the data folders; the disk counts")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def measure(scratch: Path, sizes: list[int], requests: int) -> Figures:
    made = {size: filled(scratch, size, 2 * requests + 200) for size in sizes}
    servers = {size: Server(scratch / str(size)) for size in sizes}
    try:
        works = {size: work(servers[size], made[size]) for size in sizes}
        times = timed(works, requests)
        rss = {size: server.resident_mb() for size, server in servers.items()}
        own = {size: server.own_times() for size, server in servers.items()}
        flushes, why_not = flushed(servers[sizes[0]], works[sizes[0]])
        weight = weighed(servers[sizes[0]], works[sizes[0]])
    finally:
        for server in servers.values():
            server.end()
    queries = {size: counted(scratch / str(size), made[size], works[size]) for size in sizes}
    return {
        "sizes": {str(size): figures(times[size], own[size], queries[size]) for size in sizes},
        "fsync_ms": fsync_ms(scratch),
        **flushes,
        "why_no_fsyncs": why_not,
        **weight,
        "web_rss_mb": max((one for found in rss.values() for one in found), default=None),
        "web_rss_mb_by_size": {str(size): found for size, found in rss.items()},
        "requests": requests,
    }


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def filled(scratch: Path, size: int, sample: int) -> Figures:
    began = time.monotonic()
    made = make_folder(scratch / str(size), "--articles", str(size), "--sample", str(sample))
    say(f"{size:,} articles filled in {time.monotonic() - began:.0f} s")
    return made


def work(server: Server, made: Figures) -> Work:
    from annotate.desk import VERBS  # after Django is set up

    return Work(Visitor(server.port, made["sign_in"]), made, set(VERBS))


def timed(works: dict[int, Work], requests: int) -> dict[int, dict[str, list[float]]]:
    """Milliseconds by size and operation. Servers take turns every few requests: what else the machine does, and how
    warm it is, is the same for all.
    """
    times: dict[int, dict[str, list[float]]] = {size: defaultdict(list) for size in works}
    operations = list(next(iter(works.values())).operations)
    for size in works:
        works[size].visitor.begin()
        for operation in operations:
            for _ in range(WARM_UP):
                works[size].operations[operation]("-")
    done = 0
    while done < requests:
        block = min(BLOCK, requests - done)
        for operation in operations:
            for size, one in works.items():
                one.visitor.begin()
                times[size][operation] += [one.operations[operation](operation).ms for _ in range(block)]
        done += block
        say(f"{done} of {requests} requests of each operation")
    return times


def counted(folder: Path, made: Figures, before: Work) -> dict[str, float]:
    """Queries of a request by operation, on a server of its own: counting must not weigh on the times."""
    server = Server(folder, "bench.settings")
    try:
        visitor = Visitor(server.port, made["sign_in"]) if not before.visitor.cookies else before.visitor
        visitor.port = server.port
        visitor.begin()
        one = Work(visitor, {**made, "untouched": before.untouched}, set(before.operations) | {"tag_all"})
        found: dict[str, float] = {}
        for operation in before.operations:
            answers = [one.operations[operation]("-") for _ in range(COUNTED)]
            found[operation] = statistics.median(float(answer.headers[HEADER.lower()]) for answer in answers)
    finally:
        server.end()
    return found


def flushed(server: Server, one: Work) -> tuple[Figures, str]:
    """Calls that flush to disk, per edit, and why they could not be counted."""
    found: Figures = {"fsyncs_per_edit": None, "fsyncs_per_save10": None, "fsyncs_per_finish": None}
    why_not = can_trace()
    if why_not:
        return found, why_not
    for name, operation in (("edit", "tag"), ("save10", "save10"), ("finish", "finish")):
        if operation in one.operations:
            calls: list[str] = []
            with server.counting_fsyncs(calls):
                one.visitor.begin()
                for _ in range(TRACED):
                    one.operations[operation]("-")
            found[f"fsyncs_per_{name}"] = len(calls) / TRACED
    return found, ""


def weighed(server: Server, one: Work) -> Figures:
    """Uncompressed bytes and requests of the article page in a browser that has seen nothing of the site yet."""
    from bench.browser import cold_load

    return cold_load(f"http://127.0.0.1:{server.port}", one.visitor.cookies, f"/articles/{one.untouched[-1]}/")


def figures(times: dict[str, list[float]], own: dict[str, list[float]], queries: dict[str, float]) -> Figures:
    found: Figures = {"save10": None}
    for operation, taken in times.items():
        found[operation] = {
            "median_ms": round(statistics.median(taken), 2),
            "p95_ms": round(percentile(taken, 95), 2),
            "server_ms": server_ms(own.get(operation, []), len(taken)),
            "queries": queries.get(operation),
        }
    found["filter"] = max((found[name] for name in FILTERS), key=lambda one: one["median_ms"])
    found["combos"] = max((found[name] for name in COMBOS), key=lambda one: one["median_ms"])
    return found


def server_ms(own: list[float], operations: int) -> float | None:
    """The median of what the server itself took, where an operation may be more than one request."""
    each = len(own) // operations
    if not each:
        return None
    return round(statistics.median(sum(own[at : at + each]) for at in range(0, len(own), each)), 2)


def told(found: Figures) -> Iterator[str]:
    sizes = list(found["sizes"])
    yield "milliseconds: median / 95th percentile (server's own median; queries)"
    yield f"{'':20}" + "".join(f"{int(size):>34,}" for size in sizes) + f"{'growth':>9}"
    for operation in found["sizes"][sizes[0]]:
        rows = [found["sizes"][size][operation] for size in sizes]
        cells = "".join(f"{cell(row):>34}" for row in rows)
        growth = f"{rows[-1]['median_ms'] / rows[0]['median_ms']:9.2f}" if rows[0] and rows[-1] else ""
        yield f"{operation:20}{cells}{growth}"
    yield f"fsync of this disk: {found['fsync_ms']} ms"
    for name in ("edit", "save10", "finish"):
        number = found[f"fsyncs_per_{name}"]
        yield f"fsyncs per {name}: {number if number is not None else found['why_no_fsyncs'] or 'not measured'}"
    yield f"article page: {found['page_bytes']} bytes in {found['page_requests']} requests, uncompressed, cold"
    yield f"web processes, resident MB: {found['web_rss_mb_by_size']}"


def cell(row: Figures | None) -> str:
    if row is None:
        return "not there yet"
    own = "-" if row["server_ms"] is None else f"{row['server_ms']:.1f}"
    return f"{row['median_ms']:.1f} / {row['p95_ms']:.1f} ({own}; {row['queries'] or 0:.0f})"


if __name__ == "__main__":
    main()
