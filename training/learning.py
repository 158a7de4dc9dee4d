"""One run from its claim to its version: freeze the gold, train, score against the model before, keep, promote."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from annotate import iob2
from annotate.models import Document, Project, Source, Split
from training import card, comparing, folders, instant, mistakes, resuming, snapshot, speeds
from training.heartbeat import Hold, Lost, ProgressWriter
from training.models import Run, Version

if TYPE_CHECKING:
    from training.engine.articles import Article
    from training.engine.scores import Decision
    from training.engine.train import Result, Start

SOME = 20  # articles that show what a project's text is like

log = logging.getLogger(__name__)


class Judgement(NamedTuple):
    """`against` is the source that was current when the two were compared, None where there was none."""

    promote: bool
    scores: dict[str, Any]
    against: int | None


def learn(run: Run, hold: Hold) -> Version:
    """Do all of a claimed run. Raises Lost, Stopped, NothingToLearn, what the engine raises, and OSError."""
    from training.engine.fitting import Diverged
    from training.engine.launch import train

    resumed = resuming.read(run)
    frozen, settings, start = resumed or _begin(run, hold)
    hold.write(snapshot_hash=frozen.hash, settings=settings.as_dict(), scores={"articles": _articles(frozen)})
    hold.write(held_out=comparing.held_out(frozen.validation))
    aside = folders.fresh_aside(run)
    checkpoints = resuming.checkpoints(run, hold)
    kept = checkpoints.last() if resumed else None
    report = ProgressWriter(hold, kept.told["losses"] if kept else [])
    try:
        result = train(
            settings,
            frozen.labels,
            frozen.training,
            frozen.validation,
            aside,
            report,
            hold.should_stop,
            checkpoints,
            frozen.hash,
            start,
        )
        words = sum(len(article.words) for article in frozen.training)
        speeds.note(settings, result.manifest["device"], words, result.seconds)
        judgement = _judge(run.project, frozen, result, hold, report)
        version = _keep_with_mistakes(run, hold, aside, frozen, result, judgement)
        resuming.clear(run)
        return version
    except Diverged:
        hold.write(kept_step=0)  # to go on would come to the same
        resuming.clear(run)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        if hold.stop_requested or checkpoints.last() is None:
            resuming.clear(run)


def _begin(run: Run, hold: Hold) -> resuming.Beginning:
    """Freeze the gold, choose the settings, and write down what the run begins with. Raises NothingToLearn."""
    from training.engine.recipe import Settings

    frozen = snapshot.take(run.project)
    words = sum(len(article.words) for article in frozen.training)
    chosen, start = _start(run.project, {"seed": run.seed, **run.settings})
    beginning = resuming.Beginning(frozen, Settings.for_data(words, **chosen), start)
    resuming.write(run, beginning)
    hold.write(kept_step=0)
    return beginning


def adopt(run: Run, hold: Hold) -> Version:
    """Make a version of a ready model: nothing is trained. It is scored and compared as any other.

    Raises Lost, Stopped, NothingToLearn, EncoderError and OSError.
    """
    from training.engine import adopt as engine

    frozen = snapshot.held_out(run.project)
    ours = {its: label for its, label in run.settings["labels"].items() if label in frozen.labels}
    frozen = frozen._replace(labels=[label for label in frozen.labels if label in ours.values()])
    if not ours:
        raise snapshot.NothingToLearn("The project has none of the labels any more that were to be taken over.")
    hold.write(scores={"articles": _articles(frozen)}, held_out=comparing.held_out(frozen.validation))
    aside = folders.fresh_aside(run)
    report = ProgressWriter(hold)
    try:
        result = engine.adopt(
            run.settings["encoder"],
            ours,
            frozen.labels,
            some_articles(run.project),
            frozen.validation,
            aside,
            report,
            hold.should_stop,
        )
        judgement = _unless_unscored(_judge(run.project, frozen, result, hold, report))
        return _keep_with_mistakes(run, hold, aside, frozen, result, judgement)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def some_articles(project: Project) -> list[Article]:
    """The first articles to learn from or to tag, without their tags: what the project's text is like."""
    from training.engine.articles import Article

    documents = Document.objects.filter(project=project).present().in_split(Split.TRAIN).order_by("pk")
    return [Article(str(d.pk), d.words(), [], d.sentence_starts) for d in documents[:SOME]]


def _unless_unscored(judgement: Judgement) -> Judgement:
    """Keep a ready model aside where there is a current one and nothing to tell the two apart by."""
    if judgement.scores["current_number"] is None or judgement.scores["candidate"] or not judgement.promote:
        return judgement
    reason = (
        "Kept aside: no held-out article is finished, so nothing tells whether it is better than the current model."
    )
    decision = {**judgement.scores["decision"], "promote": False, "reason": reason}
    return judgement._replace(promote=False, scores={**judgement.scores, "decision": decision})


def _start(project: Project, chosen: dict[str, Any]) -> tuple[dict[str, Any], Start | None]:
    """Where the run goes on from: the current model, or the encoder. What was chosen says what it came to."""
    from training.engine.train import Start

    current = Version.current_of(project) if chosen.get("warm_start") else None
    if current is None:
        return {**chosen, "warm_start": False}, None
    its = {"encoder": encoder} if (encoder := current.run.settings.get("encoder")) else {}
    return {**chosen, **its}, Start(folders.folder_of(current), current.source.renamed)


def _articles(frozen: snapshot.Snapshot) -> dict[str, int]:
    return {
        "training": len(frozen.training),
        "validation": len(frozen.validation),
        "blind": frozen.blind,
        "unknown": frozen.unknown,
    }


