"""What there is to choose between an import's preview and its storing, and that it is done."""

import re

import pytest
from django.urls import reverse

from annotate.models import Document
from tests.annotate.views.test_exchange import confirm, page_of, upload
from tests.make import join, make_user, mentions_of

pytestmark = pytest.mark.django_db
TEXT = "Ada King met Bob Stone in Foo2024 on Monday to talk about the patient work of counting boats."
SPANS = [[26, 29, "LOC"], [0, 8, "PERSON"], [0, 3, "PER"], [13, 22, "per"]]


@pytest.fixture
def row(client, project, worker):
    return upload(client, project, [{"text": TEXT, "spans": SPANS, "id": "a1"}])


def check_again(client, row, **choices):
    response = client.post(reverse("import_check_again", args=[row.pk]), choices)
    row.refresh_from_db()
    return response


def legends(page):
    return [" ".join(found.split()) for found in re.findall("<legend>(.*?)</legend>", page)]


def test_only_what_there_is_to_choose_is_asked_with_its_count(client, project, worker, row):
    page = page_of(client, row)
    assert legends(page) == [
        "1 span begins or ends inside a token",
        "1 span overlaps another",
        "Labels of the file",
    ]
    assert re.search(r'value="split"[^>]* checked', page)
    assert re.search(r'value="outermost"[^>]* checked', page)
    plain = page_of(client, upload(client, project, [{"text": "Ada sang."}]))
    assert legends(plain) == []
    assert "Count again" not in plain


def test_enter_in_a_field_counts_again_and_stores_nothing(client, row):
    form = page_of(client, row).partition('<form class="choices"')[2]
    assert re.findall(r"<button[^>]*>", form)[0].count("check-again") == 1


def test_likely_labels_are_offered_and_none_is_preselected(client, row):
    page = page_of(client, row)
    assert '<option value="PER" >PER, perhaps the same</option>' in page
    assert "selected" not in page


def test_the_choices_are_stored_by_confirming_and_done(client, row):
    confirm(client, row, "fail", edges="snap", overlaps="innermost", **{"into:PERSON": "PER", "other:per": "AUTHOR"})
    assert row.options["labels"] == {"PERSON": "PER", "per": "AUTHOR"}
    assert (row.status, row.error) == ("done", "")
    found = [("PER", "Ada"), ("AUTHOR", "Bob Stone"), ("LOC", "Foo2024")]
    assert mentions_of(Document.objects.get()) == found


def test_counting_again_shows_what_would_come_of_it_and_keeps_the_choices(client, row):
    check_again(client, row, edges="drop", **{"into:PERSON": "-", "into:per": "PER"})
    page = page_of(client, row)
    assert (row.status, row.preview["entities"]) == ("checked", 2)
    assert row.preview["first"][0]["mentions"] == [["PER", "Ada"], ["PER", "Bob Stone"]]
    assert re.search(r'value="drop"[^>]* checked', page)
    assert '<option value="-" selected>' in page
    assert not Document.objects.exists()
    check_again(client, row, **{"into:PERSON": "", "into:per": ""})
    assert row.options["labels"] == {}


def test_duplicates_are_told_by_kind_and_left_out_or_kept(client, project, row, worker):
    confirm(client, row, edges="snap", overlaps="first")
    again = upload(client, project, [{"text": TEXT, "id": "a1"}, {"text": TEXT}, {"text": TEXT + " Again"}])
    page = page_of(client, again)
    assert "1 article is already there by its id and left out." in page
    assert legends(page) == [
        "1 article is the same as another, to the letter",
        "1 article is nearly the same as another",
    ]
    assert "Import 1 article<" in page
    check_again(client, again, exact="keep", near="skip")
    assert "Import 1 article<" in page_of(client, again)
    confirm(client, again, exact="keep", near="skip")
    page = page_of(client, again)
    assert "1 article imported, 2 left out" in page
    assert "1 already there by their id, 1 the same as another article, 1 nearly the same as another article" in page


def test_another_text_under_an_id_that_is_there_is_told_and_kept_on_demand(client, project, row, worker):
    confirm(client, row, "repair")
    other = upload(client, project, [{"text": "Cy sang all night in Rome, and nobody slept.", "id": "a1"}])
    assert "1 article has an id that is there with another text" in legends(page_of(client, other))
    confirm(client, other, taken="keep")
    assert list(Document.objects.values_list("external_id", flat=True)) == ["a1", ""]


