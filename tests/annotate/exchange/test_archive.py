"""Zips: what is read of them, what is left out, and what is refused with the member's name."""

import io
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from hypothesis import example, given
from hypothesis import strategies as st

from annotate import uploads
from annotate.exchange import FormatError
from annotate.exchange.formats import archive
from annotate.exchange.records import Record
from annotate.models import Document, Import
from tests.annotate.exchange.handing_in import checked, imported
from tests.annotate.exchange.zips import records_of_zip, unzipped, zip_of
from tests.make import join, make_project, make_user, mentions_of

CONLL = "-DOCSTART- -X- -X- O\n\nBob I-PER\nleft O\n"


def handed_in(*files: tuple[str, bytes | str], **options: str) -> Import:
    contents = [ContentFile(data.encode() if isinstance(data, str) else data, name=name) for name, data in files]
    return uploads.receive(make_project(), None, contents, options)


@pytest.mark.django_db
def test_each_member_is_read_as_if_it_had_been_handed_in_alone() -> None:
    content = zip_of(
        {
            "a/one.txt": "Ada met Bob.",
            "two.jsonl": '{"text": "Cy left.", "spans": [[0, 2, "PER"]]}\n{"text": "Dee left."}\n',
            "three.conll": CONLL,
        }
    )
    row = imported(handed_in(("news.zip", content)))
    assert (row.status, row.error) == (Import.Status.DONE, "")
    assert [(d.title, d.text) for d in Document.objects.order_by("pk")] == [
        ("one", "Ada met Bob."),
        ("", "Cy left."),
        ("", "Dee left."),
        ("", "Bob left"),
    ]
    assert mentions_of(Document.objects.get(text="Bob left")) == [("PER", "Bob")]  # IOB1, by the member itself
    assert row.preview["format"] == "Plain text, JSON Lines, CoNLL"
    assert row.done_bytes == row.size == len(content)


def test_a_saved_dataset_is_read_for_its_rows_and_nothing_else(tmp_path: Path) -> None:
    features = Features({"tokens": List(Value("string")), "ner_tags": List(ClassLabel(names=["O", "B-PER"]))})
    parts = {
        split: Dataset.from_dict({"tokens": [[name, "left"]], "ner_tags": [[1, 0]]}, features=features)
        for split, name in (("train", "Ada"), ("validation", "Bob"))
    }
    DatasetDict(parts).save_to_disk(tmp_path)
    files = {f"news/{path.relative_to(tmp_path)}": path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    kept = files["news/train/data-00000-of-00001.arrow"]
    beside = {"train/cache-0a1b.arrow": kept, "news.py": b"1", "LICENSE": b"As you like.", "README.md": b"# News"}
    found = records_of_zip(zip_of(files | {f"news/{name}": content for name, content in beside.items()}))
    assert sorted((record.split, record.words, record.tags) for record in found) == [
        ("train", ["Ada", "left"], ["B-PER", "O"]),
        ("validation", ["Bob", "left"], ["B-PER", "O"]),
    ]


@pytest.mark.django_db
def test_zips_and_files_come_in_together_and_problems_name_the_member() -> None:
    content = zip_of({"in/bad.jsonl": '{"text": "Ada"\n'})
    row = checked(handed_in(("a.txt", "Ada left."), ("b.zip", content)))
    assert [(p["file"], p["line"], p["severity"]) for p in row.preview["problems"]] == [
        ("b.zip/in/bad.jsonl", 1, "error")
    ]
    assert row.preview["articles"] == 1


def test_folders_and_hidden_files_are_left_out() -> None:
    content = zip_of(
        {
            "a/": "",
            "a/.DS_Store": "x",
            "__MACOSX/a/._one.txt": "x",
            ".git/config": "x",
            "a/one.txt": "Ada left.",
        }
    )
    assert [member.name for member in archive.members(io.BytesIO(content))] == ["a/one.txt"]


@pytest.mark.django_db
def test_a_name_that_leads_elsewhere_is_but_a_name(tmp_path: Path) -> None:
    content = zip_of({"../../evil.txt": "Ada left.", "/etc/passwd": "Bob left.", "C:\\x\\y.txt": "Cy left."})
    with patch("tempfile.tempdir", str(tmp_path)):
        imported(handed_in(("a.zip", content)))
    assert [d.title for d in Document.objects.order_by("pk")] == ["evil", "passwd", "y"]
    assert list(tmp_path.iterdir()) == []
    assert not Path("/evil.txt").exists()


def encrypted(content: bytes) -> bytes:
    """The same zip with its first member said to be encrypted, as the two headers say it."""
    data = bytearray(content)
    data[6] |= 1
    data[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def damaged(content: bytes) -> bytes:
    data = bytearray(content)
    place = data.index(b"Ada left")
    data[place] ^= 1
    return bytes(data)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (encrypted(zip_of({"bad.txt": "Ada left."})), "It is encrypted."),
        (damaged(zip_of({"bad.txt": "Ada left."}, zipfile.ZIP_STORED)), "It is damaged in the zip: Bad CRC-32"),
        (zip_of({"bad.txt": "Ada left."}, zipfile.ZIP_BZIP2), "It is packed by method 12"),
        (zip_of({"bad.txt": zip_of({"a.txt": "Ada left."})}), "This is a zip within the zip"),
        (zip_of({"bad.txt": " " * (3 << 20)}), "It would unpack to 3,145,728 bytes from 3,0"),
        (zip_of({"bad.txt": b"Ada caf\xe9"}), "not UTF-8: byte 0xE9 at position 7"),
    ],
)
def test_a_member_that_cannot_be_read_is_a_bad_record_with_its_name(content: bytes, told: str) -> None:
    with zipfile.ZipFile(target := io.BytesIO(content), "a") as made:
        made.writestr("good.txt", "Bob left.")
    row = checked(handed_in(("a.zip", target.getvalue())))
    (problem,) = row.preview["problems"]
    assert problem["file"] == "bad.txt"
    assert told in problem["message"]
    assert (row.preview["articles"], row.preview["left_out"]) == (1, 1)


