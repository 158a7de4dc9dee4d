"""The encoder that a project's trainings start from: which it is, which others lie here, whether it reads the text."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.db.models.functions import Substr
from django.utils import timezone

from annotate.models import Document, Project
from training import languages, speeds, telling
from training.engine import shelf
from training.engine.shelf import EncoderError, Facts
from training.heartbeat import Hold, Lost, ProgressWriter
from training.languages import ENGLISH, Language
from training.models import EncoderChoice, Run

CASED_ENGLISH = "google-bert/bert-base-cased"
MULTILINGUAL = "FacebookAI/xlm-roberta-base"  # a hundred languages, with capitals
LOOKED_AT, SIGNS = 20, 1000  # articles, and code points of each, that show the language


class Encoder(NamedTuple):
    """One line of the list. `facts` is None where its files are not here any more."""

    name: str
    facts: Facts | None
    speeds: list[tuple[str, int]]  # (device, words a second in training with no layer frozen)
    is_default: bool
    is_chosen: bool
    is_checked: bool  # it has been looked at for this project, and may be chosen

    @property
    def what(self) -> str:
        return in_words(self.facts) if self.facts else ""

    @property
    def languages(self) -> str:
        return telling.some(self.facts.languages) if self.facts else ""

    @property
    def is_folder(self) -> bool:
        return shelf.is_folder(self.name)


class Chosen(NamedTuple):
    name: str
    facts: Facts


def in_words(facts: Facts) -> str:
    return telling.encoder(facts.family, facts.layers, facts.lower_case, bool(facts.tags))


def chosen(project: Project) -> Chosen:
    """The encoder that the project's next training starts from, as it was when it was chosen."""
    choice = EncoderChoice.objects.filter(project=project).first()
    return Chosen(choice.encoder, Facts(**choice.facts)) if choice else Chosen(shelf.DEFAULT, default_facts())


def encoder_of(project: Project) -> str:
    """The name of the encoder that the project's next training starts from."""
    return chosen(project).name


@lru_cache
def default_facts() -> Facts:
    folder = shelf.packaged()
    return shelf.facts(folder) if folder else Facts("bert", 6, 0, True, "", ["en"], [])


def look_at(run: Run, hold: Hold) -> None:
    """Check the encoder of a claimed run, and close the row with what was found. Raises Lost, Stopped, EncoderError."""
    from training.engine import checking
    from training.engine.progress import Reporter

    report = Reporter(ProgressWriter(hold), hold.should_stop)
    found = checking.check(run.settings["encoder"], report)
    known = {"facts": found.facts._asdict(), "window": found.window}
    if not hold.row().end(Run.Status.SUCCEEDED, scores=known, heartbeat_at=timezone.now()):
        raise Lost(f"check {run.pk} is not ours any more")


def checks(project: Project) -> QuerySet[Run]:
    """The project's checks that found an encoder fit for use, the latest first."""
    return project.runs.filter(kind=Run.Kind.CHECK, status=Run.Status.SUCCEEDED)


def checked(project: Project, name: str) -> Facts | None:
    """What the latest check found of this encoder. None where it was never found fit for use."""
    run = checks(project).filter(settings__encoder=name).first()
    return Facts(**run.scores["facts"]) if run else None


def choose(project: Project, name: str) -> None:
    """Have the project's trainings start from this encoder. Raises EncoderError where nobody has checked it."""
    if name == shelf.DEFAULT:
        EncoderChoice.objects.filter(project=project).delete()
        return
    facts = checked(project, name)
    if facts is None:
        raise EncoderError(f"{name} has to be checked before it is chosen.")
    EncoderChoice.objects.update_or_create(project=project, defaults={"encoder": name, "facts": facts._asdict()})


def gone(encoder: Chosen) -> str:
    """Why no training can start from it, in words. Empty where nothing is seen from here.

    One of the hub's that is not in this machine's cache is fetched by the worker, which may be on another one.
    """
    reason = shelf.why_not(Path(encoder.name)) if shelf.is_folder(encoder.name) else ""
    return f"The encoder of this project cannot be used: {reason}" if reason else ""


def on_this_machine(project: Project, user: Any) -> list[Encoder]:
    """The default, what the hub's cache holds, and the folders that were checked in projects this person sees."""
    in_use = encoder_of(project)
    looked_at = set(checks(project).values_list("settings__encoder", flat=True))
    seen = Run.objects.visible_to(user).filter(kind=Run.Kind.CHECK, status=Run.Status.SUCCEEDED)
    folders = sorted(filter(shelf.is_folder, set(seen.values_list("settings__encoder", flat=True))))
    names = [shelf.DEFAULT, *shelf.cached_names(), *folders]
    paces = speeds.by_encoder()
    return [
        Encoder(
            name=name,
            facts=_facts_here(name),
            speeds=paces.get(name, []),
            is_default=name == shelf.DEFAULT,
            is_chosen=name == in_use,
            is_checked=name == shelf.DEFAULT or name in looked_at,
        )
        for name in dict.fromkeys([*names, in_use])
    ]


def _facts_here(name: str) -> Facts | None:
    folder = shelf.place(name)
    return None if folder is None or shelf.why_not(folder) else shelf.facts(folder)


def language_of(project: Project) -> Language | None:
    """The language of the project's articles: as they say themselves, else as their signs and words tell."""
    documents = Document.objects.filter(project=project).present().order_by("pk")
    rows = documents.annotate(head=Substr("text", 1, SIGNS)).values_list("language", "head")[:LOOKED_AT]
    said, heads = zip(*rows, strict=True) if rows else ((), ())
    return languages.told(said) or languages.guess(heads)


def misfit(encoder: Chosen, language: Language | None) -> str:
    """Say that the encoder does not read the language of the articles, and which does. Empty where it does, or may."""
    if language is None or languages.reads(encoder.facts.languages, language):
        return ""
    better = CASED_ENGLISH if language == ENGLISH else MULTILINGUAL
    reads = "The default encoder reads English" if encoder.name == shelf.DEFAULT else "The encoder reads others"
    return f"These articles seem to be in {language.name}. {reads}: {better} would learn far more from them."


def capitals(encoder: Chosen, language: Language | None) -> str:
    """One line for projects whose encoder does not tell capitals apart. Empty where it does."""
    if not encoder.facts.lower_case:
        return ""
    better = CASED_ENGLISH if language in (ENGLISH, None) else MULTILINGUAL
    return (
        f"It reads “Rose” and “rose” as the same word. {better} tells capitals apart, and takes several times as long."
    )
