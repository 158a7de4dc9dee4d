import json
import re
from datetime import timedelta
from io import BytesIO
from uuid import uuid4
from zipfile import ZipFile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from pyarrow import parquet

from annotate import jobs, queue
from annotate.exchange import formats, importing
from annotate.models import Annotation, Document, Import, Prediction
from tests.make import join, make_document, make_user, mentions_of

pytestmark = pytest.mark.django_db

SEED = {
    "label_list": ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"],
    "train": [
        {"tokens": ["Ada", "Lovelace", "works", "at", "Acme", "."], "ner_tags": [1, 2, 0, 0, 4, 0]},
        {"tokens": ["Bob", "met", "Ada", "."], "ner_tags": [1, 0, 1, 0]},
    ],
    "validation": [{"tokens": ["Grace", "Hopper", "spoke", "."], "ner_tags": [1, 2, 0, 0]}],
}


def upload(client, project, content, name="file", **data):
    if not isinstance(content, bytes):
        content = json.dumps(content).encode()
    files = [SimpleUploadedFile(name, content)]
    client.post(reverse("import_new", args=[project.slug]), {"files": files, **data})
    return Import.objects.latest("pk")


def page_of(client, row):
    return client.get(reverse("import", args=[row.pk])).content.decode()


def confirm(client, row, on_error="fail", **choices):
    client.post(reverse("import_confirm", args=[row.pk]), {"on_error": on_error, **choices})
    row.refresh_from_db()


def test_nothing_is_stored_before_it_was_shown(client, project, worker):
    row = upload(client, project, SEED)
    page = page_of(client, row)
    assert "3 articles" in page
    assert "<h2>1 error</h2>" in page
    assert "Acme <code>I-ORG</code> → <code>B-ORG</code>" in page
    assert not Document.objects.exists()


def test_what_no_page_sends_is_refused_in_words(client, project, worker):
    row = upload(client, project, SEED)
    response = client.post(reverse("import_confirm", args=[row.pk]), {"on_error": "explode"})
    assert response.status_code == 400
    assert "This was not understood" in response.content.decode()
    assert not Document.objects.exists()


def test_labels_that_differ_by_case_alone_are_told_before_the_import(client, project, worker):
    row = upload(client, project, [{"text": "Ada sang.", "spans": [[0, 3, "per"]]}])
    shown = " ".join(re.sub("<[^>]+>", "", page_of(client, row)).split())
    assert "per differs from PER by its case alone: both are kept, and can be merged in the settings." in shown


def test_the_preview_says_among_how_many_articles_it_looked_for_near_duplicates(client, project, worker, monkeypatch):
    rows = [{"text": f"Ada sang {number}."} for number in range(3)]
    told = "nearly the same were looked for among the first"
    assert told not in page_of(client, upload(client, project, rows))
    monkeypatch.setattr(importing, "COMPARED", 2)
    assert f"{told} 2 of the file. The import looks at all." in page_of(client, upload(client, project, rows))


def test_repair_imports_all_and_says_what_it_repaired(client, project, worker):
    row = upload(client, project, SEED)
    confirm(client, row, "repair")
    page = page_of(client, row)
    assert "3 articles imported, 1 error mended" in page
    assert [d.split for d in Document.objects.order_by("pk")] == ["train", "train", "validation"]
    assert mentions_of(Document.objects.earliest("pk")) == [("PER", "Ada Lovelace"), ("ORG", "Acme")]


def test_skip_leaves_the_records_in_error_out(client, project, worker):
    row = upload(client, project, SEED)
    confirm(client, row, "skip")
    assert "2 articles imported, 1 left out" in page_of(client, row)
    assert Document.objects.count() == 2


def test_fail_imports_nothing(client, project, worker):
    row = upload(client, project, SEED)
    confirm(client, row, "fail")
    assert "Nothing of it was imported." in page_of(client, row)
    assert not Document.objects.exists()


@pytest.mark.parametrize(("query", "starts"), [({}, b"{"), ({"as": "csv"}, b"\xef\xbb\xbfseverity,file,line,")])
def test_the_report_can_be_downloaded_before_and_after_the_import(client, project, worker, query, starts):
    row = upload(client, project, SEED)
    for _ in range(2):
        assert f"{reverse('import_problems', args=[row.pk])}?as=csv" in page_of(client, row)
        response = client.get(reverse("import_problems", args=[row.pk]), query)
        assert "attachment" in response.headers["Content-Disposition"]
        content = b"".join(response.streaming_content)
        assert content.startswith(starts)
        assert b"I-ORG" in content
        confirm(client, row, "repair")


