"""INCEpTION's WebAnno TSV 3.3, in and out."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.exchange import FormatError, Record
from annotate.exchange.formats import found, webannowriter
from annotate.exchange.formats.webannosigns import NAMED_ENTITY
from tests.annotate.exchange.articles import articles
from tests.annotate.exchange.conftest import Reader
from tests.annotate.exchange.zips import records_of_zip, storable, unzipped

HEAD = "#FORMAT=WebAnno TSV 3.3\n"
NER = f"#T_SP={NAMED_ENTITY}|identifier|value\n"
POS = "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS|PosValue\n"


def one(records_of: Reader, content: str) -> Record:
    (record,) = records_of(content, "dir/a.tsv")
    return record


def mentions(record: Record) -> list[tuple[str, str]]:
    text = record.text or ""
    return [(span.label, text[span.start : span.end]) for span in record.spans or []]


def test_it_is_known_by_its_first_line() -> None:
    assert found("a.tsv", HEAD.encode()) == "webanno"
    assert found("a", b"\xef\xbb\xbf" + HEAD.encode()) == "webanno"


def test_tokens_sentences_and_entities_are_the_files_own(records_of: Reader) -> None:
    content = (
        f"{HEAD}{POS}{NER}\n\n#Text=Ms. Haag met the E.U.-\n#Text=men .\n"
        "1-1\t0-3\tMs.\tNNP\t*[1]\tPER[1]\t\n1-2\t4-8\tHaag\tNNP\t*[1]\tPER[1]\t\n1-3\t9-12\tmet\tVBD\t_\t_\t\n"
        "1-4\t13-16\tthe\tDT\t_\t_\t\n1-5\t17-22\tE.U.-\tNN\t_\t_\t\n1-6\t23-26\tmen\tNN\t_\t_\t\n1-7\t27-28\t.\t.\t_\t_\t\n"
        "\n#Sentence.id=s2\n#Text=Bob 😀 Oslo Rome\n"
        "2-1\t31-34\tBob\tNNP\t*\tPER\t\n2-2\t35-37\t😀\tNN\t_\t_\t\n2-3\t38-42\tOslo\tNNP\t*\tLOC\\_x\n2-4\t43-47\tRome\tNNP\t*\tLOC\\_x\n"
    )
    record = one(records_of, content)
    assert record.text == "Ms. Haag met the E.U.-\nmen .\n  Bob 😀 Oslo Rome"
    assert [(p.severity, p.message) for p in record.problems if p.kind == "layer"] == [
        (
            "notice",
            "Other layers of the file were left out: de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS.",
        )
    ]
    (whole,) = storable([record])
    assert whole.words == ["Ms.", "Haag", "met", "the", "E.U.-", "men", ".", "Bob", "😀", "Oslo", "Rome"]
    assert whole.tags == ["B-PER", "I-PER", *["O"] * 5, "B-PER", "O", "B-LOC_x", "B-LOC_x"]
    assert (whole.sentence_starts, whole.title) == ([0, 7], "a")


def test_a_token_is_parted_where_an_entity_is_a_part_of_it(records_of: Reader) -> None:
    content = (
        f"{HEAD}#T_SP={NAMED_ENTITY}|value\n\n\n#Text=Die Merkel-Regierung in Ost-Berlin\n"
        "1-1\t0-3\tDie\t_\n1-2\t4-20\tMerkel-Regierung\t_\n1-2.1\t4-10\tMerkel\tPER\n"
        "1-3\t21-23\tin\tLOC[1]\n1-4\t24-34\tOst-Berlin\t_\n1-4.1\t24-28\tOst-\tLOC[1]\n"
    )
    (whole,) = storable([one(records_of, content)])
    assert whole.words == ["Die", "Merkel", "-Regierung", "in", "Ost-", "Berlin"]
    assert whole.tags == ["O", "B-PER", "O", "B-LOC", "I-LOC", "O"]


def test_stacked_entities_are_all_read_and_overlap(records_of: Reader) -> None:
    content = (
        f"{HEAD}#T_SP={NAMED_ENTITY}|value\n\n\n#Text=Ms. Haag\n"
        "1-1\t0-3\tMs.\tPER[1]|a\\|b[2]\n1-2\t4-8\tHaag\tPER[1]|*[3]\n"
    )
    record = one(records_of, content)
    assert mentions(record) == [("a|b", "Ms."), ("PER", "Ms. Haag")]
    assert [problem.kind for problem in record.problems] == ["no-label", "span-overlap"]


@pytest.mark.parametrize(
    ("header", "row", "read"),
    [
        (f"{POS}#T_SP=custom.Place|note|ROLE_a:b_c|custom.X|kind\n", "NN\tp\t_\t_\tq", ("p", ["POS"])),
        ("#T_SP=custom.Place|identifier|kind\n#T_SP=x.NamedEntity|value\n", "i\tk\tv", ("v", ["Place"])),
        ("#T_CH=x.Coref|referenceType|value\n#T_SP=custom.Place|value\n", "a\tb\tv", ("v", ["Coref"])),
        ("#T_SP=custom.Place|value\n#T_RL=x.Dep|kind|BT_x.POS\n", "v\t_\t_", ("v", ["Dep"])),
    ],
)
def test_without_named_entities_the_first_layer_with_a_value_is_taken(
    records_of: Reader, header: str, row: str, read: tuple[str, list[str]]
) -> None:
    record = one(records_of, f"{HEAD}{header}\n\n#Text=Oslo\n1-1\t0-4\tOslo\t{row}\t\n")
    assert mentions(record) == [(read[0], "Oslo")]
    (notice,) = [problem.message for problem in record.problems if problem.kind == "layer"]
    assert all(name in notice for name in read[1])


def test_a_file_without_a_layer_of_entities_is_an_article_without_tags(records_of: Reader) -> None:
    record = one(records_of, f"{HEAD}{POS}\n\n#Text=Oslo\n1-1\t0-4\tOslo\tNN\n")
    assert (record.spans, record.tags) == (None, None)
    assert [problem.message for problem in record.problems] == [
        "No layer of the file holds entities: an article without tags."
    ]


@pytest.mark.parametrize(
    ("body", "line", "told"),
    [
        ("#Text=Ada\n1-1\t0-9\tAda\t_\n", 6, "“Ada” is not at 0 to 9 of the text"),
        ("#Text=😀 Ada\n1-1\t0-1\t😀\t_\n", 6, "“😀” is not at 0 to 1 of the text"),
        ("#Text=Ada\n1-1\t0-3\tBob\t_\n", 6, "“Bob” is not at 0 to 3 of the text"),
        ("#Text=Ada\n1-1\t0-3\tAda\n", 6, "The line has 3 columns, too few"),
        ("#Text=Ada\nAda\n", 6, "The line is neither a token's nor a sentence's: 'Ada'"),
        ("1-1\t0-3\tAda\t_\n", 5, "A token stands before any “#Text=” line."),
        ("#Text=Ada\n\n", 5, "The sentence has no tokens."),
        ("#Text=Ada\n1-1\t0-3\tAda\t_\n\n#Text=Bob\n2-1\t2-5\tBob\t_\n", 8, "The sentence cannot begin at 2 after 3"),
        ("#Text=Ada\n1-1\t999999999-999999999\tAda\t_\n", 5, "The sentence cannot begin at 999,999,999"),
        ("#Text=Ada\n1-1\t0-3\tAda\t_\n1-2\t0-3\tAda\t_\n", 1, "The tokens cannot be kept"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(records_of: Reader, body: str, line: int, told: str) -> None:
    record = one(records_of, f"{HEAD}#T_SP={NAMED_ENTITY}|value\n\n\n{body}")
    (error,) = record.errors
    assert (error.line, error.kind) == (line, "webanno")
    assert told in error.message


def test_a_layer_without_a_name_is_told_with_its_line(records_of: Reader) -> None:
    (error,) = one(records_of, f"{HEAD}#T_SP=|\n\n#Text=Bob\n1-1\t0-3\tBob\tPER\n").errors
    assert (error.line, error.message) == (2, "The line names no layer.")


def test_an_older_version_is_refused(records_of: Reader) -> None:
    with pytest.raises(FormatError, match=r"This is WebAnno TSV 3\.0; read are 3\.2 and 3\.3"):
        one(records_of, "#FORMAT=WebAnno TSV 3.0\n\n")


GOOD = (
    f"{HEAD}{POS}{NER}\n\n#Text=Ms. Haag 😀\n1-1\t0-3\tMs.\tNN\t*[1]\tPER[1]\n1-2\t4-8\tHaag\tNN\t*[1]\tPER[1]\n"
    "1-2.1\t4-6\tHa\t_\t*\tX|Y[2]\n1-3\t9-11\t😀\tNN\t_\t_\n\n#Text=Bob\n2-1\t12-15\tBob\tNN\t*\tPER\n"
)


@given(
    st.lists(st.tuples(st.integers(0, len(GOOD)), st.sampled_from([*"0159-[]|\\_*\t\n#=.😀", "", "\n\n"])), max_size=6)
)
def test_a_damaged_file_is_a_bad_record_or_refused_and_nothing_else(
    records_of: Reader, changes: list[tuple[int, str]]
) -> None:
    content = GOOD
    for place, sign in changes:
        content = content[:place] + sign + content[place + 1 :]
    with suppress(FormatError):
        assert len(records_of(content, "a.tsv", format="webanno", scheme="iob2")) == 1


UNTAGGED = articles().map(lambda record: replace(record, tags=None))


def after_its_blanks(record: Record) -> Record:
    """The article as the format can hold it: what stands before its first token comes back as blanks."""
    start = (record.offsets or [(0, 0)])[0][0]
    units = sum(1 if sign <= "\uffff" else 2 for sign in (record.text or "")[:start])
    text = " " * units + (record.text or "")[start:]
    return replace(record, text=text)


@given(st.lists(articles() | UNTAGGED, max_size=3))
def test_what_is_written_is_read_back(records: list[Record]) -> None:
    back = storable(records_of_zip(b"".join(webannowriter.write(records))))
    assert [(r.words, r.tags, r.sentence_starts) for r in back] == [
        (r.words, r.tags, r.sentence_starts) for r in records
    ]
    assert [r.text for r in back] == [after_its_blanks(r).text for r in records]


def test_it_is_written_as_inception_writes_it() -> None:
    text = "Ms. Haag met 😀.\nBob left. Cy\tleft.\n"
    words = ["Ms.", "Haag", "met", "😀", ".", "Bob", "left", ".", "Cy", "left", "."]
    offsets, place = [], 0
    for word in words:
        place = text.index(word, place)
        offsets.append((place, place := place + len(word)))
    tags = ["B-PER_x", "I-PER_x", "O", "O", "O", "B-PER", *["O"] * 5]
    record = Record(text=text, offsets=offsets, words=words, tags=tags, sentence_starts=[0, 5, 8], title="News")
    assert unzipped(b"".join(webannowriter.write([record]))) == {
        "News.tsv": (
            f"{HEAD}#T_SP={NAMED_ENTITY}|value\n\n"
            "\n#Text=Ms. Haag met 😀.\n1-1\t0-3\tMs.\tPER\\_x[1]\t\n1-2\t4-8\tHaag\tPER\\_x[1]\t\n1-3\t9-12\tmet\t_\t\n"
            "1-4\t13-15\t😀\t_\t\n1-5\t15-16\t.\t_\t\n"
            "\n#Text=Bob left. \n2-1\t17-20\tBob\tPER\t\n2-2\t21-25\tleft\t_\t\n2-3\t25-26\t.\t_\t\n"
            "\n#Text=Cy\\tleft.\n#Text=\n3-1\t27-29\tCy\t_\t\n3-2\t30-34\tleft\t_\t\n3-3\t34-35\t.\t_\t\n"
        )
    }
