from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from annotate.management.base import ToldCommand
from training.folders import folder_of
from training.naming import version_named


class Command(ToldCommand):
    help = (
        "Write a version as ONNX, with its tokenizer, into a new folder. Exit code 0: written, 1: not, with the reason"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("version", help="PROJECT/NUMBER, as in city-desk/3; PROJECT alone is its current model")
        parser.add_argument("folder", type=Path, help="where to; must not be there yet")
        parser.add_argument(
            "--eight-bits", action="store_true", help="weights in 8 bits: smaller, faster, and not quite equal"
        )

    def handle(self, *args: Any, version: str, folder: Path, eight_bits: bool, **options: Any) -> None:
        from training.engine import onnx
        from training.engine.shelf import EncoderError

        found = version_named(version)
        if folder.exists():
            raise CommandError(f"{folder} is there already. Name a folder that is not.")
        try:
            onnx.write_folder(folder_of(found), folder, eight_bits)
        except (onnx.NotExported, EncoderError, OSError) as error:
            raise CommandError(f"Version {found.number} was not written: {error}") from error
        self.say(f"Version {found.number} is in {folder}")
        self.answer({"status": "done", "version": found.number, "folder": str(folder)})
