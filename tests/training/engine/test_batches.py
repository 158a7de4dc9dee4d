from hypothesis import given
from hypothesis import strategies as st

from tests.training.engine.tiny import make_article, wordpiece
from training.engine.align import IGNORED, pieces, targets
from training.engine.batches import by_length, collate_targets, for_epochs

LENGTHS = st.lists(st.integers(1, 300), max_size=60)


@given(LENGTHS, st.integers(1, 600))
def test_every_piece_is_in_one_batch_and_no_batch_bursts(lengths: list[int], budget: int) -> None:
    batches = by_length(lengths, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget


@given(LENGTHS, st.integers(1, 600), st.integers(1, 4))
def test_every_epoch_reads_every_piece_once(lengths: list[int], budget: int, epochs: int) -> None:
    plan = for_epochs(lengths, budget, epochs, seed=1)
    assert len(plan) == epochs
    for batches in plan:
        assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
        assert all(len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget for batch in batches)


def test_epochs_differ_and_seeds_repeat() -> None:
    lengths = list(range(10, 90))
    first, second = for_epochs(lengths, 200, 2, seed=1)
    assert first != second
    assert for_epochs(lengths, 200, 2, seed=1) == [first, second]
    assert for_epochs(lengths, 200, 2, seed=2) != [first, second]


def test_batches_by_length_begin_with_the_longest() -> None:
    assert by_length([1, 9, 2, 8], budget=20) == [[1, 3], [2, 0]]


def test_padding_is_masked_and_never_trained_on() -> None:
    articles = [make_article("met"), make_article("met in met")]
    tags = {"O": 0}
    examples = [(piece, targets(piece, ["O"] * 3, tags)) for piece in pieces(wordpiece(), articles, 64)]
    batch = collate_targets(examples, pad_id=0)
    assert batch["input_ids"].shape == (2, 5)
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert batch["labels"].tolist() == [[IGNORED, 0, IGNORED, IGNORED, IGNORED], [IGNORED, 0, 0, 0, IGNORED]]
