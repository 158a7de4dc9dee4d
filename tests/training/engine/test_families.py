"""Each family of encoders through the whole engine: read, learn, save, load, say the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers
from transformers import AutoModelForTokenClassification, AutoTokenizer

from tests.training.engine.families import FAMILIES, LONGEST, build, byte_level
from tests.training.engine.test_train import FIVE, LABELS, run, settings_for
from training.engine import encoders
from training.engine.align import IGNORED, pieces, targets
from training.engine.articles import Article
from training.engine.predict import Predictor

# What tokenizers stumble over: signs they see nothing in, signs of other scripts, tokens without an end.
ODD = ["\u200b", "Ada", "🦊", "漢字", "\ufeff", "e\u0301", "\u00ad", "x" * 600, "…", "ﬁn", "\u2028", "."]
WORDS = st.one_of(
    st.text(st.characters(exclude_categories=["Z", "Cs", "Cc"]), min_size=1, max_size=12), st.sampled_from(ODD)
)


@pytest.fixture(scope="module", params=list(FAMILIES))
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(request.param, tmp_path_factory.mktemp("family"))


def test_it_says_how_much_it_reads_at_once(family: Path) -> None:
    tokenizer = encoders.load_tokenizer(str(family))
    assert encoders.longest_input(str(family), tokenizer) == LONGEST
    tokenizer.model_max_length = 10**30
    assert encoders.longest_input(str(family), tokenizer) == LONGEST


def test_the_longest_input_can_be_read(family: Path) -> None:
    tokenizer = encoders.load_tokenizer(str(family))
    longest = encoders.longest_input(str(family), tokenizer)
    article = Article("a", ["Ada", "x" * 600, "met"] * 9, [], [0])
    assert max(len(piece.input_ids) for piece in pieces(tokenizer, [article], longest)) == longest
    predictor = Predictor(
        encoders.load_model(str(family), ["O", "B-PER", "I-PER"]), tokenizer, longest, torch.device("cpu")
    )
    (scores,) = predictor.scores([article])
    assert scores.shape == (27, 3)
    assert np.isfinite(scores).all()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(WORDS, max_size=40), max_size=3), st.integers(8, LONGEST))
def test_every_word_has_one_head_and_one_target(family: Path, texts: list[list[str]], window: int) -> None:
    articles = [Article(str(i), words, ["B-PER"] * len(words), [0]) for i, words in enumerate(texts)]
    trained = [0] * len(articles)
    for piece in pieces(tokenizer_of(family), articles, window):
        assert len(piece.input_ids) <= window
        assert piece.owners[piece.heads()].tolist() == list(range(piece.first, piece.last))
        tags = articles[piece.article].tags
        labelled = targets(piece, tags, {"O": 0, "B-PER": 1, "I-PER": 2}) != IGNORED
        assert np.flatnonzero(labelled).tolist() == piece.heads().tolist()
        trained[piece.article] += int(labelled.sum())
    assert trained == [len(article.words) for article in articles]


def test_words_are_read_as_words_of_a_running_text(family: Path) -> None:
    """And not as if they were glued together, as byte-level tokenizers read words that come one by one."""
    tokenizer = tokenizer_of(family)
    (piece,) = pieces(tokenizer, [Article("a", ["Ada", "met", "Bob"], [], [0])], LONGEST)
    assert tokenizer.decode(piece.input_ids, skip_special_tokens=True).strip().casefold() == "ada met bob"


@pytest.mark.slow
def test_it_learns_five_sentences_by_heart_and_a_loaded_model_says_the_same(family: Path, tmp_path: Path) -> None:
    learnt = run(settings_for(family, epochs=100), tmp_path / "v1").result
    assert [predicted.tags for predicted in learnt.predicted] == [article.tags for article in FIVE]
    again = Predictor.load(tmp_path / "v1").predict(FIVE)
    assert [predicted.tags for predicted in again] == [predicted.tags for predicted in learnt.predicted]
    for one, other in zip(again, learnt.predicted, strict=True):
        assert one.uncertainty == pytest.approx(other.uncertainty, abs=1e-5)
    # As plain transformers loads it, too: the tokenizer that was saved splits words as ours does.
    model = AutoModelForTokenClassification.from_pretrained(tmp_path / "v1")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "v1")
    inputs: Any = tokenizer(FIVE[0].words, is_split_into_words=True, return_tensors="pt", return_token_type_ids=False)
    heads = [inputs.word_ids().index(word) for word in range(len(FIVE[0].words))]
    plain = model(**inputs).logits[0, heads].detach().numpy()
    (ours,) = Predictor.load(tmp_path / "v1").scores([FIVE[0]])
    np.testing.assert_allclose(plain, ours, atol=1e-4)
    assert [model.config.id2label[i] for i in range(5)] == ["O", *(f"{p}-{label}" for label in LABELS for p in "BI")]


@pytest.mark.parametrize("frozen", [True, False])
def test_word_vectors_stay_where_they_are_frozen(family: Path, tmp_path: Path, frozen: bool) -> None:
    run(settings_for(family, epochs=1, freeze_embeddings=frozen), tmp_path / "v1")
    before = AutoModelForTokenClassification.from_pretrained(family).get_input_embeddings().weight
    after = AutoModelForTokenClassification.from_pretrained(tmp_path / "v1").get_input_embeddings().weight
    assert bool((before == after).all()) == frozen


def test_a_tokenizer_that_splits_words_before_it_reads_bytes_keeps_them_apart_too(tmp_path: Path) -> None:
    splitting = pre_tokenizers.Split(Regex(r" ?\p{L}+| ?\p{P}+"), "isolated")
    byte_level(splitting).save_pretrained(tmp_path)
    tokenizer = encoders.load_tokenizer(str(tmp_path))
    (piece,) = pieces(tokenizer, [Article("a", ["Ada's", "met"], [], [0])], LONGEST)
    assert tokenizer.decode(piece.input_ids, skip_special_tokens=True) == " Ada's met"


def tokenizer_of(folder: Path) -> Any:
    return encoders.load_tokenizer(str(folder))