def test_a_pasted_article_keeps_its_text_to_the_letter(client, project, worker):
    text = "  Ada 👩‍🚀 met  Bob.\r\n\r\nIn Rome.\n"
    client.post(reverse("import_new", args=[project.slug]), {"pasted": text, "title": "Met"})
    confirm(client, Import.objects.get())
    document = Document.objects.get()
    assert (document.title, document.text) == ("Met", text)


def test_several_text_files_are_one_article_each(client, project, worker):
    files = [SimpleUploadedFile(f"{name}.txt", f"{name} sang in Rome.".encode()) for name in ("Ada", "Bob")]
    client.post(reverse("import_new", args=[project.slug]), {"files": files})
    confirm(client, Import.objects.get())
    assert sorted(Document.objects.values_list("title", flat=True)) == ["Ada", "Bob"]


def test_a_table_names_its_column_of_texts_in_the_options(client, project, worker):
    table = b"Nummer,Artikeltext\n1,Ada sang in Rom.\n"
    assert "Artikeltext" in page_of(client, upload(client, project, table, "a.csv"))
    row = upload(client, project, table, "a.csv", text_column="Artikeltext")
    confirm(client, row)
    assert Document.objects.get().text == "Ada sang in Rom."


def test_other_columns_and_articles_of_a_file_are_chosen_on_the_form(client, project, worker):
    table = b"Nr,Kopf,text\n7,Song,Ada sang.\n"
    confirm(client, upload(client, project, table, "a.csv", columns="title=Kopf, id=Nr"))
    assert list(Document.objects.values_list("title", "external_id")) == [("Song", "7")]
    confirm(client, upload(client, project, b"Bob left.\n\nCy slept.", "b.txt", blank_lines=1))
    assert Document.objects.filter(title__in=["b 1", "b 2"]).count() == 2
    row = upload(client, project, b"Eve S-PER 0.9\nleft O 0.8\n", "c.conll", tag_column=-2)
    assert "tags in <strong>BIOES</strong>" in page_of(client, row)


def test_a_column_that_means_nothing_is_refused_on_the_form(client, project):
    data = {"files": SimpleUploadedFile("a.csv", b"text\nAda.\n"), "columns": "beat=x"}
    response = client.post(reverse("import_new", args=[project.slug]), data)
    assert "“beat” is none of title, id, source, date, language, split." in response.content.decode()
    assert not Import.objects.exists()


def test_tags_as_suggestions_are_shown_to_be_judged(client, project, worker):
    row = upload(client, project, SEED, as_="suggestions")
    confirm(client, row, "repair")
    assert Prediction.objects.filter(document__split="train").count() == 2
    assert Document.objects.first().gold() is None
    page = client.get(reverse("document", args=[Document.objects.first().pk])).content.decode()
    assert 'class="suggestion' in page


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"Ada \xff met Bob", "UTF-8"),
        (b"   \n ", "no text"),
        (b"\x00Ada", "no text file"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(client, project, worker, content, says):
    row = upload(client, project, content, name="a.txt")
    page = page_of(client, row)
    assert says in page
    assert not Document.objects.exists()


def test_an_import_can_be_cancelled_before_it_begins(client, project, worker):
    row = upload(client, project, SEED)
    client.post(reverse("import_cancel", args=[row.pk]))
    assert "Nothing of this file is in the project" in page_of(client, row)
    confirm(client, row, "repair")
    assert not Document.objects.exists()


def test_confirming_twice_imports_once(client, project, worker):
    row = upload(client, project, SEED)
    confirm(client, row, "repair")
    confirm(client, row, "repair")
    assert Document.objects.count() == 3


def test_without_a_queue_the_file_is_kept_and_the_page_says_so(client, project, monkeypatch):
    def down(*args, **kwargs):
        raise queue.QueueDown("The queue does not answer.")

    monkeypatch.setattr(queue, "enqueue", down)
    monkeypatch.setattr(queue, "workers_seen", down)
    monkeypatch.setattr(queue, "length", down)
    row = upload(client, project, SEED)
    page = page_of(client, row)
    assert "The queue does not answer." in page
    assert "Your file is kept" in page
    assert row.status == Import.Status.UPLOADED


@pytest.mark.parametrize(("listening", "is_said"), [(0, True), (1, False)])
def test_an_import_that_nobody_will_take_says_so_with_the_command(client, project, monkeypatch, listening, is_said):
    monkeypatch.setattr(queue, "enqueue", lambda *args, **kwargs: None)
    monkeypatch.setattr(queue, "length", lambda name: 1)
    monkeypatch.setattr(queue, "workers_seen", lambda name: queue.Workers(listening, None))
    page = page_of(client, upload(client, project, SEED))
    assert ("No worker for this has been seen" in page) is is_said
    assert ("python manage.py worker io" in page) is is_said


def test_an_empty_file_is_refused_on_the_form(client, project):
    response = client.post(reverse("import_new", args=[project.slug]), {"files": SimpleUploadedFile("a.txt", b"")})
    assert "The submitted file is empty." in response.content.decode()
    assert not Import.objects.exists()


def test_an_import_whose_worker_died_is_shown_as_failed_by_whoever_looks(client, project):
    row = Import.objects.create(project=project, status="importing", claim=uuid4(), files=[["uploads/x/0", "a.txt"]])
    Import.objects.filter(pk=row.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=2))
    page = page_of(client, row)
    row.refresh_from_db()
    assert row.status == Import.Status.FAILED
    assert row.error in page


