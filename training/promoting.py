"""Making a version current, for the page and for the API."""

from training.folders import folder_of
from training.models import Deleted, Version


class NotUsable(Exception):
    """A version that nothing can be predicted with any more; the message is a sentence for people."""


def make_current(version: Version) -> None:
    """Have people see this version's predictions, which are still to be rung for. Raises NotUsable."""
    if not version.deleted_at and not folder_of(version).is_dir():
        raise NotUsable(f"Version {version.number} cannot be used: its folder {version.folder} is gone.")
    try:
        version.promote()
    except Deleted as gone:
        raise NotUsable(f"{gone} It cannot be used again.") from gone
