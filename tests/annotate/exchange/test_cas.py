"""UIMA's CAS as JSON and XMI, in and out, and read back by its own library."""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import cassis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.exchange import FormatError, Record
from annotate.exchange.formats import cas, found
from tests.annotate.exchange.articles import articles
from tests.annotate.exchange.conftest import Reader
from tests.annotate.exchange.zips import records_of_zip, storable, unzipped

SPAN = {"%ID": 6, "%TYPE": cas.NAMED_ENTITY, "@sofa": 1, "begin": 0, "end": 9, "value": "PER"}
TEXT = "Ada King 😀 Oslo."


def cas_json(*structures: dict[str, Any], text: Any = TEXT, types: dict[str, Any] | None = None) -> str:
    """A file of INCEpTION's shape."""
    sofa = {
        "%ID": 1,
        "%TYPE": "uima.cas.Sofa",
        "sofaNum": 1,
        "sofaID": "_InitialView",
        "mimeType": "text",
        "sofaString": text,
    }
    document = {
        "%ID": 2,
        "%TYPE": cas.METADATA,
        "@sofa": 1,
        "begin": 0,
        "end": 16,
        "language": "en",
        "documentTitle": "News",
    }
    string = {"%RANGE": "uima.cas.String"}
    declared = {
        cas.METADATA: {
            "%NAME": cas.METADATA,
            "%SUPER_TYPE": "uima.tcas.DocumentAnnotation",
            "documentTitle": {"%NAME": "documentTitle", **string},
        },
        cas.TOKEN: {"%NAME": cas.TOKEN, "%SUPER_TYPE": "uima.tcas.Annotation"},
        cas.SENTENCE: {"%NAME": cas.SENTENCE, "%SUPER_TYPE": "uima.tcas.Annotation"},
        cas.NAMED_ENTITY: {
            "%NAME": cas.NAMED_ENTITY,
            "%SUPER_TYPE": "uima.tcas.Annotation",
            "value": {"%NAME": "value", **string},
            "identifier": {"%NAME": "identifier", **string},
        },
        **(types or {}),
    }
    made = [{"%ID": 10 + number, "@sofa": 1, **structure} for number, structure in enumerate(structures)]
    view = {"_InitialView": {"%SOFA": 1, "%MEMBERS": [2, *(one["%ID"] for one in made)]}}
    return json.dumps({"%TYPES": declared, "%FEATURE_STRUCTURES": [sofa, document, *made], "%VIEWS": view}, indent=2)


def place(layer: str, begin: Any, end: Any, **more: Any) -> dict[str, Any]:
    return {"%TYPE": layer, "begin": begin, "end": end, **more}


def mentions(record: Record) -> list[tuple[str, str]]:
    return [(span.label, (record.text or "")[span.start : span.end]) for span in record.spans or []]


XMI = """<?xml version="1.0" encoding="UTF-8"?>
<xmi:XMI xmlns:xmi="http://www.omg.org/XMI" xmlns:cas="http:///uima/cas.ecore"
    xmlns:type="http:///de/tudarmstadt/ukp/dkpro/core/api/ner/type.ecore" xmlns:custom="http:///webanno/custom.ecore"
    xmi:version="2.0">
  <cas:NULL xmi:id="0"/>
  <type:NamedEntity xmi:id="3" sofa="1" begin="0" end="8" value="PER"/>
  <type:NamedEntity xmi:id="4" sofa="1" begin="12" end="16" value="LOC" identifier="Q585"/>
  <custom:Span xmi:id="5" sofa="1" begin="0" end="3" label="first name"/>
  <cas:Sofa xmi:id="1" sofaNum="1" sofaID="_InitialView" mimeType="text" sofaString="Ada King 😀 Oslo."/>
  <cas:View sofa="1" members="3 4 5"/>
</xmi:XMI>
"""


def test_both_are_known_by_their_content() -> None:
    assert found("a.json", cas_json().encode()) == "casjson"
    assert found("a.xml", XMI.encode()) == "xmi"
    assert found("a.json", b'{"train": [{"text": "Ada"}]}') == "json"
    assert found("a.jsonl", b'{"text": "%TYPES"}\n') == "jsonl"


def test_entities_tokens_and_sentences_of_json_are_read_by_code_points(records_of: Reader) -> None:
    tokens = [(0, 3), (4, 8), (9, 11), (12, 16), (16, 17)]
    content = cas_json(
        *(place(cas.TOKEN, *one) for one in tokens),
        place(cas.SENTENCE, 0, 11),
        place(cas.SENTENCE, 12, 17),
        place(cas.NAMED_ENTITY, 0, 8, value="PER"),
        place(cas.NAMED_ENTITY, 12, 16, value="LOC"),
    )
    (whole,) = storable(records_of(content, "a.json"))
    assert whole.words == ["Ada", "King", "😀", "Oslo", "."]
    assert whole.tags == ["B-PER", "I-PER", "O", "B-LOC", "O"]
    assert (whole.text, whole.sentence_starts) == (TEXT, [0, 3])
    assert (whole.title, whole.language) == ("News", "en")


