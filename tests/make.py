"""Data for tests, one small function each: `make_document("Ada met Bob.", PER="Ada Bob")`."""

from itertools import count
from typing import Any

from django.contrib.auth.models import User

from annotate import iob2, tokens
from annotate.desk import Desk, do, open_desk
from annotate.models import Annotation, Ask, Document, Membership, Prediction, Project, Source

LABELS = ["PER", "ORG", "LOC", "MISC"]
_numbers = count(1)


def make_user(name: str = "", **fields: Any) -> User:
    return User.objects.create_user(name or f"user{next(_numbers)}", password="a long enough word", **fields)


def make_project(
    name: str = "News", labels: list[str] | None = None, manager: User | None = None, **fields: Any
) -> Project:
    return Project.begin(name, labels or LABELS, manager, **fields)


def join(project: Project, user: User, role: str) -> User:
    Membership.objects.create(project=project, user=user, role=role)
    return user


def make_document(
    text: str = "Ada met Bob in Paris.",
    project: Project | None = None,
    finished: bool = False,
    split: str = "train",
    title: str = "",
    **mentions: str,
) -> Document:
    """`PER="Ada Bob"` tags each of these words, one token an entity; with any, or finished, there is a gold."""
    offsets = tokens.tokenize(text)
    document = Document.objects.create(
        project=project or Project.objects.first() or make_project(),
        text=text,
        title=title,
        tokens=offsets,
        token_count=len(offsets),
        sentence_starts=tokens.sentence_starts(text, offsets),
        split=split,
        group=f"group-{next(_numbers)}",
        signature=b"",
    )
    if mentions or finished:
        tag_words(document, finished, mentions)
    return document


def tag_words(document: Document, finished: bool, mentions: dict[str, str]) -> None:
    with open_desk(document.pk, Ask.anew(None)) as desk:
        for label, words in mentions.items():
            for index, word in enumerate(document.words()):
                if word in words.split():
                    desk = anew(desk)
                    do(desk, "tag", index, index + 1, label)
        if finished:
            do(anew(desk), "finish")
    document.refresh_from_db()


def anew(desk: Desk) -> Desk:
    """The same desk, asked for another edit by somebody who sees it as it is."""
    return Desk(desk.document, desk.annotation, Ask.anew(desk.ask.by, desk.annotation, desk.ask.source))


def suggest(document: Document, *spans: tuple[int, int, str, float], uncertainty: float = 0.5) -> Source:
    """Predictions of the project's current source (made where there is none) for the document."""
    project = document.project
    if project.current_source is None:
        project.current_source = Source.next_of(project, Source.Kind.MODEL)
        project.save()
    Prediction.objects.create(
        document=document,
        source=project.current_source,
        spans=[list(s) for s in spans],
        uncertainty=uncertainty,
        to_mend=uncertainty,
    )
    return project.current_source


def tags_of(document: Document) -> list[str]:
    gold = document.gold()
    return gold.tags if gold else []


def mentions_of(document: Document) -> list[tuple[str, str]]:
    """(label, text) of each entity of the gold annotation."""
    annotation = document.gold() or Annotation.blank_gold(document)
    words = document.tokens
    return [
        (span.label, document.text[words[span.start][0] : words[span.end - 1][1]])
        for span in iob2.spans_of(annotation.tags)
    ]
