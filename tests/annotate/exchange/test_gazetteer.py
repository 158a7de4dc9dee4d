"""A gazetteer: what its file may hold, and what becomes of it in a project."""

from io import BytesIO
from uuid import uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from annotate import relabelling
from annotate.exchange import gazetteer
from annotate.exchange.gazetteer import Gazette, read
from annotate.exchange.records import FormatError
from annotate.jobs import run_label_change
from annotate.models import Gazetteer, Project, Refused
from tests.make import make_project, make_user


def gazette(content: str | bytes) -> Gazette:
    return read(BytesIO(content if isinstance(content, bytes) else content.encode()))


def test_a_line_is_a_mention_a_tab_and_a_label() -> None:
    found = gazette(
        "\ufeff# Politicians of\tnote\r\nBarack  Obama\tPER\r\n\r\n#MeToo\tMISC\n# no tab\n#\nNew York\t LOC \n"
    )
    assert found.entries == {"Barack Obama": "PER", "#MeToo": "MISC", "New York": "LOC"}
    assert (found.left_out, found.labels()) == (0, ["PER", "MISC", "LOC"])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Paris", "It is not a mention, a tab and a label."),
        ("Paris\t", "It is not a mention, a tab and a label."),
        ("Paris\tLOC\tFrance", "more than one tab"),
        ("\tLOC", "a label and no mention"),
        ("\u200b\tLOC", "a label and no mention"),
        ("Paris\tBig City", "cannot be a label"),
        ("Paris\t-LOC", "cannot be a label"),
        ("Pa\0ris\tLOC", "NUL"),
        ("P" * 201 + "\tLOC", "longer than 200"),
        ("Ada\tLOC", "“Ada” is PER in line 1: one mention has one label."),
    ],
)
def test_a_line_that_is_none_is_left_out_and_told_with_its_place_and_reason(line: str, reason: str) -> None:
    found = gazette(f"Ada\tPER\n{line}\n")
    assert found.entries == {"Ada": "PER"}
    assert found.left_out == 1
    assert [fault.line for fault in found.faults] == [2]
    assert reason in found.faults[0].reason


def test_a_file_that_is_none_or_too_long_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FormatError, match="No line of the file is a mention"):
        gazette("")
    with pytest.raises(FormatError, match="Line 1: It is not a mention"):
        gazette("Paris, LOC\n")
    with pytest.raises(FormatError, match="not UTF-8"):
        gazette(b"M\xfcnchen\tLOC\n")
    monkeypatch.setattr(gazetteer, "MOST", 2)
    assert len(gazette("Ada\tPER\nAda\tPER\nBob\tPER\n").entries) == 2
    with pytest.raises(FormatError, match="more than 2 entries"):
        gazette("Ada\tPER\nBob\tPER\nCy\tPER\n")


def test_of_many_bad_lines_the_first_are_kept_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gazetteer, "FAULTS_KEPT", 3)
    found = gazette("Ada\tPER\n" + "bad\n" * 10)
    assert (found.left_out, len(found.faults)) == (10, 3)


@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf\xef\xbb\xbfAda\tPER")
@example("#\u2028Ada\tPER\n".encode())
def test_whatever_the_bytes_are_it_reads_or_says_why(content: bytes) -> None:
    try:
        found = gazette(content)
    except FormatError:
        return
    written = "".join(f"{text}\t{label}\n" for text, label in found.entries.items())
    assert gazette(written).entries == found.entries


@pytest.fixture
def project(db: None) -> Project:
    return make_project(manager=make_user("ada"))


def test_labels_that_the_project_lacks_are_refused_or_made(project: Project) -> None:
    found = gazette("Ada\tPER\nThe Times\tPAPER\n")
    with pytest.raises(Refused, match="no label “PAPER”"):
        Gazetteer.put(project, found)
    assert not Gazetteer.objects.exists()
    row = Gazetteer.put(project, found, make_labels=True)
    assert "PAPER" in project.label_names()
    assert row.counts_now() == {"PER": 1, "PAPER": 1}


def test_another_takes_the_place_of_the_one_there_is(project: Project) -> None:
    Gazetteer.put(project, gazette("Ada\tPER\n"))
    Gazetteer.put(project, gazette("Bob\tPER\nParis\tLOC\nbad\n"), name="names.tsv")
    row = Gazetteer.objects.get()
    assert list(row.entries()) == [("Bob", "PER"), ("Paris", "LOC")]
    assert (row.total(), row.left_out, row.faults) == (2, 1, [[3, "It is not a mention, a tab and a label."]])


def test_entries_follow_their_labels_to_another_name_and_go_with_a_deleted_one(project: Project) -> None:
    row = Gazetteer.put(project, gazette("Ada\tPER\nParis\tLOC\nRome\tLOC\n"))
    user = project.memberships.get().user
    for kind, label, into in (("renamed", "PER", "HUMAN"), ("deleted", "LOC", "")):
        relabelling.begin(project, user, kind, project.labels.get(name=label), into, uuid4())
        run_label_change(project.label_changes.first().pk)
    row = Gazetteer.objects.get()
    assert (list(row.entries()), row.counts_now()) == ([("Ada", "HUMAN")], {"HUMAN": 1})


def test_while_labels_are_changed_none_comes_in(project: Project) -> None:
    project.label_changes.create(kind="renamed", label="PER", into="HUMAN", total=1)
    with pytest.raises(Refused, match="being changed"):
        Gazetteer.put(project, gazette("Ada\tPER\n"))
