"""Runs, the versions they leave, what those got wrong and what they found. The row is the record."""

from training.models.encoder import EncoderChoice, Speed
from training.models.mistake import Mistake
from training.models.run import Run, RunQuerySet
from training.models.schedule import Schedule
from training.models.tagging import Mention, Tagging
from training.models.version import Deleted, Learner, Version

__all__ = [
    "Deleted",
    "EncoderChoice",
    "Learner",
    "Mention",
    "Mistake",
    "Run",
    "RunQuerySet",
    "Schedule",
    "Speed",
    "Tagging",
    "Version",
]
