import json

import pytest

from annotate.models import Document
from tests.asking import is_problem
from tests.make import make_document, make_project, suggest

pytestmark = pytest.mark.django_db
FAMILY = "👩‍👩‍👧 Ada met Bob."


def read(response):
    return b"".join(response.streaming_content).decode()


def test_the_list_tells_each_article_in_as_many_queries_for_fifty_as_for_one(
    program, project, django_assert_max_num_queries
):
    for number in range(50):
        make_document(f"Ada met Bob {number} times.", PER="Ada Bob", title=f"Number {number}")
    with django_assert_max_num_queries(12):
        page = program.get("/projects/news/documents").json()
    assert len(page["items"]) == 50
    assert page["items"][7]["title"] == "Number 7"
    assert page["items"][7]["labels"] == {"PER": 2}
    assert page["items"][7]["state"] == "in_progress"
    assert page["next"] is None


def test_it_has_the_filters_and_orders_of_the_pages_list(program, project):
    make_document("Ada met Bob.", PER="Ada", finished=True, title="A")
    make_document("Nobody came.", finished=True, title="B")
    make_document("Paris is large.", LOC="Paris", title="C")

    def found(query):
        return [item["title"] for item in program.get(f"/projects/news/documents?{query}").json()["items"]]

    assert found("state=finished") == ["A", "B"]
    assert found("state=empty") == ["B"]
    assert found("label=LOC") == ["C"]
    assert found("q=nobody") == ["B"]
    assert found("sort=-title") == ["C", "B", "A"]
    assert found("flagged=true") == []
    assert found("flagged=false") == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("state=done", "query.state"),
        ("label=LAW", "query.label"),
        ("sates=raw", "query"),
        ("limit=0", "query.limit"),
        ("since=2024-02-30", "query.since"),
        ("cursor=abc", "query.cursor"),
    ],
)
def test_a_filter_that_is_not_understood_is_told(program, query, place):
    errors = is_problem(program.get(f"/projects/news/documents?{query}"), 422)["errors"]
    assert errors[0]["place"] == place


@pytest.mark.parametrize("sort", ["arrival", "-arrival", "title", "length", "changed"])
def test_a_cursor_meets_every_article_once_while_others_are_added(program, project, sort):
    for number in range(7):
        make_document(f"Ada met Bob {number} times.", title=f"T{number}")
    there = set(Document.objects.values_list("pk", flat=True))
    seen, cursor = [], ""
    while cursor is not None:
        page = program.get(
            f"/projects/news/documents?sort={sort}&limit=2{f'&cursor={cursor}' if cursor else ''}"
        ).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        make_document(f"Later {len(seen)}.", title="A")
        if len(seen) > 40:
            break
    assert len(seen) == len(set(seen))
    assert there <= set(seen)


def test_an_article_is_told_in_code_points_and_in_tokens(program, project):
    document = make_document(FAMILY, PER="Ada")
    told = program.get(f"/documents/{document.pk}").json()
    [span] = told["annotation"]["spans"]
    assert span == {"start": 6, "end": 9, "label": "PER", "text": "Ada", "token_start": 1, "token_end": 2}
    assert told["text"] == FAMILY
    assert [told["text"][start:end] for start, end in told["tokens"]] == document.words()
    assert told["annotation"]["tags"] == ["O", "B-PER", "O", "O", "O"]
    assert told["annotation"]["revision"] == 1


def test_suggestions_are_told_with_whose_they_are(program, project):
    document = make_document("Ada met Bob.")
    source = suggest(document, (0, 1, "PER", 0.9), (2, 3, "PER", 0.4))
    told = program.get(f"/documents/{document.pk}").json()
    assert told["suggested_by"] == {"id": source.pk, "kind": "model", "number": 1, "reading": 0}
    assert [(s["text"], s["probability"]) for s in told["suggestions"]] == [("Ada", 0.9), ("Bob", 0.4)]


def test_a_held_out_article_tells_no_suggestion(program, project):
    document = make_document("Ada met Bob.", split="validation")
    suggest(document, (0, 1, "PER", 0.9))
    told = program.get(f"/documents/{document.pk}").json()
    assert (told["suggested_by"], told["suggestions"]) == (None, [])


def test_the_next_article_is_the_queues_and_none_is_left_at_the_end(program, project):
    first, second = make_document("Ada left."), make_document("Bob left.")
    project.validation_share = 0
    project.save()
    assert program.get("/projects/news/documents/next").json()["id"] == first.pk
    assert program.get(f"/projects/news/documents/next?after={first.pk}").json()["id"] == second.pk
    Document.objects.update(state="finished")
    assert program.get("/projects/news/documents/next").status_code == 204


def test_an_export_is_the_pages_file(program, project, client):
    make_document("Ada met Bob.", PER="Ada Bob", finished=True)
    make_document("Nobody came.", title="Open")
    client.force_login(project.memberships.get().user)
    response = program.get("/projects/news/export?format=conll2003")
    page = client.get("/projects/news/export/conll2003")
    assert b"".join(response.streaming_content) == b"".join(page.streaming_content)
    assert response.headers["Content-Disposition"] == page.headers["Content-Disposition"]
    every = b"".join(program.get("/projects/news/export?which=begun").streaming_content).decode()
    assert len(every.splitlines()) == 2
    some = b"".join(program.get("/projects/news/export?state=raw").streaming_content).decode()
    assert len(some.splitlines()) == 1


def test_an_export_has_what_is_asked_for_and_says_what_it_cannot_have(program, project):
    make_document("Ada met Bob.", project, PER="Ada Bob", finished=True)
    suggest(make_document("Cy left.", project), (0, 1, "PER", 0.9))
    export = "/projects/news/export?which=begun"
    rows = [json.loads(row) for row in read(program.get(f"{export}&suggestions=true&provenance=true")).splitlines()]
    assert [entity["how"] for entity in rows[0]["provenance"]["entities"]] == ["hand", "hand"]
    assert rows[1]["suggestions"] == [{"start": 0, "end": 2, "label": "PER", "score": 0.9}]
    assert read(program.get(f"{export}&annotator=ada")) == ""
    assert len(read(program.get("/projects/news/export?which=finished&q=left")).splitlines()) == 0
    assert "Nobody called “eve”" in is_problem(program.get(f"{export}&annotator=eve"), 422)["detail"]
    refused = is_problem(program.get(f"{export}&format=gliner&provenance=true"), 422)
    assert refused["detail"] == "A file of GLiNER has no place for who tagged what."


def test_an_export_in_no_format_we_have_says_which_there_are(program, project):
    assert "jsonl" in is_problem(program.get("/projects/news/export?format=docx"), 422)["detail"]


def test_a_foreign_projects_list_and_export_do_not_exist(program):
    make_project("Foreign")
    for path in ("documents", "documents/next", "export"):
        is_problem(program.get(f"/projects/foreign/{path}"), 404)