def test_entities_of_xmi_are_read_without_its_types(records_of: Reader) -> None:
    (record,) = records_of(XMI, "dir/a.xmi")
    assert mentions(record) == [("PER", "Ada King"), ("LOC", "Oslo")]
    assert (record.title, record.errors) == ("a", [])


def test_a_layer_of_ones_own_is_read_where_there_are_no_named_entities(records_of: Reader) -> None:
    layer = {
        "%NAME": "webanno.custom.Place",
        "%SUPER_TYPE": "uima.tcas.Annotation",
        "kind": {"%NAME": "kind", "%RANGE": "uima.cas.String"},
    }
    other = {"%NAME": "webanno.custom.Plain", "%SUPER_TYPE": "uima.tcas.Annotation"}
    content = cas_json(
        place("webanno.custom.Place", 12, 16, kind="city"),
        place("webanno.custom.Place", 0, 3),
        place("webanno.custom.Plain", 0, 3),
        types={"webanno.custom.Place": layer, "webanno.custom.Plain": other},
    )
    (record,) = records_of(content, "a.json")
    assert mentions(record) == [("city", "Oslo")]
    assert [problem.message for problem in record.problems] == [
        "Other layers of the file were left out: webanno.custom.Plain.",
        "Entities without a value were left out: 1.",
    ]


def test_the_types_beside_an_xmi_tell_its_own_layers(records_of: Reader) -> None:
    system = cassis.TypeSystem()
    layer = system.create_type("webanno.custom.Span", supertypeName="uima.tcas.Annotation")
    system.create_feature(layer, name="label", rangeType="uima.cas.String")
    (record,) = records_of(XMI, "a.xmi", beside=system.to_xml().encode())
    assert mentions(record) == [("first_name", "Ada")]


def test_a_file_without_entities_is_an_article_without_them_and_says_so(records_of: Reader) -> None:
    (record,) = records_of(cas_json(), "a.json")
    assert [problem.kind for problem in record.problems] == ["no-entities"]
    assert set(storable([record])[0].tags or []) == {"O"}


def test_tokens_that_cannot_be_kept_are_told_and_made_anew(records_of: Reader) -> None:
    content = cas_json(place(cas.TOKEN, 0, 8), place(cas.NAMED_ENTITY, 0, 8, value="PER"))
    (record,) = records_of(content, "a.json")
    assert [problem.kind for problem in record.problems] == ["tokens"]
    assert storable([record])[0].words == ["Ada", "King", "😀", "Oslo", "."]


BOMB = """<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
"""
STRANGER = '<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>\n'


@pytest.mark.parametrize("head", [BOMB, STRANGER])
def test_xml_brings_in_neither_bombs_nor_files(records_of: Reader, head: str) -> None:
    body = XMI.partition("\n")[2].replace("Ada", "&a;")
    with pytest.raises(FormatError, match="The XML has a DOCTYPE"):
        records_of(head + body, "a.xmi", format="xmi")
    with pytest.raises(FormatError, match="The XML has a DOCTYPE"):
        records_of((head + body).encode("utf-16"), "a.xmi", format="xmi")
    with pytest.raises(FormatError, match="The XML has a DOCTYPE"):
        records_of(XMI, "a.xmi", beside=(head + "<typeSystemDescription/>").encode())
    disguised = body.replace("<xmi", "+ADwAIQ-DOCTYPE x [+ADwAIQ-ENTITY a +ACI-ha+ACI-+AD4-]+AD4-<xmi", 1)
    with pytest.raises(FormatError, match="The CAS cannot be read"):
        records_of('<?xml version="1.0" encoding="UTF-7"?>' + disguised, "a.xmi", format="xmi")


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        '{"%TYPES": {}}',
        '{"%TYPES": [], "%FEATURE_STRUCTURES": {}, "%VIEWS": []}',
        '{"%TYPES": {"a": {"%SUPER_TYPE": "b"}}, "%FEATURE_STRUCTURES": [], "%VIEWS": {}}',
        '{"%TYPES": {}, "%FEATURE_STRUCTURES": [], "%VIEWS": {}}',
        '{"%TYPES": {}, "%FEATURE_STRUCTURES": ' + "[" * 100_000,
        cas_json(place(cas.NAMED_ENTITY, "a", None, value="PER")),
        cas_json(place("nobody.Knows", 0, 3)),
        cas_json(text=None),
    ],
)
def test_json_that_is_no_cas_is_refused_in_words(records_of: Reader, content: str) -> None:
    with pytest.raises(FormatError, match="CAS"):
        records_of(content, "a.json", format="casjson")


