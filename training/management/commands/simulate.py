"""The bench of orders, on a project's own articles."""

from __future__ import annotations

import random
from argparse import ArgumentParser
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from annotate.management.base import ToldCommand, progress
from annotate.management.finding import project_named
from annotate.models import Project, Split
from training.snapshot import finished_gold, taught_by

if TYPE_CHECKING:
    from training.engine.articles import Article
    from training.engine.simulating import Plays

FEWEST, FEWEST_HELD_OUT = 20, 5  # finished articles, below which an order makes no difference


class Command(ToldCommand):
    help = (
        "Play an annotator who knows the tags of a project's finished articles, with the instant learner: how many "
        "articles each order of handing them out needs until F1 on the held-out ones is 95 % of what all of them give. "
        "Nothing is written. Exit code: 0 told, 1 it cannot be told, 2 wrong usage."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("project", help="its short name, as in its address, or its name")
        parser.add_argument("--seeds", type=int, default=3, help="how often each order is played (default %(default)s)")
        parser.add_argument(
            "--articles", type=int, default=300, metavar="N", help="drawn at random where there are more (%(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from training.engine.simulating import AT_ONCE, measure

        project = project_named(options["project"])
        if options["seeds"] < 1 or options["articles"] < FEWEST:
            raise CommandError(f"It takes a seed and {FEWEST} articles at least.", returncode=2)
        pool, held_out = (_finished(project, split, options["articles"]) for split in (Split.TRAIN, Split.VALIDATION))
        if len(pool) < FEWEST or len(held_out) < FEWEST_HELD_OUT:
            raise CommandError(
                f"It takes {FEWEST} finished articles for training and {FEWEST_HELD_OUT} held out for validation; "
                f"“{project}” has {len(pool)} and {len(held_out)}."
            )
        played = self._play(project, pool, held_out, options["seeds"], options["verbosity"] == 0)
        told = measure(played)
        counts = {"articles": len(pool), "held_out": len(held_out), "at_once": AT_ONCE}
        self.answer({"status": "done", "project": project.slug, **counts, **told})
        self.say(
            f"All {len(pool)} articles give F1 {told['whole_pool_f1']:.3f} on {len(held_out)} held out; "
            f"{told['goal_f1']:.3f} is reached, {AT_ONCE} articles at a time, after"
        )
        for name, needed in told["needed"].items():
            share = told["share_of_random"][name]["articles"]
            self.say(
                f"  {needed['articles']:6.1f} articles, {needed['edits']:7.1f} edits: {name} ({share:.0%} of random)"
            )

    def _play(self, project: Project, pool: list[Article], held_out: list[Article], seeds: int, quiet: bool) -> Plays:
        from training.engine.simulating import GOAL, ORDERS, Plays, Teacher, each_play, f1_of

        with progress("Playing", 1 + seeds * len(ORDERS), "play", quiet) as bar:
            teacher = Teacher(project.label_names())
            played = Plays({name: [] for name in ORDERS}, f1_of(teacher.learn(pool, held_out), held_out))
            if not played.whole_f1:
                raise CommandError("All articles together teach nothing that is right in the held-out ones.")
            bar.update()
            for _, name, rounds in each_play(teacher, pool, held_out, ORDERS, seeds, GOAL * played.whole_f1):
                played.rounds[name].append(rounds)
                bar.update()
        return played


def _finished(project: Project, split: str, most: int) -> list[Article]:
    """The finished articles of a split, `most` of them at random but always the same ones."""
    gold = finished_gold(project).filter(document__split=split)
    keys = list(gold.values_list("pk", flat=True))
    chosen = set(random.Random(0).sample(keys, min(most, len(keys))))  # noqa: S311 - no secret
    articles = (taught_by(annotation) for annotation in gold.iterator(chunk_size=100) if annotation.pk in chosen)
    return [article for article in articles if article.words]
