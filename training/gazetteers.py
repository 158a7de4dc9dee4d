"""Gazetteers as the dictionary takes them: mentions in words."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from annotate import tokens
from annotate.models import Gazetteer, Project

if TYPE_CHECKING:
    from training.engine.dictionary import Mention

KEPT = 2  # projects whose gazetteer stays in words: a hundred thousand entries take about a second to cut


def mentions(project: Project) -> dict[Mention, str]:
    """Each with its label. Not to be changed: it is kept for the next time."""
    pk = Gazetteer.objects.filter(project=project).values_list("pk", flat=True).first()
    return _in_words(pk, project.label_changes.last_id()) if pk is not None else {}


@lru_cache(maxsize=KEPT)
def _in_words(pk: int, labels_at: int) -> dict[Mention, str]:
    """Of this gazetteer, under the names that labels have since this change."""
    row = Gazetteer.objects.select_related("project").filter(pk=pk).first()
    if row is None:  # replaced just now: whoever did it has rung for another look
        return {}
    return {tuple(text[s:e] for s, e in tokens.tokenize(text)): label for text, label in row.entries()}
