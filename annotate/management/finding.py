"""What the commands share: the project that an argument names."""

from django.core.management.base import CommandError

from annotate.models import Project


def project_named(name: str) -> Project:
    """The project with this short name, else the only one with this name. Raises CommandError, naming what there is."""
    found = list(Project.objects.filter(slug=name)) or list(Project.objects.filter(name=name))
    if len(found) == 1:
        return found[0]
    if found:
        slugs = ", ".join(project.slug for project in found)
        raise CommandError(f"Several projects are called “{name}”. Say which: {slugs}.")
    known = ", ".join(Project.objects.values_list("slug", flat=True)[:20]) or "none yet"
    raise CommandError(f"There is no project “{name}”. There is: {known}.")
