"""What training does when people's work is committed. `annotate` does not know that anybody listens."""

import logging
from typing import Any

from django.dispatch import receiver

from annotate.models import Document, Project
from annotate.queue import QueueDown
from annotate.signals import document_finished, documents_imported, suggestions_wanted, tags_mended
from training import at_once, doorbell, mistakes
from training.models import Version

log = logging.getLogger(__name__)


@receiver([documents_imported, suggestions_wanted])
def predict_wanted(project: Project, **kwargs: Any) -> None:
    version = Version.current_of(project)
    try:
        if version is not None:
            doorbell.ring_for_predictions(version.source_id)
        elif at_once.is_wanted(project):
            doorbell.ring_for_learning(project.pk)
    except QueueDown as down:  # the next `reconcile` finds the gap and rings
        log.debug("%s", down)


@receiver(document_finished)
def learn_from(document: Document, **kwargs: Any) -> None:
    try:
        if at_once.is_wanted(document.project):
            doorbell.ring_for_learning(document.project_id)
    except QueueDown as down:  # the next finish rings again, or `reconcile`
        log.debug("%s", down)


@receiver(tags_mended)
def mended(project: Project, **kwargs: Any) -> set[int]:
    return mistakes.corrected(project)
