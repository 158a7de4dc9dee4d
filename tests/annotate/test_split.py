import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from annotate.split import SHINGLE_WORDS, THRESHOLD, keys, signature, similarity, split_of

ROOT = Path(__file__).parents[2]
EXPECTED = ["7c0ed923ad419226", "5684154213331127474", "train", "validation", "validation"]


def article(words: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [f"w{draw.randrange(5000)}" for _ in range(words)]


def jaccard(a: list[str], b: list[str]) -> float:
    first, second = ({tuple(words[i : i + SHINGLE_WORDS]) for i in range(len(words) - 2)} for words in (a, b))
    return len(first & second) / len(first | second)


def test_pairs_at_the_threshold_meet_and_are_recognised() -> None:
    met = 0
    for seed in range(300):
        first = article(300, seed)
        second = first[:267] + article(33, seed + 10_000)  # 265 of 331 shingles in common: 0.80
        assert jaccard(first, second) == pytest.approx(THRESHOLD, abs=0.02)
        met += bool(set(keys(signature(first))) & set(keys(signature(second))))
    assert met >= 299


def test_the_estimate_is_near_the_truth() -> None:
    first, second = article(300, 1), article(300, 1)[:250] + article(50, 2)
    assert similarity(signature(first), signature(second)) == pytest.approx(jaccard(first, second), abs=0.12)
    assert similarity(signature(first), signature(first)) == 1.0
    assert similarity(signature(first), signature(article(300, 3))) < 0.1


def test_case_does_not_make_two_of_one() -> None:
    assert signature(["Ada", "Met", "BOB"]) == signature(["ada", "met", "bob"])


@pytest.mark.parametrize("words", [[], ["Ada"], ["Ada", "met"], ["中"]])
def test_a_text_shorter_than_a_shingle_has_a_signature_and_keys(words: list[str]) -> None:
    assert len(signature(words)) == 480
    assert len(keys(signature(words))) == 18
    assert signature(words) != signature([*words, "Bob"])


def test_keys_fit_a_signed_integer_of_any_database() -> None:
    assert all(0 <= key < 1 << 63 for key in keys(signature(article(50, 4))))


def test_signature_and_split_are_the_same_in_every_process_and_year() -> None:
    code = (
        "from annotate.split import *\n"
        "s = signature('The quick brown fox jumps over the lazy dog'.split())\n"
        "print(s[:8].hex(), keys(s)[0], split_of('group-1', 20), split_of('group-2', 20), split_of('group-7', 20, 10))"
    )
    for hash_seed in ("0", "1"):
        command = [sys.executable, "-c", code]
        answer = subprocess.run(command, cwd=ROOT, env={"PYTHONHASHSEED": hash_seed}, capture_output=True, check=True)
        assert answer.stdout.decode().split() == EXPECTED


def test_shares_are_kept_and_growing_one_moves_nothing_out_of_it() -> None:
    groups = [f"group-{number}" for number in range(10_000)]
    counts = Counter(split_of(group, 20, 10) for group in groups)
    assert counts["validation"] == pytest.approx(2000, abs=150)
    assert counts["test"] == pytest.approx(1000, abs=120)
    held_out = {group for group in groups if split_of(group, 20) == "validation"}
    assert held_out <= {group for group in groups if split_of(group, 30) == "validation"}


@pytest.mark.parametrize(("validation", "test"), [(-1, 0), (0, -1), (60, 40), (100, 0)])
def test_shares_that_leave_nothing_to_train_on_are_refused(validation: int, test: int) -> None:
    with pytest.raises(ValueError, match="nothing to train on"):
        split_of("group", validation, test)
