from argparse import ArgumentParser
from typing import Any

from annotate import statistics_files
from annotate.listing import Listing
from annotate.management.base import ToldCommand
from annotate.management.finding import project_named
from annotate.statistics import Statistics


class Command(ToldCommand):
    help = "Count what a project's articles hold, as CSV. Exit code: 0 counted, 1 no such project, 2 wrong usage."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("project")

    def handle(self, *args: Any, **options: Any) -> None:
        statistics = Statistics(Listing(project_named(options["project"])))
        if self.as_json:
            self.answer(statistics_files.told(statistics))
            return
        for line in statistics_files.csv_lines(statistics):
            self.say(line.rstrip("\r\n"))
