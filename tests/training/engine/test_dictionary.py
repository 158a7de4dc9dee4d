from annotate.iob2 import tags_of
from tests.training.engine.tiny import make_article
from training.engine.articles import Article
from training.engine.dictionary import Dictionary


def test_a_mention_is_found_again_word_for_word_with_its_share() -> None:
    known = Dictionary.of([make_article("Ada met Bob . Bob left", PER=["Ada", "Bob"])])
    assert known.find(["Then", "Bob", "and", "ada", "left", "."]) == [(1, 2, "PER", 1.0)]


def test_the_share_is_how_often_its_words_were_tagged_where_they_stood() -> None:
    articles = [make_article("Apple grew", ORG="Apple"), make_article("Apple grew", ORG="Apple")]
    articles += [make_article("an Apple a day"), make_article("Apple and Bob", LOC="Apple", PER="Bob")]
    known = Dictionary.of(articles)
    assert known.find(["Apple"]) == [(0, 1, "ORG", 0.5)]


def test_what_is_more_often_no_entity_is_not_suggested() -> None:
    articles = [make_article("in May", PER="May"), make_article("May and May and may")]
    assert Dictionary.of(articles).find(["May", "met"]) == []


def test_the_longest_mention_wins_and_what_stands_inside_it_is_not_held_against_the_shorter() -> None:
    words = ["New", "York", "reads", "the", "New", "York", "Times"]
    article = Article("a", words, tags_of([(0, 2, "LOC"), (4, 7, "ORG")], len(words)), [0])
    known = Dictionary.of([article])
    assert known.find(words) == [(0, 2, "LOC", 1.0), (4, 7, "ORG", 1.0)]


def test_a_long_mention_that_is_seldom_one_does_not_hide_a_short_one() -> None:
    often = [make_article("Bob Dylan sang", PER="Bob")] * 3
    known = Dictionary.of([*often, make_article("Bob Dylan sang", PER="Bob Dylan")])
    assert known.find(["Bob", "Dylan", "sang"]) == [(0, 1, "PER", 1.0)]


def test_what_stands_untagged_in_an_article_that_is_not_finished_says_nothing() -> None:
    begun = [make_article("Ada met Bob and Ada", PER="Bob"), make_article("Bob slept")]
    assert Dictionary.of([], begun).find(["Bob", "slept"]) == [(0, 1, "PER", 1.0)]


GIVEN = {("Paris",): "LOC", ("Paris", "Match"): "ORG"}


def test_a_gazetteers_mention_is_found_with_three_of_four_the_longest_first() -> None:
    known = Dictionary.of([], given=GIVEN)
    assert known.find(["Paris", "Match", "in", "Paris"]) == [(0, 2, "ORG", 0.75), (3, 4, "LOC", 0.75)]


def test_each_place_in_a_finished_article_counts_with_those_of_the_gazetteer() -> None:
    tagged, other, bare = (
        make_article("Paris slept", LOC="Paris"),
        make_article("Paris slept", PER="Paris"),
        make_article("Paris slept"),
    )

    def share(*finished: Article) -> list[tuple[int, int, str, float]]:
        return Dictionary.of(finished, given=GIVEN).find(["Paris"])

    assert share(tagged) == [(0, 1, "LOC", 4 / 5)]
    assert share(other) == [(0, 1, "LOC", 3 / 5)]
    assert share(bare, bare) == [(0, 1, "LOC", 3 / 6)]
    assert share(bare, bare, bare) == []
    assert share(*[other] * 6) == [(0, 1, "PER", 6 / 10)]


def test_what_only_people_know_is_counted_as_without_a_gazetteer() -> None:
    articles = [make_article("Ada slept", PER="Ada")]
    assert Dictionary.of(articles, given=GIVEN).find(["Ada"]) == [(0, 1, "PER", 1.0)]
