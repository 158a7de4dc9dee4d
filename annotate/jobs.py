"""The jobs of the io queue. A worker runs public functions of this module and of training's, and no others."""

import logging

from annotate import bulk, relabelling, respanning, uploads, webhooks
from annotate.exchange import importing
from annotate.models import BulkAction, Import, LabelChange
from annotate.queue import QueueDown

log = logging.getLogger(__name__)


def check_import(pk: int) -> None:
    """Read an upload and store what was understood. Nothing where somebody else has taken it."""
    row = Import.objects.claim(pk, Import.Status.UPLOADED, Import.Status.CHECKING)
    if row is not None:
        importing.check(row)


def run_import(pk: int) -> None:
    """Store a confirmed import, all that it reports or nothing."""
    row = Import.objects.claim(pk, Import.Status.CONFIRMED, Import.Status.IMPORTING)
    if row is not None:
        importing.run(row)


def run_bulk(pk: int) -> None:
    """Go on with a bulk action. Nothing where somebody else has taken it."""
    row = BulkAction.objects.claim(pk)
    if row is not None:
        bulk.run(row)


def run_label_change(pk: int) -> None:
    """Go on with a change of labels. Nothing where somebody else has taken it."""
    row = LabelChange.objects.claim(pk)
    if row is not None:
        respanning.run(row)


def send_webhook(pk: int) -> None:
    """Send what is due to this webhook."""
    try:
        webhooks.send(pk)
    except QueueDown as down:  # the next `reconcile` rings for the rest
        log.warning("%s", down)


def reconcile() -> None:
    """Bring true again what a lost worker or queue left untrue. Anybody may call it, at any time."""
    importing.fail_stale()
    try:
        uploads.ring_again()
        bulk.revive()
        relabelling.revive()
        webhooks.revive()
    except QueueDown as down:
        log.warning("%s", down)