def test_a_poll_leaves_the_stop_button_alone_until_the_work_is_over(client, project):
    row = Import.objects.create(project=project, status="uploaded", files=[["uploads/x/0", "a.txt"]], size=10)
    found = re.search(r'hx-get="([^"]+shown=[^"]+)"', client.get(f"/imports/{row.pk}").content.decode())
    assert found is not None
    response = client.get(found[1], headers={"HX-Request": "true"})
    assert "<progress" in response.content.decode()
    assert "Stop</button>" not in response.content.decode()
    Import.objects.cancel(row)
    response = client.get(found[1], headers={"HX-Request": "true"})
    assert (response["HX-Retarget"], response["HX-Reswap"]) == ("#import", "innerHTML")
    assert "Cancelled" in response.content.decode()


def test_an_import_whose_job_was_lost_with_the_queue_is_sent_again_by_whoever_looks(client, project, monkeypatch):
    monkeypatch.setattr(queue, "length", lambda name: 0)
    monkeypatch.setattr(queue, "enqueue", lambda *args, **kwargs: None)
    row = upload(client, project, SEED)
    sent = []
    monkeypatch.setattr(queue, "enqueue", lambda name, job, pk, job_id: sent.append((name, job, pk)))
    jobs.reconcile()
    assert sent == [("io", "annotate.jobs.check_import", row.pk)]


def test_nothing_chosen_is_said_on_the_form(client, project):
    response = client.post(reverse("import_new", args=[project.slug]), {})
    assert "Choose a file, name a dataset or paste an article." in response.content.decode()
    assert not Import.objects.exists()


def test_a_dataset_of_the_hub_is_fetched_by_the_worker(client, project, monkeypatch):
    monkeypatch.setattr(queue, "enqueue", lambda *args, **kwargs: None)
    asked = {"hub": "https://huggingface.co/datasets/ada/news", "hub_config": "city", "hub_split": "train"}
    client.post(reverse("import_new", args=[project.slug]), asked)
    row = Import.objects.get()
    named = {"name": "ada/news", "config": "city", "split": "train", "commit": ""}
    assert row.options["hub"] == {**named, "as_operator": False}
    assert "format" not in row.options
    page = page_of(client, row)
    assert "Import: ada/news (city, train)" in page
    assert "Being fetched from the hub" in page


@pytest.mark.parametrize(
    ("asked", "says"),
    [({"hub": "a b"}, "is no id of a dataset"), ({"hub": "ada/news", "pasted": "Ada."}, "they are two imports")],
)
def test_what_can_be_no_dataset_is_refused_on_the_form(client, project, asked, says):
    response = client.post(reverse("import_new", args=[project.slug]), asked)
    assert says in response.content.decode()
    assert not Import.objects.exists()


def test_only_managers_import_and_foreign_imports_do_not_exist(client, project, worker):
    row = upload(client, project, SEED)
    client.force_login(join(project, make_user(), "annotator"))
    assert client.get(reverse("import_new", args=[project.slug])).status_code == 403
    assert client.post(reverse("import_confirm", args=[row.pk])).status_code == 403
    client.force_login(make_user())
    assert client.get(reverse("import", args=[row.pk])).status_code == 404
    assert client.get(reverse("import_problems", args=[row.pk])).status_code == 404


