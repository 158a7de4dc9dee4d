"""Labels renamed, merged, deleted, and all of it taken back."""

from datetime import timedelta
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotate import iob2, jobs, queue, relabelling, respanning
from annotate.desk import do, open_desk
from annotate.models import (
    Annotation,
    Ask,
    Conflict,
    Document,
    DocumentLabel,
    Edit,
    Import,
    LabelChange,
    Offer,
    Refused,
    Source,
    Verdict,
)
from annotate.models.relabelling import names_after
from tests.make import make_document, make_project, make_user, mentions_of, suggest, tags_of

pytestmark = pytest.mark.django_db


def change(project, kind, label, into="", by=None):
    row = relabelling.begin(project, by, kind, project.labels.get(name=label), into, uuid4())
    relabelling.start(row)
    assert row.status == "done", row.error
    return row


def undo(row):
    undone = relabelling.begin_undo(row, None, uuid4())
    if undone.status != "done":
        relabelling.start(undone)
    assert undone.status == "done", undone.error
    return undone


def act(document, verb, *args, by=None, base=None, source=None):
    gold = document.gold()
    seen = (gold.revision if gold else 0) if base is None else base
    with open_desk(document.pk, Ask(by, uuid4(), seen, source)) as desk:
        do(desk, verb, *args)
    document.refresh_from_db()


def counts(project):
    rows = DocumentLabel.objects.filter(document__project=project)
    return sorted(rows.values_list("document_id", "label__name", "count"))


def state_of(project):
    tags = sorted(Annotation.objects.filter(document__project=project).values_list("document_id", "tags", "status"))
    return tags, counts(project), project.label_names()


def test_a_renamed_label_has_its_new_name_in_every_article_with_counts_key_and_log():
    project = make_project()
    first = make_document("Ada met Bob.", project, finished=True, PER="Ada Bob")
    deleted = make_document("Ada sang.", project, PER="Ada")
    deleted.delete_softly(None)
    ada = make_user("ada")
    row = change(project, "renamed", "PER", "PERSON", by=ada)
    assert project.label_names() == ["PERSON", "ORG", "LOC", "MISC"]
    assert project.labels.get(name="PERSON").key == "1"
    assert mentions_of(first) == [("PERSON", "Ada"), ("PERSON", "Bob")]
    assert mentions_of(deleted) == [("PERSON", "Ada")]
    assert counts(project) == [(first.pk, "PERSON", 2), (deleted.pk, "PERSON", 1)]
    assert (row.spans, row.done, row.total) == (3, 2, 2)
    lines = Edit.objects.filter(how="relabelled", document=first)
    assert {(e.batch, e.author, e.before[0], e.after[0]) for e in lines} == {(row.batch, ada, "B-PER", "B-PERSON")}
    assert len(lines) == 2
    assert first.gold().status == "finished"


def test_neighbours_of_merged_labels_stay_two_spans_and_their_counts_add_up():
    project = make_project()
    document = make_document("Ada Bob Rome", project, PER="Ada", ORG="Bob", LOC="Rome")
    change(project, "merged", "ORG", "PER")
    assert tags_of(document) == ["B-PER", "B-PER", "B-LOC"]
    assert counts(project) == [(document.pk, "LOC", 1), (document.pk, "PER", 2)]
    assert project.label_names() == ["PER", "LOC", "MISC"]


@pytest.mark.parametrize(("into", "left"), [("", [("ORG", "Bob")]), ("ORG", [("ORG", "Ada"), ("ORG", "Bob")])])
def test_the_spans_of_a_deleted_label_go_or_get_another(into, left):
    project = make_project()
    document = make_document("Ada Bob", project, PER="Ada", ORG="Bob")
    change(project, "deleted", "PER", into)
    assert mentions_of(document) == left
    assert "PER" not in project.label_names()


def test_an_undone_merge_brings_back_the_label_and_only_its_own_spans():
    project = make_project()
    document = make_document("Ada Bob Rome", project, PER="Ada", ORG="Bob", LOC="Rome")
    before = state_of(project)
    row = change(project, "merged", "ORG", "PER")
    undo(row)
    assert state_of(project) == before
    assert project.labels.get(name="ORG").key == "2"
    lines = Edit.objects.filter(document=document, how="relabelled")
    assert [line.undoes for line in lines] == [None, row.batch]


