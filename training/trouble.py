"""What went wrong, in words for the person who pressed Retrain; the technical line goes below, for who helps them."""

import errno
from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone

FOR_PEOPLE = {"EncoderError", "TrainingError", "Diverged", "NothingToLearn"}  # their messages need no translation
# What was cut off, and what to do now, by the kind of run.
CUT_OFF = {
    "check": ("The check of the encoder", "Nothing it did was kept; check it again"),
    "ready": ("The taking over of the model", "Nothing it did was kept; take it over again"),
    "curve": ("The learning curve", "The points that were done are kept; press Go on for those that are missing"),
}
TRAINING = ("The training", "Nothing it did was kept; press Retrain to try again")
NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


def in_words(error: BaseException, kind: str = "", kept_step: int = 0) -> str:
    """Say what happened to a run, what was kept and what to do, and below it the technical line."""
    if type(error).__name__ in FOR_PEOPLE:
        return str(error)
    words = _cause(error) or "Something went wrong that Tagdesk has no words for; the worker's log has the whole story."
    kept = "Nothing of this run was kept; earlier models and all tags are safe."
    if kind == "curve" or kept_step:
        kept = f"{_cut_off(kind, kept_step)[1]}."
    return f"{words} {kept}\n{technical(error)}"


def no_suggestions(error: BaseException) -> str:
    """Say why a model's suggestions could not be made, and below it the technical line."""
    words = _cause(error) or "The model could not be loaded or run; the worker's log has the whole story."
    return f"{words} It is tried again every minute; another model can be made current meanwhile.\n{technical(error)}"


def cannot_learn(error: BaseException) -> str:
    """Say why the instant learner could not learn, and below it the technical line."""
    words = in_words(error) if type(error).__name__ in FOR_PEOPLE else _cause(error)
    return f"{words or 'The encoder could not be loaded or run.'} It is tried again every minute.\n{technical(error)}"


def no_result(error: BaseException) -> str:
    """Say why an archive could not be tagged to its end, and below it the technical line."""
    words = _cause(error) or "The model could not be loaded or run; the worker's log has the whole story."
    return f"{words} What was found so far is kept, and it can go on from there.\n{technical(error)}"


def no_answer(error: BaseException) -> str:
    """Say why a model could not be used for whoever asked, in one line: a program may show it to anybody."""
    if type(error).__name__ in FOR_PEOPLE:
        return str(error)
    return _cause(error) or "The model could not be loaded or run; the worker's log has the whole story."


def died(reason: str, kind: str, kept_step: int = 0) -> str:
    """Say how the worker's process ended, as the worker that watched it tells."""
    what, again = _cut_off(kind, kept_step)
    return f"{what} was cut off. {reason} {again}."


def _cut_off(kind: str, kept_step: int) -> tuple[str, str]:
    if kept_step:
        return TRAINING[0], f"What it had learnt by step {kept_step:,} is kept: press Go on, or Retrain to begin anew"
    return CUT_OFF.get(kind, TRAINING)


def _cause(error: BaseException) -> str:
    chain = list(_chain(error))
    if any(_is_disk_full(cause) for cause in chain):
        return "The disk is full: free some space, then try again."
    if any(_is_out_of_memory(cause) for cause in chain):
        return "There was not enough memory: close other programs, or choose a smaller encoder or token budget."
    return ""


def technical(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".strip()[:1000]


def gone_silent(since: datetime | None, kind: str, kept_step: int = 0) -> str:
    """Say that a worker gave no sign of life any more."""
    _, again = _cut_off(kind, kept_step)
    at = timezone.localtime(since).strftime(" at %H:%M") if since else ""
    return f"The worker stopped{at} without a word (killed, out of memory or restarted). {again}."


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_disk_full(error: BaseException) -> bool:
    # safetensors and SQLite say it in a message of their own, without a number.
    said = str(error).lower()
    return (isinstance(error, OSError) and error.errno in NO_SPACE) or any(
        words in said for words in ("no space left on device", "disk is full", "disk quota exceeded")
    )


def _is_out_of_memory(error: BaseException) -> bool:
    said = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError | OSError)
        and any(words in said for words in ("out of memory", "can't allocate memory", "cannot allocate memory"))
    )
