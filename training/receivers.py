"""What training does when people's work is committed. `annotate` does not know that anybody listens."""

import logging
from typing import Any

from django.dispatch import receiver

from annotate.models import Project
from annotate.queue import QueueDown
from annotate.signals import documents_imported, suggestions_wanted
from training import doorbell
from training.models import Version

log = logging.getLogger(__name__)


@receiver([documents_imported, suggestions_wanted])
def predict_wanted(project: Project, **kwargs: Any) -> None:
    version = Version.current_of(project)
    if version is None:
        return
    try:
        doorbell.ring_for_predictions(version.source_id)
    except QueueDown as down:  # the next `reconcile` finds the gap and rings
        log.warning("%s", down)
