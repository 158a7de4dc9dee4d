"""Tag texts from the command line: the same line, the same predictor and the same checks as the API's."""

import io
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from annotate.management.base import ToldCommand
from annotate.management.finding import project_named
from annotate.queue import QueueDown
from training import asking
from training.asking import MOST_TEXTS, Mention, Text
from training.engine.shelf import EncoderError
from training.line import NoAnswer, Nobody
from training.models import Version

PORTION = 5_000  # words of one request: a slow machine reads them well before who asks gives up
NOBODY = 3  # the exit code where no worker is there
HERE = "To read them in this process instead: --here."

Named = tuple[str, Text]  # where it comes from


class Command(ToldCommand):
    help = (
        "Tag texts with a project's current model. Exit code 0: done, 1: not done, with the reason, "
        "3: no worker or no queue"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("project", help="the project's short name, as in its address, or its name")
        parser.add_argument("files", nargs="+", help="a text each, in UTF-8; - is standard input")
        parser.add_argument("--lines", action="store_true", help="each line is a text of its own")
        parser.add_argument("--here", action="store_true", help="load the model in this process, without the worker")

    def handle(self, *args: Any, project: str, files: list[str], lines: bool, here: bool, **options: Any) -> None:
        try:
            version = asking.version_of(project_named(project))
        except NoAnswer as reason:
            raise CommandError(str(reason)) from reason
        texts = [named for name in files for named in _texts(name, lines)]
        found = [one for some in _portions(texts) for one in _read(version, some, here)]
        named = [(name, mentions) for (name, _), mentions in zip(texts, found, strict=True)]
        for name, mentions in named:
            for one in mentions:
                place = (name, one.start, one.end, one.label, f"{one.probability:.4f}", " ".join(one.text.split()))
                self.say("\t".join(map(str, place)))
        told = [{"name": name, "spans": [one._asdict() for one in mentions]} for name, mentions in named]
        self.answer({"status": "done", "version": version.number, "texts": told})


def _texts(name: str, lines: bool) -> Iterator[Named]:
    try:
        content = (sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{name} is not UTF-8 (byte {error.start:,}).") from error
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from error
    if not lines:
        yield name, Text.of(content)
        return
    # Not splitlines(), which also ends lines where no editor does.
    for number, line in enumerate(io.StringIO(content, newline=None), start=1):
        yield f"{name}:{number}", Text.of(line.removesuffix("\n"))


def _portions(texts: Sequence[Named]) -> Iterator[list[Named]]:
    """So many as one request may have, and few enough words to be answered in time."""
    some: list[Named] = []
    words = 0
    for named in texts:
        count = len(named[1].offsets)
        if some and (len(some) == MOST_TEXTS or words + count > PORTION):
            yield some
            some, words = [], 0
        some.append(named)
        words += count
    if some:
        yield some


def _read(version: Version, texts: Sequence[Named], here: bool) -> list[list[Mention]]:
    read = asking.here if here else _patiently
    try:
        return list(asking.mentions(version, [text for _, text in texts], read))
    except Nobody as nobody:
        raise CommandError(f"{nobody} {HERE}", returncode=NOBODY) from nobody
    except QueueDown as down:
        raise CommandError(f"{down} {HERE}", returncode=NOBODY) from down
    except (NoAnswer, EncoderError, OSError) as reason:
        raise CommandError(str(reason)) from reason


def _patiently(version: Version, texts: Sequence[Text]) -> Sequence[asking.Spans]:
    """As the API does, but where too much waits this waits as well."""
    while True:
        try:
            return asking.by_worker(version, texts)
        except NoAnswer as reason:
            if reason.retry_after is None:
                raise
            time.sleep(reason.retry_after)
