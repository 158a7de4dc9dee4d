"""Datasets that are fetched: from a hub of the test's own, or from none that answers."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from huggingface_hub import constants
from pyarrow import parquet

from annotate import uploads
from annotate.exchange import FormatError, from_hub, hub, importing, reading
from annotate.exchange.hub import Wanted
from annotate.exchange.reading import Gone, Reading
from annotate.models import Document, Import, Project
from tests.annotate.exchange.handing_in import checked
from tests.make import make_project, make_user, mentions_of
from tests.training.fake_hub import FakeHub, serving

NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
ROWS = {
    "train": [(["Ada", "Lovelace", "slept", "."], [1, 2, 0, 0]), (["Paris", "slept", "."], [3, 0, 0])],
    "test": [(["Nobody", "came", "."], [0, 0, 0])],
}


@pytest.fixture
def fake_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with serving() as fake:
        reach(fake.address, monkeypatch)
        yield fake


def reach(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")


def save(path: Path, rows: list[tuple[list[str], list[int]]], names: list[str] | None = None) -> None:
    """A Parquet file as `datasets` writes it; without names, as others do."""
    tags = {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "List"}
    known = {b"huggingface": json.dumps({"info": {"features": {"ner_tags": tags}}}).encode()} if names else None
    columns = {
        "id": [str(n) for n in range(len(rows))],
        "tokens": [r[0] for r in rows],
        "ner_tags": [r[1] for r in rows],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns).replace_schema_metadata(known), path)


@pytest.fixture
def converted(fake_hub: FakeHub, tmp_path: Path) -> FakeHub:
    """ada/news: a dataset with code of its own, of which the hub has two configurations as Parquet."""
    authors, made = tmp_path / "authors", tmp_path / "made"
    authors.mkdir()
    (authors / "news.py").write_text("raise SystemExit('run')")
    for split, rows in ROWS.items():
        save(made / "city" / split / "0000.parquet", rows, NAMES)
    save(made / "sport" / "train" / "0000.parquet", ROWS["test"], NAMES)
    fake_hub.folders |= {"datasets/ada/news": authors, "datasets/ada/news@": made}
    return fake_hub


def brought(wanted: Wanted, **options: Any) -> Import:
    """The import of a dataset, read and stored by this process."""
    project = Project.objects.first() or make_project()
    row = from_hub.expect(project, None, wanted, options, here=True)
    importing.check(row)
    if row.status == Import.Status.CHECKED:
        Import.objects.confirm(row, "fail")
        claimed = Import.objects.claim(row.pk, Import.Status.CONFIRMED, Import.Status.IMPORTING)
        assert claimed is not None
        importing.run(claimed)
        row.refresh_from_db()
    return row


@pytest.mark.django_db
def test_a_configuration_comes_with_its_splits_and_names_and_without_any_code(converted: FakeHub) -> None:
    row = brought(Wanted("ada/news", "city"))
    assert (row.status, row.error) == ("done", "")
    assert row.told == "ada/news (city)"
    documents = list(Document.objects.order_by("pk"))
    assert [(one.split, mentions_of(one)) for one in documents] == [
        ("test", []),
        ("train", [("PER", "Ada Lovelace")]),
        ("train", [("LOC", "Paris")]),
    ]
    assert converted.fetched == ["city/test/0000.parquet", "city/train/0000.parquet"]
    assert not [path for path in (settings.TAGDESK_DATA / row.files[0][0]).parent.iterdir() if path.suffix != ".jsonl"]


@pytest.mark.django_db
def test_a_split_of_which_the_hub_has_the_beginning_alone_is_told(converted: FakeHub, tmp_path: Path) -> None:
    made = tmp_path / "made" / "city"
    (made / "train").rename(made / "partial-train")
    row = brought(Wanted("ada/news", "city"))
    assert Document.objects.filter(split="train").count() == 2
    for found in (row.preview, row.report):
        assert [(one["severity"], one["message"]) for one in found["problems"] if one["kind"] == "beginning"] == [
            ("notice", "The hub has only the beginning of this split as Parquet: train.")
        ]
    whole = brought(Wanted("ada/news", "city", "test"))
    assert "beginning" not in [one["kind"] for one in whole.preview["problems"]]


@pytest.mark.django_db
def test_one_split_alone_can_be_had(converted: FakeHub) -> None:
    brought(Wanted("ada/news", "city", "test"))
    assert converted.fetched == ["city/test/0000.parquet"]
    assert Document.objects.get().split == "test"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted("ada/news"), "several configurations. Name one of them: city, sport"),
        (Wanted("ada/news", "town"), "no configuration “town”. It has: city, sport"),
        (Wanted("ada/news", "city", "dev"), "no split “dev”. It has: test, train"),
        (Wanted("ada/none"), "has no dataset ada/none that anybody may read"),
    ],
)
def test_what_there_is_not_is_told_with_what_there_is(converted: FakeHub, wanted: Wanted, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        hub.look(wanted)


CARD = {
    "configs": [
        {
            "config_name": "city",
            "data_files": [{"split": "train", "path": "city/a-*"}, {"split": "test", "path": ["b/*"]}],
        },
        {"config_name": "sport", "data_files": "sport/*.parquet"},
    ],
    "dataset_info": [
        {"config_name": "sport", "features": []},
        {
            "config_name": "city",
            "features": [
                {"name": "tokens", "sequence": "string"},
                {
                    "name": "ner_tags",
                    "sequence": {"class_label": {"names": {str(place): name for place, name in enumerate(NAMES)}}},
                },
            ],
        },
    ],
}


@pytest.mark.django_db
def test_what_the_hub_has_not_converted_is_read_by_its_card(fake_hub: FakeHub, tmp_path: Path) -> None:
    save(tmp_path / "repository" / "city" / "a-1.parquet", ROWS["train"])
    save(tmp_path / "repository" / "b" / "x.parquet", ROWS["test"])
    save(tmp_path / "repository" / "sport" / "train.parquet", ROWS["test"])
    (tmp_path / "repository" / "city" / "a-2.csv").write_text("text\nAda.\n")
    fake_hub.folders["datasets/ada/news"] = tmp_path / "repository"
    fake_hub.cards["datasets/ada/news"] = CARD
    row = brought(Wanted("ada/news", "city"))
    assert (row.status, row.error) == ("done", "")
    assert sorted(Document.objects.values_list("split", flat=True)) == ["test", "train", "train"]
    assert mentions_of(Document.objects.get(text__startswith="Ada")) == [("PER", "Ada Lovelace")]


def test_without_a_card_the_names_of_the_files_say_the_split(fake_hub: FakeHub, tmp_path: Path) -> None:
    for name in ("data/train-00000-of-00001.parquet", "data/validation.parquet", "more.parquet"):
        save(tmp_path / "repository" / name, ROWS["test"])
    fake_hub.folders["datasets/ada/news"] = tmp_path / "repository"
    found = hub.look(Wanted("ada/news"))
    assert [part.split for part in found.parts] == ["train", "validation", ""]
    assert found.labels == []


def test_a_dataset_without_parquet_is_not_taken(fake_hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "news.py").write_text("1")
    fake_hub.folders["datasets/ada/news"] = tmp_path / "repository"
    with pytest.raises(FormatError, match=r"no Parquet files on the hub.* come with code"):
        hub.look(Wanted("ada/news"))


def test_what_is_too_large_is_not_fetched(converted: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MOST_BYTES", 100)
    with pytest.raises(FormatError, match=r"more than the 100 that are taken at once\. Name a split"):
        hub.look(Wanted("ada/news", "city"))


@pytest.mark.parametrize(
    ("status", "word", "message"),
    [
        (403, "GatedRepo", "ask that their terms are accepted first.*HF_TOKEN"),
        (503, "", "answered with error 503 when asked for ada/news"),
    ],
)
def test_a_refusal_of_the_hub_is_told_in_words(fake_hub: FakeHub, status: int, word: str, message: str) -> None:
    fake_hub.refusals["datasets/ada/news"] = (status, word)
    with pytest.raises(FormatError, match=message):
        hub.look(Wanted("ada/news"))


@pytest.mark.django_db
def test_without_a_network_the_import_says_what_to_do_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        reach(f"http://127.0.0.1:{one.getsockname()[1]}", monkeypatch)
    row = brought(Wanted("ada/news"))
    assert row.status == "failed"
    assert "cannot be reached from this machine" in row.error
    assert "hand in its files, or its folder as a zip" in row.error


def test_offline_the_hub_is_not_asked(converted: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(FormatError, match="HF_HUB_OFFLINE set"):
        hub.look(Wanted("ada/news"))


@pytest.mark.django_db
def test_a_cancelled_import_stops_fetching_and_leaves_nothing(
    converted: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tell(self: Any, done: int) -> None:
        Import.objects.cancel(self.row)
        raise Gone

    monkeypatch.setattr(Reading, "tell", tell)
    row = brought(Wanted("ada/news", "city"))
    row.refresh_from_db()
    assert row.status == "cancelled"
    assert converted.fetched == []
    assert not list((settings.TAGDESK_DATA / row.files[0][0]).parent.iterdir())


@pytest.mark.django_db
@pytest.mark.parametrize("cancelled", [True, False])
def test_files_that_had_come_go_with_an_import_that_ends_there(
    converted: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cancelled: bool
) -> None:
    save(tmp_path / "made" / "city" / "validation" / "0000.parquet", ROWS["test"], NAMES)
    seen: list[int] = []

    def tell(self: Reading, done: int) -> None:
        seen.append(done)
        if len(seen) == 3 and cancelled:
            Import.objects.cancel(self.row)
            raise Gone
        if len(seen) == 3:
            raise OSError("The disk is full.")

    monkeypatch.setattr(Reading, "tell", tell)
    row = brought(Wanted("ada/news", "city"))
    row.refresh_from_db()
    assert (row.status, len(converted.fetched)) == ("cancelled" if cancelled else "failed", 2)
    assert not list((settings.TAGDESK_DATA / row.files[0][0]).parent.iterdir())


@pytest.mark.django_db
def test_what_had_come_whole_goes_with_an_import_cancelled_just_then(
    converted: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def cancelled(path: Path, to: Path) -> Path:
        moved = rename(path, to)
        if moved.name == "1":
            uploads.call_off(Import.objects.get())
        return moved

    monkeypatch.setattr(Path, "rename", cancelled)
    monkeypatch.setattr(reading, "LOOK_EVERY", float("inf"))
    row = brought(Wanted("ada/news", "city"))
    row.refresh_from_db()
    assert row.status == "cancelled"
    assert not list((settings.TAGDESK_DATA / row.files[0][0]).parent.iterdir())


@pytest.mark.django_db
def test_counting_again_fetches_nothing_again(converted: FakeHub) -> None:
    row = from_hub.expect(make_project(), None, Wanted("ada/news", "sport"), {}, here=True)
    importing.check(row)
    fetched = list(converted.fetched)
    Import.objects.check_again(row, {"labels": {"PER": ""}})
    claimed = Import.objects.claim(row.pk, Import.Status.UPLOADED, Import.Status.CHECKING)
    assert claimed is not None
    importing.check(claimed)
    assert (claimed.status, converted.fetched) == ("checked", fetched)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("conll2003", "conll2003"),
        (" ada/news ", "ada/news"),
        ("https://huggingface.co/datasets/ada/news/viewer/city/train", "ada/news"),
        ("https://huggingface.co/datasets/ada/news/tree/main", "ada/news"),
    ],
)
def test_an_id_is_read_as_people_have_it(typed: str, name: str) -> None:
    assert hub.named(typed) == name


@pytest.mark.parametrize("typed", ["", "a/b/c", "../news", "ada/../../etc", "http://10.0.0.1/x", "ada news", "x" * 500])
def test_what_can_be_no_id_is_refused(typed: str) -> None:
    with pytest.raises(FormatError, match="is no id of a dataset"):
        hub.named(typed)


@pytest.mark.django_db
def test_only_the_command_asks_with_the_token_of_whoever_runs_tagdesk(
    client: Client, converted: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_operator")
    user = make_user("ada")
    client.force_login(user)
    make_project(manager=user)
    client.post(reverse("import_new", args=["news"]), {"hub": "ada/news", "hub_config": "city"})
    row = checked(Import.objects.get())
    assert (row.status, converted.tokens) == ("checked", {None})
    converted.tokens.clear()
    call_command("import_documents", "news", "--hub", "ada/news", "--hub-config", "city", "--verbosity", "0")
    assert converted.tokens == {"Bearer hf_operator"}


@pytest.mark.django_db
def test_the_command_takes_a_dataset_instead_of_files(
    converted: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_project()
    call_command("import_documents", "news", "--hub", "ada/news", "--hub-config", "city", "--verbosity", "0")
    assert "3 articles" in capsys.readouterr().out
    with pytest.raises(CommandError, match=r"several configurations\. Name one of them: city, sport"):
        call_command("import_documents", "news", "--hub", "ada/news", "--verbosity", "0")
    with pytest.raises(CommandError, match="is no id of a dataset"):
        call_command("import_documents", "news", "--hub", "a b")
    for arguments in ([], [str(tmp_path), "--hub", "ada/news"]):
        with pytest.raises(CommandError, match="Name files, or a dataset with --hub, and not both"):
            call_command("import_documents", "news", *arguments)
