"""An import in two passes over the stored upload: `check` says what is there, `run` stores it, all or nothing.

Both hold the row by its claim. Where it is gone (cancelled, or taken by another process), they take back what they
wrote and leave the row alone. Once all is written, the row's report says `releasing`: from there on there is no way
back, and whoever finds the process dead goes on showing.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from annotate import iob2, uploads, webhooks
from annotate.exchange import fetching, from_hub
from annotate.exchange.already import COMPARED, Look, told
from annotate.exchange.choices import DECIDED, EDGES, OVERLAPS, Choices
from annotate.exchange.hidden import hidden_at, release, roomy, take_back
from annotate.exchange.near import Prepared
from annotate.exchange.problems import ProblemList
from annotate.exchange.reading import Gone, Progress, Reading, alive, read
from annotate.exchange.records import REPAIRS, FormatError, OnError, Problem, Record, apply
from annotate.exchange.spans import is_label
from annotate.exchange.storing import Intake, Stored, store
from annotate.models import Import, Project
from annotate.models.exchange import RELEASING, hold
from annotate.models.project import twins
from annotate.signals import documents_imported

__all__ = ["check", "fail_stale", "run", "stop", "store"]

FIRST_SHOWN = 10
REPAIRS_SHOWN = 50
STALE = timedelta(seconds=45)


def check(row: Import, on_progress: Progress | None = None) -> None:
    """Read a claimed import through and store what was understood in `row.preview`; the row is then checked, or
    failed with the reason. `on_progress` is told the bytes read so far.
    """
    reading = Reading(row, on_progress)
    fail_stale()
    with alive(row):
        try:
            fetching.bring(row)
            from_hub.fetch(row, reading.tell)
            with ProblemList(_problems_path(row)) as problems:
                preview = _survey(row, reading, problems)
            _finish(row, Import.Status.CHECKED, preview=preview)
        except Gone:
            uploads.forget(row)
        except (FormatError, OSError, DatabaseError) as error:
            _fail(row, str(error))
        except Exception as error:
            _fail(row, f"A fault of the program: {error!r}. The file was not imported.")
            raise


def run(row: Import, on_progress: Progress | None = None) -> None:
    """Store a claimed, confirmed import; the row is then done with its report, or failed with the reason and nothing
    of it stored. May run twice: it begins by taking back what an attempt that died has left.
    """
    with alive(row), roomy():
        if _write(row, Reading(row, on_progress)):
            _show(row)


def stop(row: Import) -> bool:
    """End an import whose process was interrupted at it: nothing of it is left. False where its articles were being
    shown already, and now all are.
    """
    if Import.objects.cancel(row):
        take_back(row)
        uploads.forget(row)
    row.refresh_from_db()
    if RELEASING in row.report:
        _show(row)
    return row.status != Import.Status.DONE


def fail_stale() -> int:
    """Bring true what imports have left whose process died: those that were showing their articles go on, the others
    are failed; nothing is left of what failed or was cancelled. Answers how many were failed.
    """
    silent = Import.objects.filter(heartbeat_at__lt=timezone.now() - STALE)
    failed = 0
    for row in silent.filter(status__in=(Import.Status.CHECKING, Import.Status.IMPORTING)):
        if RELEASING in row.report:
            _go_on(row)
        else:
            failed += _fail(row, "The process that worked on this import ended without a word. Try again.")
    for row in silent.filter(status__in=(Import.Status.FAILED, Import.Status.CANCELLED)):
        take_back(row)
        uploads.forget(row)
        Import.objects.filter(pk=row.pk).update(heartbeat_at=None)  # nothing more to look for
    return failed


def _write(row: Import, reading: Reading) -> bool:
    """Write all hidden. False where it did not come to that: all is taken back, and the row failed if it is ours."""
    try:
        take_back(row)
        with ProblemList(_problems_path(row)) as problems:
            report = _store_all(row, _intake(row), reading, problems)
        if not Import.objects.held(row).update(report={**report, RELEASING: True}, done_bytes=0):
            raise Gone
    except Gone:
        take_back(row)
        uploads.forget(row)
    except (FormatError, OSError, DatabaseError) as error:
        take_back(row)
        _fail(row, str(error))
    except Exception as error:
        take_back(row)
        _fail(row, f"A fault of the program: {error!r}. Nothing was imported.")
        raise
    else:
        return True
    return False


def _intake(row: Import) -> Intake:
    as_, split = row.options.get("as_", "finished"), row.options.get("split", "auto")
    rows = Import.objects.filter(pk=row.pk)
    intake = Intake(row.project, as_, split, row.created_by, hidden_at(row.pk), choices=Choices.of(row.options))
    intake.tell_labels = lambda names: rows.update(report={"new_labels": names})
    return intake


@dataclass
class Survey:
    """What a check counts. `articles` are those that come in by the choices, unless the project has them; `left_out`
    those that nothing would let in. `repairable` have errors that a repair would mend, besides those that the choices
    meet; of these `faults` counts the spans. `labels` are the file's own, before any is renamed.
    """

    choices: Choices
    on_error: OnError = "repair"
    articles: int = 0
    left_out: int = 0
    repairable: int = 0
    tokens: int = 0
    entities: int = 0
    suggestions: int = 0

    def __post_init__(self) -> None:
        self.faults: Counter[str] = Counter()
        self.labels: Counter[str] = Counter()
        self.repairs: list[dict[str, Any]] = []
        self.first: list[dict[str, Any]] = []

    def count(self, record: Record) -> Record | None:
        whole = apply(record, "repair", self.choices)
        at_fault = record.errors if record.spans is not None else []
        decided = Counter(DECIDED[problem.kind] for problem in at_fault if problem.kind in DECIDED)
        self.faults += decided
        if whole is None:
            self.left_out += 1
            return None
        self.labels.update(_labels_of(record))
        if decided.total() < len(record.errors):
            self.repairable += 1
            if self.on_error == "skip":
                return None
        spans = iob2.spans_of(whole.tags or [])
        self.articles += 1
        self.tokens += len(whole.words or [])
        self.entities += len(spans)
        self.suggestions += len(whole.suggestions())
        if len(self.first) < FIRST_SHOWN:
            self.first.append(_shown(whole, spans))
        room = REPAIRS_SHOWN - len(self.repairs)
        self.repairs += [_repair(record, problem, self.choices) for problem in record.errors[:room]]
        return whole


def _labels_of(record: Record) -> Iterator[str]:
    """The label of each entity and suggestion as the file has it, one that a repair mends or an overlap takes too."""
    if record.words is None:
        named = [span.label for span in record.spans or []]
    else:
        begun = [tag for tag in record.tags or [] if tag.startswith("B-")]
        orphans = [problem.tag for problem in record.errors if problem.kind == "orphan"]
        named = [tag[2:] for tag in (*begun, *orphans)]
    return filter(is_label, [*named, *(span.label for span in record.suggested)])


def _survey(row: Import, reading: Reading, problems: ProblemList) -> dict[str, Any]:
    survey = Survey(Choices.of(row.options), "skip" if row.options.get("on_error") == "skip" else "repair")
    with closing(Look(row.project, survey.choices)) as look:
        for record, file in reading.records():
            reading.tell(reading.reached)
            problems.add(record, record.problems, file)
            if (whole := survey.count(record)) is not None:
                look.add(whole)
        look.finish()
    known = dict.fromkeys(row.project.label_names())
    new = [name for name in survey.labels if name not in known]
    twin = twins([*known, *new])
    counts = ("articles", "left_out", "repairable", "tokens", "entities", "suggestions")
    return {
        **{name: getattr(survey, name) for name in counts},
        "faults": dict(survey.faults),
        "known": dict(look.known),
        "examples": look.examples,
        "duplicates": look.left_out,
        "coming": survey.articles - look.left_out,
        "compared": min(survey.articles, COMPARED),
        "format": _one_or_several(reading, "format"),
        "scheme": _one_or_several(reading, "scheme") if survey.labels else "",
        "labels": dict(survey.labels),
        "new_labels": new,
        "twins": [[name, twin[name]] for name in new if name in twin],
        "errors": problems.errors,
        "notices": problems.notices,
        "problems": problems.shown,
        "repairs": survey.repairs,
        "first": survey.first,
    }


def _one_or_several(reading: Reading, key: str) -> str:
    return ", ".join(dict.fromkeys(file[key] for file in reading.files if file[key]))


def _shown(record: Record, spans: list[iob2.Span]) -> dict[str, Any]:
    text, offsets = record.text or "", record.offsets or []
    mentions = [[span.label, text[offsets[span.start][0] : offsets[span.end - 1][1]]] for span in spans[:50]]
    return {
        "title": record.title,
        "text": text[:1000],
        "split": record.split or "",
        "external_id": record.external_id,
        "mentions": mentions,
    }


def _repair(record: Record, problem: Problem, choices: Choices) -> dict[str, Any]:
    words = record.words or []
    word = words[problem.token] if problem.token is not None and problem.token < len(words) else problem.message
    ways = {
        **REPAIRS,
        "span-edge": EDGES[choices.edges or "split"],
        "span-overlap": OVERLAPS[choices.overlaps or "outermost"],
    }
    after = "B" + problem.tag[1:] if problem.kind == "orphan" else ways[problem.kind]
    return {"record": problem.record, "word": word, "before": problem.tag, "after": after}


def _store_all(row: Import, intake: Intake, reading: Reading, problems: ProblemList) -> dict[str, Any]:
    found = read(reading, row.options.get("on_error", "fail"), intake.choices)
    left_out = repaired = 0

    def good() -> Iterator[Prepared]:
        nonlocal left_out, repaired
        for prepared, at_fault, file, reached in found:
            reading.tell(reached)
            if at_fault is not None:
                problems.add(at_fault, at_fault.problems, file)
            if prepared is None:
                left_out += 1
            else:
                repaired += len(at_fault.errors) if at_fault is not None else 0
                yield prepared

    with closing(found):
        for _ in intake.write_all(good()):
            for record, problem in intake.stored.problems:
                problems.add(record, [problem])
            intake.stored.problems.clear()
    if not intake.stored.articles:
        raise FormatError(_nothing(left_out, intake.stored))
    return {
        **_counts(intake.stored),
        "left_out": left_out + intake.stored.duplicates,
        "repaired": repaired,
        "errors": problems.errors,
        "notices": problems.notices,
        "problems": problems.shown,
    }


def _counts(stored: Stored) -> dict[str, Any]:
    return {name: value for name, value in vars(stored).items() if name != "problems"}


def _nothing(left_out: int, stored: Stored) -> str:
    if stored.duplicates == 1 and stored.known["same_id"]:
        return "Nothing new: the article is already there by its id."
    if stored.duplicates and stored.known["same_id"] == stored.duplicates:
        return f"Nothing new: all {stored.duplicates:,} articles are already there by their id."
    if stored.known["other_text"]:
        return f"Nothing was left to import: {', '.join(told(stored.known))}."
    if stored.duplicates:
        articles = "the article" if stored.duplicates == 1 else f"all {stored.duplicates:,} articles"
        return f"Nothing new: the project has {articles} already."
    if left_out:
        records = "The one record has" if left_out == 1 else f"All {left_out:,} records have"
        return f"{records} errors: nothing is left to import."
    return "There is no article in the file."


def _show(row: Import) -> None:
    """Show all that was written, then call the import done; leaves a row that another process has taken over."""
    release(row)
    row.refresh_from_db(fields=["report"])
    report = {key: value for key, value in row.report.items() if key != RELEASING}
    with suppress(Gone), transaction.atomic():
        _finish(row, Import.Status.DONE, report=report, done_bytes=row.size)
        webhooks.import_ended(row)
        project = row.project
        transaction.on_commit(lambda: documents_imported.send(Project, project=project), robust=True)
    uploads.forget(row)


def _go_on(row: Import) -> None:
    """Show the rest of what a dead process was showing, under a claim of our own."""
    if Import.objects.held(row).filter(heartbeat_at=row.heartbeat_at).update(**hold(Import.Status.IMPORTING)):
        row.refresh_from_db()
        with alive(row):
            _show(row)


def _finish(row: Import, status: str, **fields: Any) -> None:
    fields |= {"status": status, "problems_path": _relative(_problems_path(row)), "error": ""}
    if not Import.objects.held(row).update(**fields):
        raise Gone
    row.refresh_from_db()


def _fail(row: Import, reason: str) -> bool:
    found = _relative(_problems_path(row)) if _problems_path(row).is_file() else ""
    with transaction.atomic():
        failed = Import.objects.held(row).update(status=Import.Status.FAILED, error=reason, problems_path=found)
        row.refresh_from_db()
        if failed:
            webhooks.import_ended(row)
    if failed:
        uploads.forget(row)
    return bool(failed)


def _problems_path(row: Import) -> Path:
    return uploads.folder_of(row) / "problems.jsonl"


def _relative(path: Path) -> str:
    return str(path.relative_to(settings.TAGDESK_DATA))
