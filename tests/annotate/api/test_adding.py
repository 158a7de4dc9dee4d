import pytest

from annotate.exchange import storing
from annotate.exchange.formats import rows
from annotate.models import Document, Import, Prediction, Project
from annotate.signals import documents_imported
from tests.asking import is_problem
from tests.make import make_document, mentions_of

pytestmark = pytest.mark.django_db
ADD = "/projects/news/documents"


def outcomes(response):
    assert response.status_code == 200, response.content
    return [one["outcome"] for one in response.json()["outcomes"]]


def test_articles_are_stored_with_their_tags_and_the_log_says_who(program, project):
    response = program.post(
        ADD,
        {
            "documents": [
                {"text": "😀 Ada met Bob.", "spans": [{"start": 2, "end": 5, "label": "PER"}], "title": "One"},
                {"tokens": ["In", "New", "York", "."], "tags": ["O", "B-LOC", "I-LOC", "O"], "finished": False},
                {"text": "Nobody came.", "metadata": {"desk": "city"}, "split": "test"},
            ]
        },
    )
    assert outcomes(response) == ["created"] * 3
    assert response.json()["counts"] == {"created": 3}
    one, two, three = (Document.objects.get(pk=told["id"]) for told in response.json()["outcomes"])
    assert (one.title, one.state, mentions_of(one)) == ("One", "finished", [("PER", "Ada")])
    assert (two.state, mentions_of(two)) == ("in_progress", [("LOC", "New York")])
    assert (three.state, three.metadata, three.split) == ("raw", {"desk": "city"}, "test")
    assert one.edits.get().author == program.row.user


def test_who_sends_an_external_id_again_is_told_the_article_that_is_there(program, project):
    body = {"documents": [{"text": "Ada left.", "external_id": "a-1"}, {"text": "Bob left."}]}
    first = program.post(ADD, body).json()["outcomes"]
    again = program.post(ADD, body).json()["outcomes"]
    assert [one["outcome"] for one in again] == ["exists", "duplicate"]
    assert again[0]["id"] == first[0]["id"]
    assert Document.objects.count() == 2


def test_an_id_of_a_deleted_article_is_told(program, project):
    program.post(ADD, {"documents": [{"text": "Ada left.", "external_id": "a-1"}]})
    Document.objects.get().delete_softly(program.row.user)
    assert outcomes(program.post(ADD, {"documents": [{"text": "Ada left.", "external_id": "a-1"}]})) == ["deleted"]


def test_what_cannot_be_stored_is_told_and_the_rest_is_stored(program, project):
    response = program.post(
        ADD,
        {
            "documents": [
                {"text": "Ada left.", "spans": [{"start": 1, "end": 3, "label": "PER"}]},
                {"text": " "},
                {"text": "Half \x00."},
                {"tokens": ["Ada"], "tags": ["I-PER"]},
                {"tokens": ["Ada"], "tags": ["O", "O"]},
                {"text": "Twice.", "external_id": "b"},
                {"text": "Twice more.", "external_id": "b"},
                {"text": "Bob left."},
            ]
        },
    )
    assert outcomes(response) == [*["refused"] * 7, "created"]
    told = [one["errors"][0] for one in response.json()["outcomes"][:-1]]
    assert [error["place"] for error in told] == [f"body.documents.{place}" for place in range(7)]
    assert "begins or ends inside a token" in told[0]["detail"]
    assert Document.objects.count() == 1


def test_half_a_character_in_one_article_leaves_the_others(program, project):
    half = rb'{"text": "Half \ud800."}, {"text": "Bob left.", "metadata": {"a": "\udc00"}}'
    body = b'{"documents": [' + half + b', {"text": "Ada."}]}'
    assert outcomes(program.post(ADD, body)) == ["refused", "refused", "created"]


def test_repair_mends_what_needs_no_guess(program, project):
    body = {
        "documents": [{"text": "Ada left.", "spans": [{"start": 0, "end": 2, "label": "PER"}]}],
        "on_error": "repair",
    }
    [told] = program.post(ADD, body).json()["outcomes"]
    assert told["outcome"] == "created"
    assert mentions_of(Document.objects.get()) == [("PER", "Ad")]