@pytest.mark.parametrize(
    ("name", "says"),
    [("A B", "cannot be a label"), ("-X", "cannot be a label"), ("x" * 51, "cannot be a label"), ("org", "“ORG”")],
)
@pytest.mark.parametrize("url", ["import_confirm", "import_check_again"])
def test_a_name_that_cannot_be_is_refused_and_what_was_typed_stays(client, row, url, name, says):
    response = client.post(reverse(url, args=[row.pk]), {"into:PERSON": "", "other:PERSON": name})
    page = response.content.decode()
    assert says in page
    assert f'value="{name}"' in page
    row.refresh_from_db()
    assert row.status == "checked"


@pytest.mark.parametrize("url", ["import_confirm", "import_check_again"])
def test_what_no_page_sends_is_refused_and_so_is_who_may_not(client, project, row, url):
    address = reverse(url, args=[row.pk])
    assert client.post(address, {"edges": "banana"}).status_code == 400
    assert client.get(address).status_code == 405
    client.force_login(join(project, make_user(), "annotator"))
    assert client.post(address, {"edges": "snap"}).status_code == 403
    client.force_login(make_user())
    assert client.post(address, {"edges": "snap"}).status_code == 404
    row.refresh_from_db()
    assert row.status == "checked"


def test_counting_again_what_is_not_waiting_says_so(client, row):
    confirm(client, row, "repair")
    check_again(client, row, edges="snap")
    assert row.status == "done"
    assert "This import is not waiting for a decision any more." in page_of(client, row)


def test_a_file_is_called_by_the_tool_it_is_from_and_its_suggestions_are_counted(client, project, worker):
    item = {"text": TEXT, "predictions": {"entities": [{"start": 0, "end": 8, "label": "PER"}]}}
    page = " ".join(page_of(client, upload(client, project, [item])).split())
    assert "Understood as <strong>Potato</strong>" in page
    assert "1 article, 19 tokens, 1 suggestion." in page


def headings(page):
    return [" ".join(found.split()) for found in re.findall("<h2>(.*?)</h2>", page)]


def test_spans_that_a_choice_meets_are_no_errors(client, row):
    page = page_of(client, row)
    assert headings(page) == ["2 met by the choices above", "What becomes of them", "The article"]
    assert page.count("Chosen above") == 2
    assert ">Error<" not in page
    confirm(client, row, "repair")
    assert headings(page_of(client, row)) == ["The file had 2 errors"]


@pytest.mark.parametrize(
    ("name", "content", "understood"),
    [
        ("a.json", [{"data": {"text": "Ada."}, "annotations": [{"result": []}]}], "Label Studio: 1 article, 2 tokens."),
        ("a.jsonl", {"text": "Ada.", "label": [[0, 3, "PER"]]}, "doccano: 1 article, 2 tokens, 1 entity."),
        ("a.txt", b"Ada.", "Plain text: 1 article, 2 tokens."),
        (
            "a.json",
            [{"tokenized_text": ["Ada", "left"], "ner": [[0, 0, "PER"]]}],
            "GLiNER: 1 article, 2 tokens, 1 entity.",
        ),
        ("a.conll", b"Ada B-PER\n", "CoNLL, tags in IOB2: 1 article, 1 token, 1 entity."),
        ("a.json", [{"tokens": ["Ada"], "tags": ["B-PER"]}], "JSON, tags in IOB2: 1 article, 1 token, 1 entity."),
        ("a.json", [{"text": "Ada", "spans": [[0, 3, "PER"]]}], "JSON: 1 article, 1 token, 1 entity."),
    ],
)
def test_what_was_understood_is_said_in_whole_words_and_a_scheme_where_there_are_tags(
    client, project, worker, name, content, understood
):
    page = re.sub("<[^>]+>", "", page_of(client, upload(client, project, content, name)))
    assert f"Understood as {understood}" in " ".join(page.split())


def test_a_file_of_which_nothing_can_come_in_leads_back_to_the_options(client, project, worker):
    page = page_of(client, upload(client, project, [{"tokens": ["Ada"], "ner_tags": [1]}], "a.json"))
    told = " ".join(re.sub("<[^>]+>", "", page).split())
    assert "Understood as JSON: no article that can be imported. 1 is left out; the list below says why." in told
    assert "Hand it in with other options" in told
    assert 'class="main"' not in page


def test_ten_of_many_are_called_the_first(client, project, worker):
    page = page_of(client, upload(client, project, [{"text": f"Number {n} slept in the boat."} for n in range(11)]))
    assert "The first 10 articles" in headings(page)
