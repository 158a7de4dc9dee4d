"""What a worker may run: whoever can write to the queue must not be able to name `os.system`."""

from collections.abc import Callable
from importlib import import_module
from inspect import isfunction
from typing import Any

from rq.job import Job

MODULES = ("annotate.jobs", "training.jobs")


class JobRefused(Exception):
    """The job names something that no worker runs."""


def allowed_function(name: object) -> Callable[..., Any]:
    """The public function defined in one of MODULES. Raises JobRefused before anything else is imported."""
    module_name, _, function_name = name.rpartition(".") if isinstance(name, str) else ("", "", "")
    if module_name not in MODULES or function_name.startswith("_"):
        raise JobRefused(f"{name!r} is not a job of Tagdesk's")
    function = getattr(import_module(module_name), function_name, None)
    if not isfunction(function) or function.__module__ != module_name:
        raise JobRefused(f"{name!r} is not a function of {module_name}")
    return function


class AllowedJob(Job):
    """A job as workers see it. RQ imports and calls what `func` names, and the callbacks: the guard sits there."""

    @property
    def func(self) -> Callable[..., Any]:
        if self.instance is not None:
            raise JobRefused("a job of Tagdesk's is a plain function, not a method")
        return allowed_function(self.func_name)

    @property
    def success_callback(self) -> None:
        return None

    @property
    def failure_callback(self) -> None:
        return None

    @property
    def stopped_callback(self) -> None:
        return None

    def send_webhooks(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: no job of ours has any, so an address here is a stranger's."""
