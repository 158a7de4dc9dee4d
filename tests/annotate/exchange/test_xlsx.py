"""Workbooks of Excel, as tables."""

import datetime
import io
import re
import time
from contextlib import suppress
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from annotate.exchange import FormatError, Options, read
from annotate.exchange.formats import found, xlsx
from tests.annotate.exchange.conftest import Reader


def workbook(*sheets: list[list[Any]]) -> bytes:
    book = Workbook()
    for number, rows in enumerate(sheets):
        sheet = book.active if not number else book.create_sheet()
        sheet.title = f"Sheet {number + 1}"
        for row in rows:
            sheet.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def rezipped(data: bytes, **parts: Any) -> bytes:
    """The workbook with some of its parts changed, by a pattern of their names."""
    target = io.BytesIO()
    with ZipFile(io.BytesIO(data)) as source, ZipFile(target, "w", ZIP_DEFLATED) as changed:
        for info in source.infolist():
            content = source.read(info)
            for pattern, change in parts.items():
                content = change(content) if re.search(pattern, info.filename) else content
            changed.writestr(info.filename, content)
    return target.getvalue()


ROWS: list[list[Any]] = [
    ["id", "Headline", "text", "date", "words", "held", "n"],
    [7, "T", "Ada met\nBob.", datetime.datetime.fromisoformat("2026-11-23"), 3.0, True, None],
    [None] * 7,
    ["b", None, "=1+1", datetime.datetime.fromisoformat("2026-11-23 09:30"), 2.5, None, datetime.time(8, 0)],
    ["c", None, "Cy slept.", None, None, None, None],
]