@pytest.mark.django_db
def test_the_page_of_an_import_names_the_member_of_each_problem(client: Client) -> None:
    row = checked(handed_in(("a.zip", zip_of({"in/bad.txt": b"Ada caf\xe9", "good.txt": "Bob left."}))))
    user = join(row.project, make_user(), "manager")
    client.force_login(user)
    page = client.get(reverse("import", args=[row.pk])).content.decode()
    assert "<strong>in/bad.txt</strong>: The file is not UTF-8" in page


@pytest.mark.django_db
def test_what_is_wrong_with_the_text_of_an_ann_is_told_with_both_names() -> None:
    content = zip_of({"x/a.ann": "T1\tPER 0 3\tAda\n", "x/a.txt": "Ada left."}, zipfile.ZIP_STORED)
    row = checked(handed_in(("a.zip", damaged(content))))
    (problem,) = row.preview["problems"]
    assert problem["file"] == "x/a.ann"
    assert problem["message"].startswith("“a.txt”, which belongs to it: It is damaged in the zip")
    row = checked(handed_in(("a.ann", ""), ("a.txt", b" " * (archive.MOST_BESIDE + 1))))
    assert (
        row.error
        == "a.ann: “a.txt”, which belongs to it: It is larger than 16,777,216 bytes: no text of an article is."
    )


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    content = zip_of({f"{number}.txt": " " * 1_000_000 for number in range(5)})
    with patch.object(archive, "MOST_BYTES", 4_000_000), pytest.raises(FormatError, match="unpacks to 5,000,000 bytes"):
        next(archive.members(io.BytesIO(content)))


def test_a_member_that_lies_about_its_size_gives_no_more_than_it_said() -> None:
    content = zip_of({"a.txt": "x" * 5_000_000})
    data = bytearray(content)
    struct.pack_into("<L", data, content.index(b"PK\x01\x02") + 24, 100)
    (member,) = archive.members(io.BytesIO(bytes(data)))
    with pytest.raises(FormatError, match="damaged"), member.open():
        pass


def test_a_list_of_members_without_end_is_not_read() -> None:
    content = zip_of({f"{number}.txt": "x" for number in range(2_000)})
    with patch.object(archive, "LONGEST_LIST", 70_000), pytest.raises(FormatError, match="too many members"):
        next(archive.members(io.BytesIO(content)))


