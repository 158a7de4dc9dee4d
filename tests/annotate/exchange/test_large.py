"""A file of 50 MB passes through in flat memory: measured by itself, in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MEASURE = """
import resource, sys
from annotate.exchange import Options, read
from annotate.exchange.formats import conll, jsonl
from annotate.exchange.records import apply

path, kind = sys.argv[1:]
with open(path, "rb") as stream:
    records = (apply(record, "skip") for record in read(stream, path, Options()))
    good = (record for record in records if record is not None)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count = sum(line.startswith(("-DOC", "{")) for line in (conll if kind == "conll" else jsonl).write(good))
print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
SENTENCE = "Ada -X- -X- B-PER\nKing -X- -X- I-PER\nmet -X- -X- O\nthem -X- -X- O\n\n"
WORDS = '["Ada", "King", "met", "them"' + ', "and", "others"' * 1000 + "]"
TAGS = '["B-PER", "I-PER", "O", "O"' + ', "O", "O"' * 1000 + "]"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["conll", "jsonl", "json"])
def test_fifty_megabytes_take_no_more_memory_than_one_article(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"large.{kind}"
    row = f'{{"tokens": {WORDS}, "tags": {TAGS}}}'
    article = {"conll": "-DOCSTART- -X- -X- O\n\n" + SENTENCE * 400, "jsonl": f"{row}\n", "json": f"{row},\n"}[kind]
    count = 50_000_000 // len(article) + 1
    with path.open("w") as target:
        target.write('{"train": [' if kind == "json" else "")
        target.writelines(article for _ in range(count - (kind == "json")))
        target.write(f"{row}]}}" if kind == "json" else "")
    assert path.stat().st_size > 49_000_000
    command = [sys.executable, "-c", MEASURE, str(path), kind]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    articles, megabytes = map(int, answer.stdout.split())
    assert articles == count
    assert megabytes < 30