@pytest.mark.parametrize(
    "content",
    [
        XMI[:600],
        XMI.replace("members=", "member="),
        XMI.replace('"3 4 5"', '"3 4 99"'),
        XMI.replace('sofa="1" begin="0" end="8"', 'sofa="7" begin="0" end="8"'),
        XMI.replace('begin="12"', 'begin="twelve"'),
        XMI.replace('identifier="Q585"', 'nobody="knows"'),
        XMI.replace("<cas:NULL", "<a><b><c><d/></c></b></a><cas:NULL"),
        "<xmi:XMI>" + "<a>" * 100_000,
    ],
)
def test_xml_that_is_no_cas_is_refused_or_read_in_part(records_of: Reader, content: str) -> None:
    with suppress(FormatError):  # and nothing else
        (record,) = records_of(content, "a.xmi", format="xmi")
        assert record.text == TEXT


@pytest.mark.parametrize(("begin", "end"), [(3, 3), (8, 0)])
def test_an_entity_of_nothing_is_an_error(records_of: Reader, begin: int, end: int) -> None:
    (record,) = records_of(cas_json(place(cas.NAMED_ENTITY, begin, end, value="PER")), "a.json")
    assert [problem.kind for problem in record.errors] == ["span-range"]


@pytest.mark.parametrize(("begin", "end"), [(0, 99), (-5, 3), (9, 10)])
def test_a_place_outside_the_text_or_in_the_middle_of_an_emoji_is_told(
    records_of: Reader, begin: int, end: int
) -> None:
    with pytest.raises(FormatError, match="a place outside its text, or in the middle of a sign"):
        records_of(cas_json(place(cas.NAMED_ENTITY, begin, end, value="PER")), "a.json")
    with pytest.raises(FormatError, match="a place outside its text, or in the middle of a sign"):
        records_of(XMI.replace('begin="0" end="8"', f'begin="{begin}" end="{end}"'), "a.xmi")


def keeps(record: Record) -> tuple[Any, ...]:
    return record.text, record.words, record.tags, record.sentence_starts


Writer = Callable[[Iterable[Record]], Iterator[bytes]]


@settings(deadline=None, max_examples=60)
@given(st.lists(articles(), max_size=2))
def test_what_is_written_as_json_is_read_back(records: list[Record]) -> None:
    back = storable(records_of_zip(b"".join(cas.write_json(records))))
    assert [keeps(record) for record in back] == [keeps(record) for record in records]


def without_controls(record: Record) -> Record:
    text = cas._NOT_XML.sub("\ufffd", record.text or "")
    words = [text[start:end] for start, end in record.offsets or []]
    return replace(record, text=text, words=words)


@settings(deadline=None, max_examples=60)
@given(st.lists(articles(), max_size=2))
def test_what_is_written_as_xmi_is_read_back_but_for_what_xml_cannot_hold(records: list[Record]) -> None:
    back = storable(records_of_zip(b"".join(cas.write_xmi(records))))
    assert [keeps(record) for record in back] == [keeps(without_controls(record)) for record in records]


def ada() -> Record:
    return Record(
        text=TEXT,
        offsets=[(0, 3), (4, 8), (9, 10), (11, 15), (15, 16)],
        tags=["B-PER", "I-PER", "O", "B-LOC", "O"],
        sentence_starts=[0, 3],
        title="News",
        language="en",
    )


def test_its_own_library_finds_what_was_written_and_utf16_in_the_file() -> None:
    files = unzipped(b"".join(cas.write_json([ada()])))
    read = cassis.load_cas_from_json(files["News.json"])
    assert [(one.value, one.get_covered_text()) for one in read.select(cas.NAMED_ENTITY)] == [
        ("PER", "Ada King"),
        ("LOC", "Oslo"),
    ]
    structures = json.loads(files["News.json"])["%FEATURE_STRUCTURES"]
    assert [(one["begin"], one["end"]) for one in structures if one["%TYPE"] == cas.NAMED_ENTITY] == [(0, 8), (12, 16)]

    files = unzipped(b"".join(cas.write_xmi([ada()])))
    types = cassis.load_typesystem(files["TypeSystem.xml"])
    read = cassis.load_cas_from_xmi(files["News.xmi"], typesystem=types)
    assert [one.get_covered_text() for one in read.select(cas.SENTENCE)] == ["Ada King 😀", "Oslo."]
    assert 'begin="12" end="16"' in files["News.xmi"]


def test_a_file_that_is_too_long_is_refused_before_it_is_read(records_of: Reader, monkeypatch: Any) -> None:
    monkeypatch.setattr(cas, "LARGEST", 1_000)
    with pytest.raises(FormatError, match="longer than 1,000 characters"):
        list(cas.read_json(io.BytesIO(cas_json().encode() * 100), "a.json", None))  # type: ignore[arg-type]