def test_undo_leaves_the_spans_that_somebody_has_touched_since_and_says_where():
    project = make_project()
    touched = make_document("Ada met Bob.", project, PER="Ada Bob")
    other = make_document("Ada sang.", project, PER="Ada")
    undecided = make_document("Ada slept.", project, PER="Ada")
    row = change(project, "deleted", "PER")
    act(touched, "tag", 0, 1, "ORG")
    act(undecided, "tag", 0, 1, "ORG")
    act(undecided, "clear", 0, 1)  # looks as the change left it, but somebody has decided
    undone = undo(row)
    assert (undone.kept, undone.spans) == (2, 2)
    assert mentions_of(undecided) == []
    assert mentions_of(touched) == [("ORG", "Ada"), ("PER", "Bob")]
    assert mentions_of(other) == [("PER", "Ada")]
    assert list(undone.documents.filter(kept__gt=0).values_list("document", "kept")) == [
        (touched.pk, 1),
        (undecided.pk, 1),
    ]


def test_an_undo_waits_for_the_undo_of_what_builds_on_it():
    project = make_project()
    make_document("Ada met Bob.", project, PER="Ada", ORG="Bob")
    before = state_of(project)
    merged = change(project, "merged", "ORG", "PER")
    renamed = change(project, "renamed", "PER", "WHO")
    with pytest.raises(Refused, match="PER renamed to WHO"):
        relabelling.begin_undo(merged, None, uuid4())
    undo(renamed)
    undo(merged)
    assert state_of(project)[:2] == before[:2]
    with pytest.raises(Refused, match="taken back already"):
        relabelling.begin_undo(merged, None, uuid4())


def test_a_tag_with_the_old_name_is_told_the_new_one():
    project = make_project()
    document = make_document("Ada met Bob.", project, PER="Ada")
    relabelling.begin(project, None, "renamed", project.labels.get(name="PER"), "PERSON", uuid4())
    with pytest.raises(Refused, match="called “PERSON” now"):
        act(document, "tag", 2, 3, "PER")
    act(document, "tag", 2, 3, "PERSON")
    jobs.run_label_change(LabelChange.objects.get().pk)
    assert mentions_of(document) == [("PERSON", "Ada"), ("PERSON", "Bob")]
    with pytest.raises(Refused, match="called “PERSON” now"):
        act(document, "tag", 2, 3, "PER")


def test_a_page_that_was_open_meets_a_conflict_on_changed_words_alone():
    project = make_project()
    document = make_document("Ada met Bob.", project, PER="Ada")
    base = document.gold().revision
    change(project, "renamed", "PER", "PERSON")
    act(document, "tag", 2, 3, "ORG", base=base)
    with pytest.raises(Conflict):
        act(document, "tag", 0, 1, "ORG", base=base)


def test_a_persons_undo_goes_by_the_new_names_and_passes_over_the_change():
    project, ada = make_project(), make_user("ada")
    document = make_document("Ada met Bob.", project)
    act(document, "tag", 0, 1, "PER", by=ada)
    act(document, "clear", 0, 1, by=ada)
    change(project, "renamed", "PER", "PERSON", by=make_user("manager"))
    act(document, "undo", by=ada)
    assert mentions_of(document) == [("PERSON", "Ada")]
    change(project, "merged", "PERSON", "ORG", by=ada)
    act(document, "undo", by=ada)
    assert mentions_of(document) == []


def test_an_undo_that_needs_a_deleted_label_is_refused_with_the_reason():
    project, ada = make_project(), make_user("ada")
    document = make_document("Ada met Bob.", project)
    act(document, "tag", 0, 1, "PER", by=ada)
    act(document, "clear", 0, 1, by=ada)
    change(project, "deleted", "PER")
    with pytest.raises(Refused, match="“PER” has been deleted since"):
        act(document, "undo", by=ada)


def open_labels(document):
    document = Document.objects.get(pk=document.pk)
    gold = document.gold()
    return [(s.start, s.label) for s in document.open_suggestions(gold.spans() if gold else [])]


def test_suggestions_of_earlier_models_go_by_the_labels_names_of_now():
    project = make_project()
    document = make_document("Ada met Bob in Rome.", project)
    suggest(document, (0, 1, "PER", 0.9), (2, 3, "ORG", 0.9), (4, 5, "LOC", 0.9))
    change(project, "renamed", "PER", "PERSON")
    merged = change(project, "merged", "ORG", "PERSON")
    change(project, "deleted", "LOC")
    assert open_labels(document) == [(0, "PERSON"), (2, "PERSON")]
    undo(merged)
    assert open_labels(document) == [(0, "PERSON"), (2, "ORG")]
    project.add_label("PER")
    assert open_labels(document) == [(0, "PERSON"), (2, "ORG")]


def test_a_model_trained_after_a_rename_means_the_new_label_of_an_old_name():
    project = make_project()
    change(project, "renamed", "PER", "PERSON")
    project.add_label("PER")
    document = make_document("Ada met Bob.", project)
    suggest(document, (0, 1, "PER", 0.9))
    assert open_labels(document) == [(0, "PER")]