@pytest.mark.parametrize("cut", [20, 60, 100])
def test_a_zip_that_was_cut_off_is_told(cut: int) -> None:
    content = zip_of({"a.txt": "Ada left.", "b.txt": "Bob left."})[:-cut]
    assert archive.is_zip(io.BytesIO(content))
    with pytest.raises(FormatError, match="The zip is damaged, or none"):
        next(archive.members(io.BytesIO(content)))


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8))
@example([(10, 255)])
def test_hostile_bytes_never_raise_anything_else(changes: list[tuple[int, int]]) -> None:
    data = bytearray(zip_of({"a.txt": "Ada left.", "b.jsonl": '{"text": "Bob left."}\n', "c.ann": "", "c.txt": "x"}))
    for place, value in changes:
        data[place % len(data)] = value
    try:
        found = list(archive.members(io.BytesIO(bytes(data))))
    except FormatError:
        return
    for member in found:
        try:
            with member.open() as stream:
                stream.read()
            member.beside()
        except FormatError:
            pass


def test_office_documents_are_no_zips_of_articles() -> None:
    assert not archive.is_zip(io.BytesIO(zip_of({"[Content_Types].xml": "<x/>", "word/document.xml": "<x/>"})))
    assert archive.is_zip(io.BytesIO(zip_of({"a.txt": "x"})))
    assert not archive.is_zip(io.BytesIO(b"Ada left."))


def test_names_in_utf8_are_read_whether_the_zip_says_so_or_not() -> None:
    said = zip_of({"Zürich.txt": "x"})
    data = bytearray(said)
    for place in (6, said.index(b"PK\x01\x02") + 8):
        struct.pack_into("<H", data, place, 0)
    for content in (said, bytes(data)):
        assert [member.name for member in archive.members(io.BytesIO(content))] == ["Zürich.txt"]


@pytest.mark.parametrize(
    ("names", "read"),
    [
        (["a.txt", "a.ann", "b.txt"], [(1, 0), (2, None)]),
        (["x/a.ann", "y/a.txt"], [(0, None), (1, None)]),
        (["a.ann", "a.ann", "a.txt", "a.txt"], [(0, 2), (1, 3)]),
        (["a.ann", "a.txt", "annotation.conf", "notes.conf"], [(0, 1), (3, None)]),
        (["annotation.conf", "a.txt"], [(1, None)]),
        (["TypeSystem.xml", "a.xmi", "x/b.xmi", "x/typesystem.xml"], [(1, 0), (2, 3)]),
    ],
)
def test_what_belongs_to_another_file_is_not_read_by_itself(
    names: list[str], read: list[tuple[int, int | None]]
) -> None:
    assert list(archive.to_be_read(names, "auto")) == read


def test_a_format_that_was_asked_for_reads_each_file_by_itself() -> None:
    assert list(archive.to_be_read(["a.txt", "a.ann"], "txt")) == [(0, None), (1, None)]
    assert list(archive.to_be_read(["a.txt", "a.ann"], "brat")) == [(1, 0)]


def test_files_are_named_after_their_titles_and_no_two_alike() -> None:
    titles = ["News", "news", "News", "", "../x", "a/b", "News (2)", "x" * 300, "\u202eabc\n", "..."]
    records = [Record(title=title, external_id="id7" if not title else "") for title in titles]
    names = [name for name, _ in archive.named(records)]
    assert names[:7] == ["News", "news (2)", "News (3)", "id7", "_x", "a_b", "News (2) (2)"]
    assert names[7:] == ["x" * 200, "_abc_", "article"]


def test_a_zip_is_written_as_it_comes() -> None:
    taken: list[str] = []

    def files() -> Iterator[tuple[str, bytes]]:
        for name in ("a.txt", "b.txt"):
            taken.append(name)
            yield name, b"x" * 100

    pieces = archive.zipped(files())
    first = next(pieces)
    assert taken == ["a.txt"]
    assert unzipped(first + b"".join(pieces)) == {"a.txt": "x" * 100, "b.txt": "x" * 100}


def test_a_zip_of_nothing_holds_no_article() -> None:
    assert records_of_zip(zip_of({})) == []
