"""The other side of the doorbell, without Valkey."""

from typing import Any

from annotate.queue import QueueDown

Rung = list[tuple[Any, ...]]
DOWN = "The job queue does not answer."


class FakeQueue:
    """The doorbell's other side: who listens, what was rung for, and whether it answers."""

    def __init__(self) -> None:
        self.rung: Rung = []
        self.learning: list[int] = []  # the projects for which somebody is to learn at once
        self.workers = 1
        self.starting = False
        self.place: int | None = 1
        self.waiting = 0
        self.is_down = False

    def answer(self, value: Any) -> Any:
        if self.is_down:
            raise QueueDown(DOWN)
        return value

    def enqueue(self, *args: Any, **kwargs: Any) -> None:
        self.answer(None)
        if args[1] == "training.jobs.learn_at_once":
            self.learning.append(args[2])
        else:
            self.rung.append(args)
