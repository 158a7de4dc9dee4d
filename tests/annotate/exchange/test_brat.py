"""brat's texts and annotations, in and out."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.exchange import FormatError, Record
from annotate.exchange.formats import brat, found
from annotate.exchange.records import CharSpan, apply
from annotate.models import Document
from tests.annotate.exchange.articles import articles
from tests.annotate.exchange.conftest import Reader
from tests.annotate.exchange.handing_in import imported
from tests.annotate.exchange.test_archive import handed_in
from tests.annotate.exchange.zips import records_of_zip, storable, unzipped
from tests.make import mentions_of

TEXT = "Freetown (EFE) .\nNorth and South America met 😀 Bob\nSmith."


def test_an_ann_is_known_by_its_content_and_else_by_its_name() -> None:
    assert found("a", b"T1\tLOC 0 8\tFreetown\n") == "brat"
    assert found("a.txt", b"T1\tLOC 0 5;16 23\tNorth America") == "brat"
    assert found("a.ann", b"") == "brat"
    assert found("a.txt", b"T1 is a tank.") == "txt"


def test_entities_are_read_with_their_offsets_in_code_points(records_of: Reader) -> None:
    ann = "T1\tLOC 0 8\tFreetown\nT2\tORG 10 13\tEFE\r\n\nT3\tPER 47 56\tBob Smith"
    (record,) = records_of(ann, "dir/a.ann", beside=TEXT.encode())
    assert record.problems == ()
    (whole,) = storable([record])
    assert (whole.text, whole.title) == (TEXT, "a")
    assert [TEXT[s.start : s.end] for s in whole.spans or []] == ["Freetown", "EFE", "Bob\nSmith"]
    assert (whole.tags or [])[0] == "B-LOC"


def test_what_is_no_entity_is_left_out_with_one_notice(records_of: Reader) -> None:
    ann = "T1\tLOC 0 8\tFreetown\nR1\tin Arg1:T1 Arg2:T1\n#1\tNote T1\tsure?\nA1\tOld T1\n*\tEquiv T1 T1\nR2\tin x y\n"
    (record,) = records_of(ann, "a.ann", beside=TEXT.encode())
    assert [(p.severity, p.message) for p in record.problems] == [
        ("notice", "What is no entity was left out: relations 2, notes 1, attributes 1, equivalences 1.")
    ]


def test_an_entity_in_pieces_is_taken_from_its_first_to_its_last(records_of: Reader) -> None:
    (record,) = records_of("T1\tLOC 17 22;33 40\tNorth America\n", "a.ann", beside=TEXT.encode())
    assert [TEXT[s.start : s.end] for s in record.spans or []] == ["North and South America"]
    assert [(p.severity, p.line, p.message) for p in record.problems] == [
        ("notice", 1, "T1 is in 2 pieces: taken as “North and South America”.")
    ]


def test_an_entity_in_pieces_keeps_out_of_the_way_of_one_in_between(records_of: Reader) -> None:
    ann = "T1\tLOC 17 22;33 40\tNorth America\nT2\tLOC 27 40\tSouth America\n"
    (record,) = records_of(ann, "a.ann", beside=TEXT.encode())
    assert [TEXT[s.start : s.end] for s in record.spans or []] == ["North", "South America"]
    assert record.errors == []


@pytest.mark.parametrize(
    ("line", "kind", "told"),
    [
        ("T1\tLOC 0 800\tFreetown", "span-range", "T1 goes from 0 to 800, but the text has 57 characters."),
        ("T1\tLOC 8 8\t", "span-range", "T1 goes from 8 to 8"),
        (
            "T1\tLOC 0 8\tFreetow",
            "span-quote",
            "T1 is “Freetow” in the .ann, but “Freetown” is at its place in the text.",
        ),
        ("T1\tPER 48 57\tBob Smith", "span-quote", "T1 is “Bob Smith” in the .ann, but “ob\nSmith.” is"),  # UTF-16
        ("T1 LOC 0 8 Freetown", "brat", "The line is none of brat's"),
        ("T1\tLOC 0 99999999999999999999\tx", "brat", "The line is none of brat's"),
        ("T1\tLOC 0 57;0 57\tFreetown", "span-range", "T1 is in pieces that lie in each other."),
        ("T1\tLOC 0 57\tx", "span-quote", "T1 is “x” in the .ann, but “Freetown"),
        ("X1\tLOC 0 8\tFreetown", "brat", "The line is none of brat's"),
    ],
)
def test_a_bad_line_is_an_error_with_its_place(records_of: Reader, line: str, kind: str, told: str) -> None:
    (record,) = records_of(f"\n{line}\nT2\tORG 10 13\tEFE\n", "a.ann", beside=TEXT.encode())
    (error,) = record.errors
    assert (error.line, error.kind) == (2, kind)
    assert told in error.message
    repaired = apply(record, "repair")
    assert (repaired is None) == (kind == "brat")
    assert repaired is None or repaired.entities() == [CharSpan(10, 13, "ORG")]


def test_a_file_of_bad_lines_is_not_told_to_its_end(records_of: Reader) -> None:
    (record,) = records_of("x\n" * 100_000, "a.ann", beside=b"Ada")
    assert len(record.problems) == 101


def test_an_ann_larger_than_any_is_not_read_to_its_end(records_of: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brat, "LARGEST", 60)
    (record,) = records_of("T1\tLOC 0 8\tFreetown\n" * 9, "a.ann", beside=TEXT.encode())
    assert [(error.line, error.kind) for error in record.errors] == [(4, "too-many")]
    assert apply(record, "repair") is None


def test_an_ann_without_its_text_is_refused(records_of: Reader) -> None:
    with pytest.raises(FormatError, match=r"brat keeps the text of “a.ann” in “a.txt”, which is not here"):
        records_of("T1\tLOC 0 8\tFreetown\n", "a.ann")
    with pytest.raises(FormatError, match=r"“a.txt”: The file is not UTF-8"):
        records_of("T1\tLOC 0 8\tFreetown\n", "a.ann", beside=b"caf\xe9")


def test_an_empty_ann_is_an_article_without_entities_and_says_so(records_of: Reader) -> None:
    (record,) = records_of("", "a.ann", beside=b"Ada left.")
    assert [problem.kind for problem in record.problems] == ["no-entities"]
    assert storable([record])[0].tags == ["O", "O", "O"]


@pytest.mark.django_db
def test_files_handed_in_one_by_one_are_paired_by_their_names() -> None:
    imported(
        handed_in(
            ("b.ann", "T1\tPER 0 3\tBob\n"),
            ("a.txt", "Ada left."),
            ("annotation.conf", "[entities]\nPER\n"),
            ("b.txt", "Bob left."),
            ("a.ann", "T1\tPER 0 3\tAda\n"),
            ("c.txt", "Cy left."),
        )
    )
    assert [(d.title, d.state) for d in Document.objects.order_by("pk")] == [
        ("b", "finished"),
        ("a", "finished"),
        ("c", "raw"),
    ]
    assert mentions_of(Document.objects.get(title="a")) == [("PER", "Ada")]


@given(
    st.lists(articles() | articles().map(lambda record: Record(text=record.text, offsets=record.offsets)), max_size=4)
)
def test_what_is_written_is_read_back(records: list[Record]) -> None:
    back = storable(records_of_zip(b"".join(brat.write(records))))
    assert [(record.text, record.tags) for record in back] == [(record.text, record.tags) for record in records]


def test_an_article_is_two_files_and_the_labels_a_third() -> None:
    record = Record(
        text="Ada  met\nBob King.",
        offsets=[(0, 3), (5, 8), (9, 12), (13, 17), (17, 18)],
        tags=["B-PER", "O", "B-PER", "I-PER", "O"],
        title="News",
    )
    assert unzipped(b"".join(brat.write([record]))) == {
        "News.txt": "Ada  met\nBob King.",
        "News.ann": "T1\tPER 0 3\tAda\nT2\tPER 9 17\tBob King\n",
        "annotation.conf": "[entities]\nPER\n\n[relations]\n\n[events]\n\n[attributes]\n",
    }


def test_no_line_of_an_ann_is_broken_by_its_entity() -> None:
    text = "a\nb\r\nc\u2028d\x85e\x1cf"
    record = Record(text=text, offsets=[(0, len(text))], tags=["B-X"], title="x")
    ann = unzipped(b"".join(brat.write([record])))["x.ann"]
    assert len(ann.splitlines()) == 1
    assert re.fullmatch(r"T1\tX 0 12\ta b  c d e f\n", ann)


def test_the_example_of_the_documents_is_read_as_they_say(records_of: Reader) -> None:
    documents = (Path(__file__).parents[3] / "docs" / "formats.md").read_text(encoding="utf-8")
    text, ann = re.findall(r"```text\n(.*?)```", documents.partition("### brat")[2], re.DOTALL)[:2]
    (record,) = records_of(ann, "a.ann", beside=text.encode())
    assert [text[span.start : span.end] for span in record.spans or []] == [
        "Freetown",
        "EFE",
        "North and South America",
    ]
    assert [problem.kind for problem in record.problems] == ["left-out", "pieces"]
