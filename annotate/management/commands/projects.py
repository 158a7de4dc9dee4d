from argparse import ArgumentParser
from typing import Any

from annotate.management.base import ToldCommand
from annotate.management.finding import project_named
from annotate.models import Project


class Command(ToldCommand):
    help = "List the projects, or tell of one. Exit code: 0 told, 1 there is no such project, 2 wrong usage."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("project", nargs="?", help="its short name, as in its address, or its name")

    def handle(self, *args: Any, **options: Any) -> None:
        from annotate.api.projects import plain, states_of  # with what the API needs, which other commands do not

        named = options["project"]
        found = [project_named(named)] if named else list(Project.objects.select_related("current_source"))
        states = states_of(found)
        for project in found:
            outcome = plain(project, states.get(project.pk, {}))
            self.answer(outcome)
            self._tell(outcome)
        if not found:
            self.say("There is no project yet: make one with create_project.")

    def _tell(self, outcome: dict[str, Any]) -> None:
        articles, current = outcome["articles"], outcome["current"]
        self.say(
            f"{outcome['slug']}  {outcome['name']}: {sum(articles.values()):,} articles, "
            f"{articles['finished']:,} finished; {', '.join(label['name'] for label in outcome['labels'])}; "
            + (f"{current['kind']} {current['number']} suggests" if current else "nobody suggests")
        )