def test_a_rejected_suggestion_comes_back_under_no_name():
    project = make_project()
    document = make_document("Ada met Bob.", project)
    source = suggest(document, (0, 1, "PER", 0.9), (2, 3, "ORG", 0.9))
    act(document, "reject", 0, 1, "PER", source=source.pk)
    row = relabelling.begin(project, None, "merged", project.labels.get(name="PER"), "ORG", uuid4())
    assert open_labels(document) == [(2, "ORG")]
    relabelling.start(row)
    assert open_labels(document) == [(2, "ORG")]
    assert Verdict.objects.get().label == "ORG"
    undo(row)
    assert open_labels(document) == [(2, "ORG")]
    assert Verdict.objects.get().label == "PER"


def soft_marks(document):
    document.refresh_from_db()
    return [(s.start, s.label) for s in document.open_suggestions(document.gold().spans()) if s.soft]


@pytest.mark.parametrize(
    ("kind", "into", "between"),
    [("merged", "ORG", [(2, "ORG"), (4, "ORG")]), ("deleted", "", []), ("deleted", "ORG", [(2, "ORG"), (4, "ORG")])],
)
def test_soft_marks_follow_a_change_and_come_back_with_its_undo(kind, into, between):
    project = make_project()
    document = make_document("Ada met Ada and Ada.", project)
    act(document, "tag", 0, 1, "PER")
    act(document, "offer_like", 0, 1, False, False)
    before = soft_marks(document)
    assert before == [(2, "PER"), (4, "PER")]
    row = change(project, kind, "PER", into)
    assert soft_marks(document) == between
    undo(row)
    assert soft_marks(document) == before


def test_an_undone_merge_leaves_the_soft_marks_that_always_had_the_other_label():
    project = make_project()
    document = make_document("Ada met Ada and Acme met Acme.", project)
    for start, label in ((0, "PER"), (4, "ORG")):
        act(document, "tag", start, start + 1, label)
        act(document, "offer_like", start, start + 1, False, False)
    row = change(project, "merged", "PER", "ORG")
    undo(row)
    assert soft_marks(document) == [(2, "PER"), (6, "ORG")]


def test_soft_marks_taken_away_before_their_label_was_deleted_stay_away_after_its_undo():
    project = make_project()
    document = make_document("Ada met Ada and Ada.", project)
    act(document, "tag", 0, 1, "PER")
    act(document, "offer_like", 0, 1, False, False)
    Offer.objects.update(active=False)
    undo(change(project, "deleted", "PER"))
    assert soft_marks(document) == []


def test_the_page_is_told_which_labels_the_current_model_has_never_learnt():
    project = make_project()
    project.current_source = Source.next_of(project, "model", ["PER", "ORG"])
    project.save()
    assert project.unknown_labels() == ["LOC", "MISC"]
    change(project, "renamed", "PER", "PERSON")
    project.refresh_from_db()
    assert project.unknown_labels() == ["LOC", "MISC"]


def test_a_second_change_is_refused_while_one_is_under_way():
    project = make_project()
    relabelling.begin(project, None, "renamed", project.labels.get(name="PER"), "PERSON", uuid4())
    with pytest.raises(Refused, match="PER renamed to PERSON"):
        relabelling.begin(project, None, "deleted", project.labels.get(name="ORG"), "", uuid4())
    assert LabelChange.objects.count() == 1


def test_a_change_and_the_storing_of_an_import_keep_out_of_each_others_way():
    project = make_project()
    row = Import.objects.create(project=project, status="confirmed")
    begun = relabelling.begin(project, None, "deleted", project.labels.get(name="PER"), "", uuid4())
    assert Import.objects.claim(row.pk, "confirmed", "importing") is None
    relabelling.start(begun)
    assert Import.objects.claim(row.pk, "confirmed", "importing") is not None
    with pytest.raises(Refused, match="being imported"):
        relabelling.begin(project, None, "deleted", project.labels.get(name="ORG"), "", uuid4())


class Killed(BaseException):
    """The end of a process: nothing catches it."""


def test_a_change_whose_worker_was_killed_goes_on_where_it_ended(monkeypatch):
    rung = []
    monkeypatch.setattr(queue, "enqueue", lambda *args, **kwargs: rung.append(args))
    monkeypatch.setattr(queue, "length", lambda name: 0)
    monkeypatch.setattr(respanning, "paced", lambda *args: 2)
    project = make_project()
    documents = [make_document("Ada met Bob.", project, PER="Ada Bob") for _ in range(30)]
    row = relabelling.begin(project, None, "merged", project.labels.get(name="PER"), "ORG", uuid4())
    step = respanning._step

    def dies(row, size):
        step(row, 4)
        if row.done >= 8:
            raise Killed

    with patch.object(respanning, "_step", dies), pytest.raises(Killed):
        jobs.run_label_change(row.pk)
    assert DocumentLabel.objects.filter(label__name="PER").count() == 22
    jobs.reconcile()
    assert rung == []
    LabelChange.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=1))
    jobs.reconcile()
    assert rung == [("io", "annotate.jobs.run_label_change", row.pk)]
    jobs.run_label_change(row.pk)
    jobs.run_label_change(row.pk)
    row.refresh_from_db()
    assert (row.status, row.done, row.spans) == ("done", 30, 60)
    assert counts(project) == [(document.pk, "ORG", 2) for document in documents]
    assert Edit.objects.filter(batch=row.batch).count() == 60


