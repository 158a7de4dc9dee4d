"""What people leave out of an article is neither learnt nor read."""

from typing import Any

import pytest

from annotate.models import Document, Prediction, Project
from annotate.signals import suggestions_wanted
from tests.make import make_document, make_project
from tests.training.fake_queue import Rung
from tests.training.runs import make_version
from training import jobs, predictions
from training.engine.articles import Article
from training.snapshot import NothingToLearn, take

pytestmark = pytest.mark.usefixtures("rung")
TEXT = "By Eve, Reuters. Ada met Bob. Caption here. Bob left."


class Reader:
    """A model that calls each article's first word a person, and is as unsure as the article is long."""

    def __init__(self) -> None:
        self.read: list[list[str]] = []

    def predict(self, articles: Any, after_batch: Any = None) -> list[Any]:
        from training.engine.predict import Predicted

        self.read += [article.words for article in articles]
        return [Predicted(a.key, [], [(0, 1, "PER", 0.9)], len(a.words) / 10) for a in articles]


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    model = Reader()
    monkeypatch.setattr(predictions, "predictor", lambda version: model)
    return model


@pytest.fixture
def project(db: None, tmp_path: Any, settings: Any) -> Project:
    settings.TAGDESK_DATA = tmp_path
    return make_project(labels=["PER"])


def leave_out(document: Document, *passages: tuple[int, int]) -> Document:
    Document.objects.filter(pk=document.pk).update(left_out=list(passages))
    document.refresh_from_db()
    return document


def test_a_snapshot_holds_the_article_without_what_was_left_out(project: Project) -> None:
    document = make_document(TEXT, project, finished=True, PER="Ada Bob")
    before = take(project).hash
    leave_out(document, (0, 5), (9, 12))
    frozen = take(project)
    words = ["Ada", "met", "Bob", ".", "Bob", "left", "."]
    tags = ["B-PER", "O", "B-PER", "O", "B-PER", "O", "O"]
    assert frozen.training == [Article(str(document.pk), words, tags, [0, 4])]
    assert frozen.hash != before


def test_held_out_articles_are_scored_without_it_too(project: Project) -> None:
    make_document("Ada left.", project, finished=True, PER="Ada")
    leave_out(make_document(TEXT, project, finished=True, split="validation", PER="Ada Bob"), (0, 9))
    assert [article.words for article in take(project).validation] == [["Caption", "here", ".", "Bob", "left", "."]]


def test_an_article_left_out_whole_teaches_nothing_and_is_named_where_it_is_all_there_is(project: Project) -> None:
    document = make_document(TEXT, project, finished=True)
    leave_out(document, (0, document.token_count))
    with pytest.raises(NothingToLearn, match="1 finished article is left out whole"):
        take(project)
    make_document("Ada left.", project, finished=True, PER="Ada")
    assert len(take(project).training) == 1


def test_a_model_reads_what_is_left_and_speaks_of_the_whole_articles_tokens(project: Project, reader: Reader) -> None:
    document = leave_out(make_document(TEXT, project), (0, 5), (9, 12))
    predictions.write(make_version(project, current=True), [document])
    assert reader.read == [["Ada", "met", "Bob", "."], ["Bob", "left", "."]]
    prediction = Prediction.objects.get()
    assert prediction.spans == [[5, 6, "PER", 0.9], [12, 13, "PER", 0.9]]
    assert prediction.uncertainty == pytest.approx((4 * 0.4 + 3 * 0.3) / 7)


def test_an_article_left_out_whole_is_not_read_and_not_asked_for_again(
    project: Project, reader: Reader, rung: Rung
) -> None:
    document = make_document(TEXT, project)
    leave_out(document, (0, document.token_count))
    version = make_version(project, current=True)
    jobs.predict_next(version.source_id)
    assert (reader.read, rung) == ([], [])
    assert Prediction.objects.get().spans == []
    assert not predictions.wanting(version).exists()


def test_a_passage_taken_in_again_is_read_at_the_next_turn(project: Project, reader: Reader, rung: Rung) -> None:
    document = leave_out(make_document(TEXT, project), (0, 5))
    version = make_version(project, current=True)
    predictions.write(version, [document])
    assert not predictions.wanting(version).exists()
    leave_out(document)
    Prediction.objects.update(uncertainty=None)
    suggestions_wanted.send(Project, project=project)
    assert rung == [("predict", "training.jobs.predict_next", version.source_id, "next")]
    jobs.predict_next(version.source_id)
    assert Prediction.objects.get().spans == [[0, 1, "PER", 0.9]]
    assert not predictions.wanting(version).exists()


@pytest.mark.parametrize("changed", [{"left_out": []}, {"tokens_revision": 1}])
def test_what_changed_while_the_model_read_it_is_left_to_the_next_turn(
    project: Project, reader: Reader, changed: dict[str, Any]
) -> None:
    document = leave_out(make_document(TEXT, project), (0, 5))
    version = make_version(project, current=True)
    Document.objects.filter(pk=document.pk).update(**changed)
    predictions.write(version, [document])
    assert not Prediction.objects.exists()
    assert predictions.wanting(version).get() == document
