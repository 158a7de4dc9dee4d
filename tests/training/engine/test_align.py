from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.engine.tiny import make_article, tiny_roberta, wordpiece
from training.engine.align import IGNORED, NOBODY, pieces, split_words, targets
from training.engine.articles import Article, tag_names
from training.engine.encoders import load_tokenizer

WORDPIECE = wordpiece()
TAGS = tag_names(["PER", "LOC"])
TAG_IDS = {tag: i for i, tag in enumerate(TAGS)}
WORDS = st.text(st.characters(exclude_categories=["Z", "Cs", "Cc"]), min_size=1, max_size=12)


def read(ids: np.ndarray) -> list[str]:
    found: list[str] = WORDPIECE.convert_ids_to_tokens(ids.tolist())
    return found


def test_a_word_is_split_as_the_encoder_learnt_it() -> None:
    (piece,) = pieces(WORDPIECE, [make_article("Kowal met")], 64)
    assert read(piece.input_ids) == ["[CLS]", "k", "##o", "##w", "##a", "##l", "met", "[SEP]"]
    assert piece.owners.tolist() == [NOBODY, 0, 0, 0, 0, 0, 1, NOBODY]
    assert piece.heads().tolist() == [1, 6]


def test_the_first_subword_carries_the_tag_and_the_rest_none() -> None:
    article = make_article("Ada Lo met", PER="Ada Lo")
    (piece,) = pieces(WORDPIECE, [article], 64)
    assert targets(piece, article.tags, TAG_IDS).tolist() == [
        *(IGNORED, TAG_IDS["B-PER"], IGNORED, IGNORED, TAG_IDS["I-PER"], IGNORED, TAG_IDS["O"], IGNORED),
    ]


def test_all_subwords_may_carry_the_tag_that_goes_on() -> None:
    article = make_article("Ada met", PER="Ada")
    (piece,) = pieces(WORDPIECE, [article], 64)
    begin, inside, outside = TAG_IDS["B-PER"], TAG_IDS["I-PER"], TAG_IDS["O"]
    found = targets(piece, article.tags, TAG_IDS, all_subwords=True).tolist()
    assert found == [IGNORED, begin, inside, inside, outside, IGNORED]


@pytest.mark.parametrize("word", ["\u200b", "\ufeff", "\u00ad", "\u2060\u200d"])
def test_a_word_the_tokenizer_sees_nothing_in_gets_the_unknown_id(word: str) -> None:
    (subwords,) = split_words(WORDPIECE, [Article("a", ["met", word, "in", word], ["O"] * 4, [0])])
    assert read(subwords.ids) == ["met", "[UNK]", "in", "[UNK]"]
    assert subwords.counts.tolist() == [1, 1, 1, 1]


def test_a_word_of_600_subwords_fills_one_window_and_its_neighbours_stay() -> None:
    article = make_article(f"in {'x' * 600} met")
    parts = pieces(WORDPIECE, [article], 32)
    assert max(len(part.input_ids) for part in parts) == 32
    assert [token for part in parts for token in range(part.first, part.last)] == [0, 1, 2]
    assert all(len(part.heads()) == part.last - part.first for part in parts)


def test_articles_without_words_have_no_pieces_and_disturb_nobody() -> None:
    empty = Article("e", [], [], [])
    parts = pieces(WORDPIECE, [empty, make_article("met"), empty], 64)
    assert [(part.article, part.first, part.last) for part in parts] == [(1, 0, 1)]
    assert pieces(WORDPIECE, [empty], 64) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(WORDS, max_size=60), max_size=4), st.integers(8, 64))
def test_every_word_of_every_article_has_one_head_and_one_target(texts: list[list[str]], window: int) -> None:
    articles = [Article(str(i), words, ["B-LOC"] * len(words), [0]) for i, words in enumerate(texts)]
    trained = [0] * len(articles)
    for piece in pieces(WORDPIECE, articles, window):
        assert len(piece.input_ids) <= window
        assert piece.owners[piece.heads()].tolist() == list(range(piece.first, piece.last))
        labelled = targets(piece, articles[piece.article].tags, TAG_IDS) != IGNORED
        assert np.flatnonzero(labelled).tolist() == piece.heads().tolist()
        trained[piece.article] += int(labelled.sum())
    assert trained == [len(article.words) for article in articles]


def test_a_byte_level_tokenizer_keeps_words_apart(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(tiny_roberta(tmp_path)))
    (piece,) = pieces(tokenizer, [make_article("Ada met")], 64)
    assert tokenizer.convert_ids_to_tokens(piece.input_ids.tolist()) == [
        *("<s>", "Ġ", "A", "d", "a", "Ġ", "m", "e", "t", "</s>"),
    ]
    assert piece.heads().tolist() == [1, 5]
