"""What somebody wants in an export beside articles and tags, and whose work."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet

from annotate.exchange.formats import Writer
from annotate.models import Annotation, Edit, How, Project, State
from annotate.models.document import DocumentQuerySet

NOBODYS = (How.IMPORTED, How.RELABELLED)  # lines of the log in somebody's name who tagged nothing


class CannotHold(Exception):
    """A format that has no place for what is wanted; the message is a sentence for people."""


@dataclass(frozen=True)
class Wanted:
    """`by`: the articles that this person finished and, of those that nobody has, the ones they have tagged in."""

    by: int | None = None
    suggestions: bool = False
    provenance: bool = False

    def of(self, documents: DocumentQuerySet) -> DocumentQuerySet:
        if self.by is None:
            return documents
        theirs = Edit.objects.filter(annotation=OuterRef("pk"), author=self.by).exclude(how__in=NOBODYS)
        gold = Annotation.objects.filter(document=OuterRef("pk"), kind=Annotation.Kind.GOLD)
        begun = Q(status=State.IN_PROGRESS) & Exists(theirs)
        return documents.filter(Exists(gold.filter(Q(finished_by=self.by) | begun)))

    def check(self, writer: Writer) -> None:
        """Raise CannotHold where a file of this format would be without what is wanted."""
        lacking = [
            what
            for what, is_wanted, is_held in (
                ("what is suggested", self.suggestions, writer.suggested),
                ("who tagged what", self.provenance, writer.provenance),
            )
            if is_wanted and not is_held
        ]
        if lacking:
            raise CannotHold(f"A file of {writer.title} has no place for {' or for '.join(lacking)}.")


PLAIN = Wanted()


def annotators(project: Project) -> QuerySet[User]:
    """Who may have tagged in the project: its members, and who finished an article of it."""
    finished: Any = Annotation.objects.filter(finished_by=OuterRef("pk"), document__project=project)
    return User.objects.filter(Q(memberships__project=project) | Exists(finished)).distinct().order_by("username")