def test_a_workbook_is_known_by_what_is_inside(records_of: Reader) -> None:
    data = workbook(ROWS)
    assert found("a.txt", data) == "xlsx"
    word = io.BytesIO()
    with ZipFile(word, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<document/>")
    nested = io.BytesIO()
    with ZipFile(nested, "w") as archive:
        archive.writestr("a.xlsx", data)
    for other in (word.getvalue(), nested.getvalue()):
        assert not _is_workbook(other)


def _is_workbook(data: bytes) -> bool:
    try:
        return found("a", data) == "xlsx"
    except FormatError:
        return False


def test_rows_are_articles_and_cells_are_text(records_of: Reader) -> None:
    first, second, third = records_of(workbook(ROWS), "a.xlsx")
    assert (first.external_id, first.title, first.text, first.date) == ("7", "T", "Ada met\nBob.", "2026-11-23")
    assert first.metadata == {"words": "3", "held": "true"}
    assert (first.line, first.number, third.line, third.number) == (2, 1, 5, 3)
    # A formula has the value that the program that wrote it computed; openpyxl computes none.
    assert (second.text, second.date, second.metadata) == ("", "2026-11-23 09:30:00", {"words": "2.5", "n": "08:00:00"})
    assert [problem.kind for problem in second.errors] == ["empty"]
    assert third.text == "Cy slept."


def test_formulas_are_read_as_the_value_they_had(records_of: Reader) -> None:
    def computed(content: bytes) -> bytes:
        return content.replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>")

    assert records_of(rezipped(workbook(ROWS), sheet1=computed), "a.xlsx")[1].text == "2"


SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
EXCEL = {
    "[Content_Types].xml": f"""<Types xmlns="{PACKAGE}/content-types">
        <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
        <Override PartName="/xl/workbook.xml"
         ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>
        <Override PartName="/xl/worksheets/sheet1.xml"
         ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>
        <Override PartName="/xl/sharedStrings.xml"
         ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>""",
    "_rels/.rels": f"""<Relationships xmlns="{PACKAGE}/relationships">
        <Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>""",
    "xl/workbook.xml": f"""<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}">
        <sheets><sheet name="Tabelle1" sheetId="1" r:id="r1"/></sheets></workbook>""",
    "xl/_rels/workbook.xml.rels": f"""<Relationships xmlns="{PACKAGE}/relationships">
        <Relationship Id="r1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>
        <Relationship Id="r2" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>""",
    "xl/worksheets/sheet1.xml": f"""<worksheet xmlns="{SHEET}"><sheetData>
        <row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>
        <row r="3"><c r="A3" t="str"><f>"N"&amp;1</f><v>N1</v></c><c r="B3" t="s"><v>2</v></c></row>
        </sheetData></worksheet>""",
    "xl/sharedStrings.xml": f"""<sst xmlns="{SHEET}"><si><t>id</t></si><si><t>Text</t></si>
        <si><r><t>Ada </t></r><r><t xml:space="preserve">sang. </t></r></si></sst>""",
}


def excel(**parts: str) -> bytes:
    """A workbook as Excel writes them: texts that cells share, in runs of their own font."""
    target = io.BytesIO()
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for name, content in EXCEL.items():
            archive.writestr(name, next((new for part, new in parts.items() if part in name), content))
    return target.getvalue()


def test_a_workbook_of_excels_own_shape_is_read(records_of: Reader) -> None:
    assert found("upload", excel()) == "xlsx"
    (record,) = records_of(excel(), "upload")
    assert (record.line, record.external_id, record.text) == (3, "N1", "Ada sang. ")


def test_the_first_sheet_with_a_column_of_texts_is_read_and_told(records_of: Reader) -> None:
    data = workbook([["a", "b"], [1, 2]], [[], ["title", "text"], ["T", "Ada."]], [["text"], ["Bob."]])
    (record,) = records_of(data, "a.xlsx")
    assert (record.text, record.line) == ("Ada.", 3)
    assert [problem.message for problem in record.problems] == [
        "Read from the sheet “Sheet 2”, not from “Sheet 1”, “Sheet 3”."
    ]
    assert records_of(data, "a.xlsx", text_column="b")[0].text == "2"
    with pytest.raises(FormatError, match=r"“Sheet 1”: No column holds the text: .* “Sheet 3”: No column"):
        records_of(data, "a.xlsx", text_column="story")


def test_columns_of_a_workbook_can_be_chosen(records_of: Reader) -> None:
    record = records_of(workbook(ROWS), "a.xlsx", columns={"title": "id", "external_id": "words"})[0]
    assert (record.title, record.external_id) == ("7", "3")


def test_a_row_that_is_wider_than_the_header_is_reported(records_of: Reader) -> None:
    first, second = records_of(workbook([["text"], ["Ada.", None], ["Bob.", "x"]]), "a.xlsx")
    assert first.errors == []
    assert [(e.line, e.kind) for e in second.errors] == [(3, "columns")]


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@given(st.lists(CELL, min_size=1, max_size=5))
def test_texts_of_every_kind_come_through(records_of: Reader, texts: list[str]) -> None:
    rows = [["id", "text"], *([str(number), text] for number, text in enumerate(texts))]
    for row in rows[1:]:
        row[1] = "x" + row[1]  # a formula is no text
    assert [record.text for record in records_of(workbook(*[rows]), "a.xlsx")] == [row[1] for row in rows[1:]]


def test_what_is_damaged_is_refused_with_the_reason(records_of: Reader) -> None:
    data = workbook(ROWS)
    for broken in (
        data[:2000],
        rezipped(data, sheet1=lambda content: content[: len(content) // 2]),
        rezipped(data, sheet1=lambda content: content.replace(b'r="A2"', b'r="A2!"')),
        rezipped(data, workbook=lambda content: b"<a>"),
        rezipped(data, workbook=lambda content: b""),
    ):
        with pytest.raises(FormatError, match="damaged"):
            records_of(broken, "a.xlsx", format="xlsx")


@pytest.mark.parametrize("place", range(0, 6000, 300))
def test_no_flipped_byte_is_more_than_a_reason(records_of: Reader, place: int) -> None:
    data = bytearray(workbook(ROWS))
    data[place % len(data)] ^= 0x55
    with suppress(FormatError):
        records_of(bytes(data), "a.xlsx", format="xlsx")


def test_a_row_number_beyond_any_sheet_ends_it(records_of: Reader) -> None:
    def far(content: bytes) -> bytes:
        return content.replace(b'<row r="4"', b'<row r="99999999999"')

    started = time.monotonic()
    with pytest.raises(FormatError, match="more than 1,048,576 rows or"):
        records_of(rezipped(workbook(ROWS), sheet1=far), "a.xlsx")
    assert time.monotonic() - started < 20


def test_entities_that_multiply_and_texts_without_end_are_refused(records_of: Reader) -> None:
    laughs = '<!DOCTYPE x [<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
    )
    strings = f'{laughs}]><sst xmlns="{SHEET}">' + "<si><t>&j;</t></si>" * 3 + "</sst>"
    with pytest.raises(FormatError, match="damaged"):
        records_of(excel(sharedStrings=strings), "a.xlsx")
    target = io.BytesIO(workbook(ROWS))
    with ZipFile(target, "a", ZIP_DEFLATED) as archive, archive.open("xl/x.xml", "w") as part:
        for _ in range(300):
            part.write(bytes(1 << 20))
    with pytest.raises(FormatError, match=r"xl/x\.xml unpacks to 314,572,800 bytes"):
        records_of(target.getvalue(), "a.xlsx")


def test_a_row_without_end_is_refused_before_it_is_held(records_of: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    def long(content: bytes) -> bytes:
        return content.replace(b"</row>", b" " * 300_000 + b"</row>", 1)

    data = rezipped(workbook([["text"], ["Ada"]]), sheet1=long)
    assert len(records_of(data, "a.xlsx")) == 1
    monkeypatch.setattr(xlsx, "LARGEST_ROW", 100_000)
    with pytest.raises(FormatError, match=r"A row of the workbook is longer than 100,000 bytes"):
        records_of(data, "a.xlsx")
    assert len(records_of(workbook([["text"], *(["Ada met Bob."] for _ in range(3_000))]), "a.xlsx")) == 3_000


def test_rows_of_empty_cells_without_end_are_refused(records_of: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    data = workbook([["text"], *([""] * 1_000 + ["x"] for _ in range(10))])
    assert len(records_of(data, "a.xlsx")) == 10
    monkeypatch.setattr(xlsx, "MOST_CELLS", 5_000)
    with pytest.raises(FormatError, match="or 5,000 cells"):
        records_of(data, "a.xlsx")


def test_rows_are_read_as_they_come() -> None:
    data = workbook([["text"], *(["Ada met Bob."] for _ in range(5_000))])
    rows = read(io.BytesIO(data), "a.xlsx", Options())
    assert next(rows).text == "Ada met Bob."
