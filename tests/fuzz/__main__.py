"""Hunt for bytes that a reader stumbles over: python -m tests.fuzz SECONDS [TARGET]

The seconds are shared by all targets where none is named. What was found lies under build/fuzz/TARGET/ afterwards.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import FOUND, TARGETS

WORK = Path("build/fuzz")
LONGEST = 1 << 16  # bytes of an input
LIMITS = ["-timeout=60", "-rss_limit_mb=2048", f"-max_len={LONGEST}", "-print_final_stats=1"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=int)
    parser.add_argument("target", nargs="?", choices=TARGETS)
    asked = parser.parse_args()
    names = [asked.target] if asked.target else list(TARGETS)
    known = seeds()
    for name in names:
        _hunt(name, known[name], asked.seconds / len(names))
    found = sorted(WORK.glob("*/found-*"))
    sys.stdout.write("".join(f"{path}\n" for path in found) or "Nothing was found.\n")
    return int(bool(found))


def _hunt(name: str, known: list[bytes], seconds: float) -> None:
    """Let the fuzzer run until the time is over; it ends at each thing that it finds."""
    folder, corpus = WORK / name, WORK / name / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(known):
        (corpus / f"seed{number}").write_bytes(data)
    folders = [str(place) for place in (corpus, FOUND / name) if place.is_dir()]
    until = time.monotonic() + seconds
    while (left := int(until - time.monotonic())) > 0:
        options = [f"-max_total_time={left}", f"-artifact_prefix={folder}/found-", *LIMITS]
        subprocess.run([sys.executable, "-m", "tests.fuzz.hunt", name, *options, *folders], check=False)


sys.exit(main())
