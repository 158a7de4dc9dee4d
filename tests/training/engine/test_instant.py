from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from annotate.iob2 import IOB2Error, check
from tests.training.engine.tiny import make_article
from training.engine import instant
from training.engine.articles import Article, tag_names
from training.engine.instant import Instant, Reader, chain, fit_chain, stretches

TAGS = tag_names(["PER", "LOC"])
LESSONS = [
    make_article("Ada met Bob in Paris .", "1", PER=["Ada", "Bob"], LOC="Paris"),
    make_article("Bob visited Oslo .", "2", PER="Bob", LOC="Oslo"),
    make_article("Nobody came to the fair .", "3"),
    make_article("Then Ada Lovelace saw Rome .", "4", PER="Ada Lovelace", LOC="Rome"),
    make_article("the end", "5"),
]


@pytest.fixture(scope="module")
def reader(encoder: Path) -> Reader:
    return Reader(str(encoder))


@pytest.fixture
def learner(reader: Reader) -> Instant:
    return Instant(["PER", "LOC"], reader)


def well_formed(length: int) -> list[tuple[int, ...]]:
    found = []
    for tags in product(range(len(TAGS)), repeat=length):
        try:
            check([TAGS[tag] for tag in tags])
        except IOB2Error:
            continue
        found.append(tags)
    return found


def test_the_sums_over_a_chain_are_those_over_all_well_formed_sequences() -> None:
    scores = torch.randn(7, len(TAGS), generator=torch.Generator().manual_seed(1)) * 3
    places = torch.tensor([[0, 4], [1, 5], [2, 6], [3, -1]])
    allowed = torch.tensor([[instant._may_follow(a, b) for b in TAGS] for a in TAGS]).float()
    begins = torch.tensor([not tag.startswith("I-") for tag in TAGS]).float()
    total, marginals = chain(scores, places, allowed, begins)
    expected, log_sum = torch.zeros_like(scores), 0.0
    for first, last in ((0, 4), (4, 7)):
        sequences = torch.tensor(well_formed(last - first))
        weight = torch.stack([scores[first + i, sequences[:, i]] for i in range(last - first)]).sum(dim=0)
        log_sum += float(weight.logsumexp(0))
        for i in range(last - first):
            expected[first + i].index_add_(0, sequences[:, i], weight.softmax(0))
    assert float(total) == pytest.approx(log_sum, abs=1e-4)
    assert torch.allclose(marginals, expected, atol=1e-5)


def test_scores_far_apart_break_no_sum() -> None:
    scores = torch.tensor([[0.0, 500.0, 0, 0, 0], [-900.0, 0, 900.0, 0, 0]])
    allowed = torch.tensor([[instant._may_follow(a, b) for b in TAGS] for a in TAGS]).float()
    total, marginals = chain(scores, torch.tensor([[0], [1]]), allowed, torch.tensor([1.0, 1, 0, 1, 0]))
    assert float(total) == pytest.approx(1400, rel=1e-4)
    assert marginals.argmax(dim=1).tolist() == [1, 2]


def test_chains_are_cut_before_words_outside_of_entities_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instant, "STRETCH", 2)
    assert stretches(torch.tensor([0, 1, 2, 2, 0, 0, 1, 1, 0])) == [0, 4, 8, 9]
    assert stretches(torch.tensor([1, 2, 2, 2])) == [0, 4]


def test_a_handful_of_articles_is_learnt_by_heart(learner: Instant) -> None:
    learner.fit(LESSONS)
    said = learner.predict(LESSONS)
    assert [decoded.tags for decoded in said] == [article.tags for article in LESSONS]
    assert all(probability > 0.3 for decoded in said for *_, probability in decoded.spans)


def test_it_knows_what_it_was_told_last_alone(learner: Instant) -> None:
    learner.fit(LESSONS)
    learner.fit([article._replace(tags=["O"] * len(article.words)) for article in LESSONS])
    assert not any(decoded.spans for decoded in learner.predict(LESSONS))


def test_each_article_is_read_once_and_of_many_the_latest_are_kept(
    learner: Instant, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    states = learner.reader.states

    def seen(articles: Sequence[Article]) -> list[torch.Tensor]:
        read.extend(article.key for article in articles)
        return states(articles)

    monkeypatch.setattr(learner.reader, "states", seen)
    monkeypatch.setattr(instant, "MOST_WORDS", 12)
    learner.read(LESSONS[:2])
    learner.read(LESSONS[:2])
    assert read == ["1", "2"]
    learner.read(LESSONS[2:3])
    assert [learner.has_read(article) for article in LESSONS[:3]] == [False, True, True]


def test_an_article_with_other_words_is_another(learner: Instant) -> None:
    learner.read(LESSONS)
    assert not learner.has_read(LESSONS[0]._replace(words=["Ada", "left"]))


def test_a_fit_begins_where_the_last_one_ended(learner: Instant, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(*given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        asked.append(1)
        return chain(*given)

    monkeypatch.setattr(instant, "chain", counted)
    learner.fit(LESSONS)
    first = len(asked)
    learner.fit(LESSONS)
    assert len(asked) - first < first / 2


def test_a_words_state_is_the_mean_of_its_sub_words_whoever_is_read_beside_it(reader: Reader) -> None:
    alone = reader.states([LESSONS[3]])[0]
    beside = reader.states(LESSONS)[3]
    assert torch.allclose(alone, beside, atol=1e-5)
    assert alone.shape == (6, 32 * len(reader.layers))


def test_every_word_of_a_long_article_has_a_state(reader: Reader) -> None:
    long = Article("long", ["Ada", "visited", "Wolfeschlegelsteinhausen"] * 60, [], [0])
    states = reader.states([long])[0]
    assert bool((states.abs().sum(dim=1) > 0).all())


def test_an_article_without_words_has_no_tags(learner: Instant) -> None:
    learner.fit([*LESSONS, Article("none", [], [], [])])
    assert learner.predict([Article("none", [], [], [])])[0].tags == []


def test_neighbours_of_the_first_and_the_last_word_are_zeros() -> None:
    found = instant.beside(torch.tensor([[1.0], [2.0], [3.0]]))
    assert found.tolist() == [[0, 2], [1, 3], [2, 0]]


def test_the_weights_that_are_found_are_the_best_there_are() -> None:
    """Whichever way one goes from them, the tags become less likely."""
    torch.manual_seed(0)
    features, tags = torch.randn(30, 4), [torch.tensor([0, 1, 2, 0, 3] * 6)]
    start = torch.zeros(5, len(TAGS))
    weights = fit_chain(features, tags, start, TAGS)
    places = instant._side_by_side(tags)
    allowed = torch.tensor([[instant._may_follow(a, b) for b in TAGS] for a in TAGS]).float()
    begins = torch.tensor([not tag.startswith("I-") for tag in TAGS]).float()

    def loss(w: torch.Tensor) -> float:
        scores = features @ w[:-1] + w[-1]
        total, _ = chain(scores, places, allowed, begins)
        right = scores[torch.arange(30), tags[0]].sum()
        return float(total - right + instant.DECAY * (w[:-1] ** 2).sum())

    best = loss(weights)
    assert all(loss(weights + 0.3 * torch.randn_like(weights)) > best for _ in range(20))
    assert np.isfinite(best)
