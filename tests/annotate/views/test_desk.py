from uuid import uuid4

import pytest
from django.urls import reverse

from annotate.models import Document, Edit, Prediction, Source, State
from tests.make import join, make_document, make_project, make_user, mentions_of, suggest

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client):
    user = make_user("ada")
    make_project(manager=user)
    client.force_login(user)
    return user


def post(client, document, verb, **data):
    gold = document.gold()
    source = document.project.current_source_id or ""
    shown = {"client_id": uuid4(), "base": gold.revision if gold else 0, "source": source, "verb": verb}
    shown |= {"shows": document.tokens_revision, "words": document.tokens_revision}
    response = client.post(
        reverse("document_edit", args=[document.pk]), {**shown, **data}, headers={"HX-Request": "true"}
    )
    document.refresh_from_db()
    return response


def test_the_page_shows_the_text_and_the_labels_and_writes_nothing(client, ada, django_assert_max_num_queries):
    document = make_document("Ada met Bob.", PER="Ada")
    edits = Edit.objects.count()
    with django_assert_max_num_queries(16):
        page = client.get(reverse("document", args=[document.pk])).content.decode()
    assert '<mark class="span c1" data-s="0" data-e="1" data-label="PER">' in page
    assert page.count("data-key=") == 4
    assert Edit.objects.count() == edits


def test_an_edit_answers_with_the_desk_alone(client, ada):
    document = make_document("Ada met Bob.")
    response = post(client, document, "tag", start=0, end=1, label="PER")
    assert response.status_code == 200
    assert b"<html" not in response.content
    assert mentions_of(document) == [("PER", "Ada")]


def test_an_edit_of_a_long_article_is_answered_with_what_it_touched_alone(client, ada):
    document = make_document(" ".join(f"Here is Ada{number}." for number in range(500)))
    page = post(client, document, "tag", start=802, end=803, label="PER").content.decode()
    assert 'data-s="802"' in page
    assert page.count("<i") < 130
    assert "Ada0<" not in page


def test_finish_goes_on_to_the_next_article_in_the_same_answer(client, ada):
    first, second = make_document("Ada met Bob."), make_document("Next one.", title="Second")
    response = post(client, first, "finish", go_on="on")
    assert response.headers["HX-Push-Url"] == reverse("document", args=[second.pk])
    assert "Second" in response.content.decode()
    assert first.state == State.FINISHED


def test_the_last_article_finished_leads_back_to_the_project(client, ada):
    document = make_document()
    response = post(client, document, "finish", go_on="on")
    assert response.headers["HX-Redirect"] == reverse("project", args=["news"])


def test_finish_with_an_unsure_suggestion_says_so_and_jumps_to_it(client, ada):
    document = make_document("Ada met Bob.")
    suggest(document, (2, 3, "PER", 0.4))
    page = post(client, document, "finish", go_on="on").content.decode()
    assert "one suggestion is below 80%" in page
    assert 'data-jump="2"' in page
    assert document.state == State.RAW


def test_a_conflict_answers_409_with_the_article_as_it_is(client, ada):
    document = make_document("Ada met Bob.")
    post(client, document, "tag", start=0, end=1, label="ORG")
    response = post(client, document, "tag", start=0, end=1, label="PER", base=0)
    assert response.status_code == 409
    assert 'data-label="ORG"' in response.content.decode()
    assert mentions_of(document) == [("ORG", "Ada")]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"verb": "tag", "start": 0, "end": 1}, "Choose a label first"),
        ({"verb": "tag", "label": "PER"}, "names no words"),
        ({"verb": "explode"}, "not one of the available choices"),
        ({"verb": "tag", "start": 0, "end": 99, "label": "PER"}, "outside the article"),
        ({"verb": "tag", "start": 2, "end": 1, "label": "PER"}, "outside the article"),
        ({"verb": "tag", "start": 0, "end": 1, "label": "DRUG"}, "no label “DRUG”"),
    ],
)
def test_a_bad_edit_is_refused_in_words_and_changes_nothing(client, ada, data, says):
    document = make_document("Ada met Bob.")
    response = post(client, document, **data)
    assert response.status_code == 200
    assert says in response.content.decode()
    assert document.gold() is None


@pytest.mark.parametrize("verb", ["undo", "redo"])
def test_undo_and_redo_with_nothing_to_do_say_so_and_are_no_failure(client, ada, verb):
    document = make_document("Ada met Bob.")
    page = post(client, document, verb).content.decode()
    assert f"There is nothing of yours to {verb}" in page
    assert "warned" not in page
    assert document.gold() is None


def test_an_edit_is_a_post(client, ada):
    assert client.get(reverse("document_edit", args=[make_document().pk])).status_code == 405


def test_strangers_are_asked_to_sign_in(client):
    document = make_document()
    assert reverse("sign_in") in client.get(reverse("document", args=[document.pk])).url


def test_a_foreign_article_does_not_exist(client, ada):
    document = make_document(project=make_project("Foreign"))
    assert client.get(reverse("document", args=[document.pk])).status_code == 404
    assert post(client, document, "tag", start=0, end=1, label="PER").status_code == 404
    assert client.post(reverse("document_delete", args=[document.pk])).status_code == 404
    assert client.post(reverse("document_restore", args=[document.pk])).status_code == 404