def test_finished_articles_are_exported_as_jsonl_and_conll(client, project):
    make_document("Ada sang.", project=project, finished=True, PER="Ada", title="Song")
    make_document("Not yet.", project=project)

    def download(kind, **query):
        response = client.get(reverse("export_file", args=[project.slug, kind]), query)
        assert "attachment" in response.headers["Content-Disposition"]
        return b"".join(response.streaming_content).decode()

    rows = [json.loads(line) for line in download("jsonl").splitlines()]
    assert [(row["title"], row["tags"]) for row in rows] == [("Song", ["B-PER", "O", "O"])]
    assert len(download("jsonl", which="begun").splitlines()) == 2
    assert download("conll2003").startswith("-DOCSTART- -X- -X- O\n\nAda -X- -X- B-PER\n")
    assert client.get(reverse("export_file", args=[project.slug, "docx"])).status_code == 404


def test_a_format_whose_library_is_missing_is_offered_nowhere_and_says_why(client, project, monkeypatch):
    make_document("Ada sang.", project=project, finished=True, PER="Ada")
    pages = [reverse("export", args=[project.slug]), reverse("documents", args=[project.slug])]
    files = [
        reverse("export_file", args=[project.slug, "spacy"]),
        reverse("export_found", args=[project.slug, "spacy"]),
    ]
    assert all("/spacy" in client.get(page).content.decode() for page in pages)
    assert [client.get(file).status_code for file in files] == [200, 200]
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    assert not any("/spacy" in client.get(page).content.decode() for page in pages)
    assert "pip install 'tagdesk[spacy]'" in client.get(pages[0]).content.decode()
    assert [client.get(file).status_code for file in files] == [404, 404]


def test_a_dataset_has_the_projects_labels_in_their_order(client, project):
    make_document("Ada sang.", project=project, finished=True, PER="Ada")
    response = client.get(reverse("export_file", args=[project.slug, "datasets"]))
    assert response.headers["Content-Disposition"].endswith('.zip"')
    with ZipFile(BytesIO(b"".join(response.streaming_content))) as archive:
        schema = parquet.read_schema(BytesIO(archive.read("data/train-00000.parquet")))
    names = json.loads(schema.metadata[b"huggingface"])["info"]["features"]["ner_tags"]["feature"]["names"]
    assert names == ["O", *(f"{part}-{label}" for label in project.label_names() for part in "BI")]


def test_an_export_is_narrowed_by_filters_and_to_one_persons_work(client, project):
    ada = project.memberships.get().user
    mine = make_document("Ada sang.", project=project, finished=True, title="Mine", PER="Ada")
    Annotation.objects.filter(document=mine).update(finished_by=ada)
    make_document("Bob sang.", project=project, finished=True, title="Bob's", PER="Bob")
    make_document("Cy sang.", project=project, finished=True, title="Nobody's")
    make_document("Dee sang.", project=project, title="Raw")

    def titles(**query):
        response = client.get(reverse("export_file", args=[project.slug, "jsonl"]), query)
        return [json.loads(line)["title"] for line in b"".join(response.streaming_content).splitlines()]

    assert titles(which="finished", label="PER", q="") == ["Mine", "Bob's"]
    assert titles(which="finished", q="sang") == ["Mine", "Bob's", "Nobody's"]
    assert titles(which="begun", q="Dee") == ["Raw"]
    assert titles(which="begun", annotator="ada") == ["Mine"]


def test_who_tagged_goes_along_where_the_format_has_a_place_for_it_and_else_nothing_is_written(client, project):
    make_document("Ada sang.", project=project, finished=True, PER="Ada")
    query = {"which": "finished", "provenance": "on"}
    rows = b"".join(client.get(reverse("export_file", args=[project.slug, "jsonl"]), query).streaming_content)
    assert json.loads(rows)["provenance"]["entities"][0]["how"] == "hand"
    refused = client.get(reverse("export_file", args=[project.slug, "conll2003"]), query, follow=True)
    page = refused.content.decode()
    assert "Nothing was exported. A file of CoNLL-2003 has no place for who tagged what." in page
    assert re.search(r'name="provenance"[^>]* checked', page)
    assert page.count("Can hold suggestions, and who tagged what.") == 3


@pytest.mark.parametrize("query", [{"annotator": "nobody"}, {"beat": "sport"}, {"which": "most"}, {"since": "soon"}])
def test_what_is_not_understood_exports_nothing(client, project, query):
    make_document("Ada sang.", project=project, finished=True)
    response = client.get(reverse("export_file", args=[project.slug, "jsonl"]), query, follow=True)
    assert "Nothing was exported." in response.content.decode()
    assert response.redirect_chain