def test_suggestions_are_to_be_judged(program, project):
    span = {"start": 0, "end": 3, "label": "PER", "score": 0.7}
    body = {"documents": [{"text": "Ada left.", "spans": [span], "split": "train"}], "spans_are": "suggestions"}
    program.post(ADD, body)
    assert Document.objects.get().gold() is None
    assert Prediction.objects.get().spans == [[0, 1, "PER", 0.7]]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"text": "Ada.", "tokens": ["Ada"]},
        {"text": "Ada.", "tags": ["O"]},
        {"tokens": ["Ada"], "spans": []},
        {"text": "Ada.", "split": "aside"},
        {"text": "Ada.", "sourse": "X"},
    ],
)
def test_an_article_of_no_known_form_refuses_the_request_with_its_place(program, project, document):
    errors = is_problem(program.post(ADD, {"documents": [{"text": "Bob."}, document]}), 422)["errors"]
    assert errors[0]["place"].startswith("body.documents.1")
    assert not Document.objects.exists()


def test_a_thousand_at_once_are_taken_and_no_more(program, project):
    articles = [{"text": f"Ada met Bob {number} times.", "external_id": f"n-{number}"} for number in range(1_001)]
    is_problem(program.post(ADD, {"documents": articles}), 422)
    is_problem(program.post(ADD, {"documents": []}), 422)
    assert set(outcomes(program.post(ADD, {"documents": articles[:300]}))) <= {"created"}
    assert set(outcomes(program.post(ADD, {"documents": articles[:300]}))) == {"exists"}


def test_an_article_whose_id_is_there_is_not_read_again(program, project, monkeypatch):
    body = {"documents": [{"text": "Ada left.", "external_id": "a-1"}, {"text": "Bob left.", "external_id": "a-2"}]}
    program.post(ADD, body)
    monkeypatch.setattr(rows, "record_of", None)
    assert outcomes(program.post(ADD, body)) == ["exists", "exists"]


def test_an_id_with_half_a_character_leaves_the_other_articles(program, project):
    body = (
        rb'{"documents": [{"text": "Ada left.", "external_id": "\ud800"}, {"text": "Bob left.", "external_id": "b"}]}'
    )
    assert outcomes(program.post(ADD, body)) == ["refused", "created"]


def test_one_write_takes_as_many_articles_as_the_last_one_lets_it(program, project, monkeypatch):
    sizes = []
    write = storing.Intake.write

    def counted(intake, some):
        sizes.append(len(some))
        return write(intake, some)

    monkeypatch.setattr(storing.Intake, "write", counted)
    monkeypatch.setattr(storing, "paced", lambda size, *_: 2 * size)
    articles = [{"text": f"Ada met Bob {number} times."} for number in range(200)]
    assert set(outcomes(program.post(ADD, {"documents": articles}))) <= {"created", "duplicate"}
    assert len(sizes) > 1
    assert sizes[1] > 1.5 * sizes[0]


def test_whoever_suggests_hears_of_new_articles(program, project):
    heard = []
    documents_imported.connect(listener := lambda **told: heard.append(told["project"]))
    program.post(ADD, {"documents": [{"text": "Ada left."}]})
    documents_imported.disconnect(listener)
    assert heard == [project]


def test_an_article_with_an_entity_that_is_new_brings_its_label(program, project):
    program.post(ADD, {"documents": [{"text": "Ada left.", "spans": [{"start": 0, "end": 3, "label": "HERO"}]}]})
    assert project.labels.filter(name="HERO").exists()


def test_near_duplicates_stay_on_one_side(program, project):
    text = "Ada met Bob in Paris on Monday, and they spoke for a long time of what was to come. "
    program.post(ADD, {"documents": [{"text": text * 3, "split": "train"}]})
    program.post(ADD, {"documents": [{"text": text * 3 + "So.", "split": "test"}]})
    assert list(Document.objects.order_by("pk").values_list("split", flat=True)) == ["train", "aside"]
    assert not Import.objects.exists()


def test_nothing_is_added_while_labels_change(program, project):
    project.label_changes.create(kind="renamed", label="PER", into="PERSON", status="waiting")
    is_problem(program.post(ADD, {"documents": [{"text": "Ada left."}]}), 409)
    assert not Document.objects.exists()
    assert Project.objects.exists()
    make_document()