def test_a_process_whose_claim_was_taken_away_writes_nothing_more():
    project = make_project()
    document = make_document("Ada met Bob.", project, PER="Ada")
    row = relabelling.begin(project, None, "deleted", project.labels.get(name="PER"), "", uuid4())
    claimed = LabelChange.objects.claim(row.pk)
    assert claimed
    LabelChange.objects.update(claim=uuid4())
    respanning.run(claimed)
    assert mentions_of(document) == [("PER", "Ada")]
    assert LabelChange.objects.get().status == "running"


def test_what_broke_off_says_why_and_goes_on_when_told_to():
    project = make_project()
    make_document("Ada met Bob.", project, PER="Ada")
    row = relabelling.begin(project, None, "deleted", project.labels.get(name="PER"), "", uuid4())
    with patch.object(respanning, "_write", side_effect=ZeroDivisionError), pytest.raises(ZeroDivisionError):
        relabelling.start(row)
    row.refresh_from_db()
    assert row.status == "failed"
    assert "fault of the program" in row.error
    assert relabelling.try_again(row)
    relabelling.start(row)
    assert row.status == "done"
    assert counts(project) == []


def test_an_added_label_is_taken_away_again_only_while_nobody_uses_it():
    project = make_project()
    law = project.add_label("LAW")
    row = relabelling.log_form(project, None, law, None)
    assert row
    document = make_document("Ada met Bob.", project, LAW="Ada")
    with pytest.raises(Refused, match="has spans by now"):
        relabelling.begin_undo(row, None, uuid4())
    act(document, "clear", 0, 1)
    undo(row)
    assert "LAW" not in project.label_names()


def test_the_names_of_before_follow_a_chain_of_changes():
    def row(pk, kind, label, into="", undoes=None):
        return LabelChange(pk=pk, kind=kind, label=label, into=into, undoes_id=undoes)

    chain = [row(1, "renamed", "A", "B"), row(2, "merged", "B", "C"), row(3, "deleted", "D", "E")]
    assert names_after(chain) == {"A": "C", "B": "C", "D": None}
    assert names_after([*chain, row(4, "restored", "B", "C", undoes=2)]) == {"A": "B", "D": None}
    assert names_after([row(2, "renamed", "B", "A", undoes=1)]) == {"B": "A"}
    assert names_after([row(5, "renamed", "A", "B"), row(6, "renamed", "B", "A")]) == {"B": "A"}


WORDS = 6
LABELS = ["PER", "ORG", "LOC"]


@st.composite
def articles(draw):
    spans, place = [], 0
    while place < WORDS:
        length = draw(st.integers(1, 2))
        label = draw(st.sampled_from([None, *LABELS]))
        if label and place + length <= WORDS:
            spans.append((place, place + length, label))
        place += length
    return iob2.tags_of(spans, WORDS)


@pytest.mark.slow
@given(
    st.lists(articles(), min_size=1, max_size=3),
    st.sampled_from(["renamed", "merged", "deleted"]),
    st.sampled_from(LABELS),
    st.sampled_from(LABELS),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_change_and_its_undo_restore_every_tag_and_count(given_tags, kind, label, other):
    project = make_project(labels=LABELS)
    documents = [make_document("a b c d e f", project) for _ in given_tags]
    for document, tags in zip(documents, given_tags, strict=True):
        for span in iob2.spans_of(tags):
            act(document, "tag", *span)
    before = state_of(project)
    into = "WHO" if kind == "renamed" else other if other != label else ""
    if kind == "merged" and not into:
        return
    row = change(project, kind, label, into)
    mapping = {label: into or None}
    after = [iob2.relabelled(tags, mapping) for tags in given_tags]
    assert [tags_of(document) or ["O"] * WORDS for document in documents] == after
    undo(row)
    tags, found, names = state_of(project)
    assert (tags, found) == before[:2]
    assert sorted(names) == sorted(before[2])


def test_an_older_edit_of_a_label_is_not_undone_over_a_newer_one():
    project = make_project()

    def write(text):
        label = project.labels.get(name="PER")
        before = relabelling.attributes(label)
        label.guideline = text
        label.save()
        return relabelling.log_form(project, None, label, before)

    first = write("one")
    write("two")
    with pytest.raises(Refused, match="changed again"):
        relabelling.begin_undo(first, None, uuid4())
    assert project.labels.get(name="PER").guideline == "two"