def test_a_viewer_reads_but_does_not_tag(client):
    document = make_document()
    client.force_login(join(document.project, make_user(), "viewer"))
    page = client.get(reverse("document", args=[document.pk])).content.decode()
    assert "You may read this project but not tag in it." in page
    assert post(client, document, "tag", start=0, end=1, label="PER").status_code == 403
    assert document.gold() is None


def test_a_held_out_article_says_that_it_is_tagged_blind(client, ada):
    document = make_document("Ada sang.", split="validation")
    suggest(document, (0, 1, "PER", 0.99))
    page = client.get(reverse("document", args=[document.pk])).content.decode()
    assert "Validation article, tagged blind" in page
    assert "suggestion c" not in page


def test_an_article_that_the_model_has_yet_to_read_says_so_and_shows_the_suggestions_when_they_come(client, ada):
    read, unread = make_document("Bob sang."), make_document("Ada sang.")
    suggest(read)
    page = client.get(reverse("document", args=[unread.pk])).content.decode()
    assert "Model 1 is reading this article" in page
    assert "No entities here" not in page
    awaited = reverse("document_awaited", args=[unread.pk])
    assert client.get(awaited).status_code == 204
    unread.project.refresh_from_db()
    suggest(unread, (0, 1, "PER", 0.9))
    assert 'class="suggestion' in client.get(awaited).content.decode()


def test_next_of_an_empty_project_says_so(client, ada):
    response = client.get(reverse("document_next", args=["news"]), follow=True)
    assert "There is no article yet" in response.content.decode()


def test_next_after_a_skipped_article_is_another_one(client, ada):
    first, second = make_document(), make_document()
    assert client.get(reverse("document_next", args=["news"])).url == reverse("document", args=[first.pk])
    skipped = client.get(reverse("document_next", args=["news"]), {"after": first.pk})
    assert skipped.url == reverse("document", args=[second.pk])


def test_a_deleted_article_is_not_the_only_one_left(client, ada):
    document = make_document("Ada sang.")
    document.delete_softly(ada)
    address = reverse("document_next", args=["news"])
    skipped = client.get(address, {"after": document.pk}, headers={"HX-Request": "true"})
    assert "Ada" not in skipped.content.decode()
    assert skipped.headers["HX-Redirect"] == reverse("project", args=["news"])


def test_skipping_the_only_article_says_that_it_is_the_only_one(client, ada):
    document = make_document()
    page = client.get(reverse("document_next", args=["news"]), {"after": document.pk}, follow=True)
    assert "This is the only article left." in page.content.decode()
    address = reverse("document_next", args=["news"])
    skipped = client.get(address, {"after": document.pk}, headers={"HX-Request": "true"})
    assert "This is the only article left." in skipped.content.decode()


def test_a_deleted_article_is_offered_back_and_comes_back_whole(client, ada):
    document = make_document("Ada sang.", PER="Ada")
    page = client.post(reverse("document_delete", args=[document.pk]), follow=True).content.decode()
    assert reverse("document_restore", args=[document.pk]) in page
    assert not Document.objects.present().exists()
    client.post(reverse("document_restore", args=[document.pk]))
    assert mentions_of(Document.objects.present().get()) == [("PER", "Ada")]


def test_a_hostile_title_and_guideline_are_text(client, ada):
    document = make_document("Ada sang.", title="<script>alert(1)</script>")
    document.project.labels.update(guideline="<img src=x onerror=alert(1)>")
    page = client.get(reverse("document", args=[document.pk])).content.decode()
    assert "<script>alert" not in page
    assert "<img" not in page


def test_an_edit_of_somebody_signed_out_is_refused_and_not_answered_with_a_page(client):
    document = make_document()
    response = client.post(
        reverse("document_edit", args=[document.pk]), {}, headers={"HX-Request": "true"}, follow=True
    )
    assert response.status_code == 401


def test_an_edit_that_counts_by_other_tokens_is_refused_and_answered_with_the_whole_desk(client, ada):
    document = make_document("AdaBob met Cleo there.")
    post(client, document, "split_token", start=0, at=3)
    response = post(client, document, "tag", start=2, end=3, label="PER", words=0)  # made before the split was answered
    assert response.status_code == 409
    assert "split or joined" in response.content.decode()
    assert mentions_of(document) == []


def test_an_article_with_imported_suggestions_waits_quietly_for_the_models(client, ada):
    document = make_document("Ada met Bob.")
    imported = Source.next_of(document.project, Source.Kind.IMPORT)
    Prediction.objects.create(document=document, source=imported, spans=[[0, 1, "PER", None]])
    document.project.current_source = Source.next_of(document.project, Source.Kind.MODEL)
    document.project.save()
    address = reverse("document_awaited", args=[document.pk])
    assert client.get(address, headers={"HX-Request": "true"}).status_code == 204
    Prediction.objects.create(document=document, source=document.project.current_source)
    assert client.get(address, headers={"HX-Request": "true"}).status_code == 200