def _entities(frozen: snapshot.Snapshot) -> Counter[str]:
    """How many entities of each label there were to learn from."""
    return Counter(span.label for article in frozen.training for span in iob2.spans_of(article.tags))


def _judge(
    project: Project, frozen: snapshot.Snapshot, result: Result, hold: Hold, report: ProgressWriter
) -> Judgement:
    """Score the current model on the same articles, and decide between the two."""
    from training.engine.scores import compare, score

    project.refresh_from_db(fields=["current_source"])
    before = Version.current_of(project)
    # Labels may have changed since the model before was trained, or this run began: all speak by the names of now.
    names = project.label_changes.names_since(frozen.labels_at)
    gold = [iob2.relabelled(article.tags, names) for article in frozen.validation]
    predicted = [iob2.relabelled(p.tags, names) for p in result.predicted]
    tagged, trouble = _tag_with(before, frozen.validation, hold, report)
    if before is not None and tagged is not None:
        tagged = [iob2.relabelled(tags, before.source.renamed) for tags in tagged]
    if before is None:
        instant.await_it(project, hold.should_stop)
        tagged = instant.tags_of_held_out(project, frozen.validation)
    shared = _shared(frozen.labels, names, before)
    against = f"version {before.number}" if before else "the instant learner"
    decision = compare(gold, tagged, predicted, shared, f"{against}, current then,")
    if decision.difference is not None and len(shared) < len(frozen.labels):
        trouble = f"Both were scored by the labels that both know: {', '.join(shared)}."
    scores = {
        "candidate": result.scores,
        "current": score(gold, tagged) if tagged and gold else None,
        "current_number": before.number if before else None,
        "decision": _in_words(decision, trouble)._asdict(),
        "calibration": result.manifest["calibration"],
        "articles": _articles(frozen),
        "seconds": round(result.seconds, 1),
        "words_per_second": round(result.words_per_second),
        "device": result.manifest["device"],
    }
    return Judgement(decision.promote, scores, project.current_source_id)


def _shared(labels: Sequence[str], names: Mapping[str, str | None], before: Version | None) -> list[str]:
    """The labels, by their names now, that both models know."""
    learnt = [now for label in labels if (now := names.get(label, label))]
    if before is None:
        return learnt
    known = {before.source.name_now(label) for label in before.labels}
    return [label for label in learnt if label in known]


def _tag_with(
    version: Version | None, articles: Sequence[Article], hold: Hold, report: ProgressWriter
) -> tuple[list[list[str]] | None, str]:
    """The version's tags for the articles; None, with the reason, where it cannot be loaded."""
    from training.engine.encoders import EncoderError
    from training.engine.predict import Predictor
    from training.engine.progress import Progress, Stopped

    def told(done: int, of: int) -> None:
        if hold.should_stop():
            raise Stopped
        report(Progress("comparing", done, of))

    if version is None:
        return None, ""
    try:
        return [p.tags for p in Predictor.load(folders.folder_of(version)).predict(articles, told)], ""
    except (EncoderError, OSError, ValueError, KeyError) as error:
        log.warning("Version %s cannot be loaded to compare with (%s).", version.pk, type(error).__name__)
        return None, f"Version {version.number}, the model before, could not be loaded, so nothing was compared."


def _in_words(decision: Decision, trouble: str) -> Decision:
    """With what is to be known of it besides."""
    if not trouble:
        return decision
    compared = decision.reason if decision.difference is not None else "Promoted."
    return decision._replace(reason=f"{compared} {trouble}")


def _keep_with_mistakes(
    run: Run, hold: Hold, aside: Path, frozen: snapshot.Snapshot, result: Result, judgement: Judgement
) -> Version:
    wrong = mistakes.found(run, frozen, result.predicted)
    judgement.scores["mistakes"] = len(wrong)
    card.write(aside, run.project.name, result.manifest, judgement.scores, _entities(frozen))
    version = _keep(run, hold, aside, frozen, judgement)
    mistakes.keep(wrong)
    return version


def _keep(run: Run, hold: Hold, aside: Path, frozen: snapshot.Snapshot, judgement: Judgement) -> Version:
    """Move the folder into place, make its version and close the run, all or nothing and only while the claim holds."""
    with transaction.atomic():
        project = Project.objects.select_for_update().get(pk=run.project_id)
        scores, promote = _unless_overtaken(judgement, project)
        now = timezone.now()
        ended = hold.row().filter(stop_requested=False)
        if not ended.update(status=Run.Status.SUCCEEDED, ended_at=now, heartbeat_at=now, scores=scores):
            raise Lost(f"run {run.pk} was stopped or is not ours any more")
        source = Source.next_of(project, Source.Kind.MODEL, frozen.labels, frozen.labels_at)
        folder = folders.models_folder(project) / f"v{source.number}"
        folders.move(aside, folder)
        version = Version.objects.create(
            run=run,
            project=project,
            source=source,
            number=source.number,
            folder=folders.told(folder),
            labels=frozen.labels,
            scores=scores["candidate"] or {},
            taken_from=run.settings["encoder"] if run.kind == Run.Kind.READY else "",
        )
        if promote:
            version.promote()
        Run.objects.tell_ended([run.pk])
    return version


def _unless_overtaken(judgement: Judgement, project: Project) -> tuple[dict[str, Any], bool]:
    """Keep the model aside where somebody has made another one current since the two were compared."""
    learns_on = project.current_source is not None and project.current_source.goes_on_learning
    if not judgement.promote or learns_on or project.current_source_id == judgement.against:
        return judgement.scores, judgement.promote
    reason = "Kept aside: somebody made another model current while this one was being trained."
    decision = {**judgement.scores["decision"], "promote": False, "reason": reason}
    return {**judgement.scores, "decision": decision}, False
