"""The version that an argument of a command names."""

from django.core.management.base import CommandError

from annotate.management.finding import project_named
from training.folders import folder_of
from training.models import Version


def version_named(name: str) -> Version:
    """The version of `PROJECT/NUMBER`, or the current one of `PROJECT`, with its folder there. Raises CommandError."""
    slug, _, number = name.rpartition("/")
    project = project_named(slug if slug else name)
    if slug and not number.removeprefix("v").isdecimal():
        raise CommandError(f"“{name}” names no version: write {project.slug}/3 for version 3.")
    wanted = project.versions.filter(number=int(number.removeprefix("v"))) if slug else project.versions.none()
    version = wanted.first() if slug else Version.current_of(project)
    if version is None:
        there = ", ".join(str(number) for number in project.versions.values_list("number", flat=True)[:20])
        lacking = f"no version {number}" if slug else "no current model"
        raise CommandError(f"“{project}” has {lacking}. Its versions are: {there or 'none yet'}.")
    if not folder_of(version).is_dir():
        raise CommandError(version.why_gone or f"The folder {version.folder} of version {version.number} is gone.")
    return version
