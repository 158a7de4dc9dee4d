"""What the triggers of both databases write into the list's narrow rows."""

# ruff: noqa: S608 - no value of anybody's is in this SQL

# An import hides what it writes as deleted long ago; the index reads it when it is shown.
HIDDEN = "{row}.deleted_at < '2000-01-01'"
NOT_HIDDEN = "({row}.deleted_at IS NULL OR {row}.deleted_at >= '2000-01-01')"
LISTED = "id, project_id, title, source, date, token_count, state, split, flagged, tagged, changed"
_LISTED_FROM = """{d}.id, {d}.project_id, lower(substr({d}.title, 1, 100)), {d}.source, {d}.date, {d}.token_count,
    {d}.state, {d}.split, {d}.flagged, EXISTS (SELECT 1 FROM annotate_documentlabel WHERE document_id = {d}.id),
    coalesce((SELECT {changed} FROM annotate_annotation g WHERE g.document_id = {d}.id AND g.kind = 'gold'), 0)"""
_MILLISECONDS = {
    "sqlite": "CAST(round((julianday({moment}) - 2440587.5) * 86400000) AS INTEGER)",  # julianday counts from noon
    "postgresql": "CAST(extract(epoch FROM {moment}) * 1000 AS bigint)",
}
RELIST = """UPDATE annotate_listed SET project_id = new.project_id, title = lower(substr(new.title, 1, 100)),
    source = new.source, date = new.date, token_count = new.token_count, state = new.state, split = new.split,
    flagged = new.flagged WHERE id = new.id"""
UNLIST = "DELETE FROM annotate_listed WHERE id = old.id"
SHOWN = "title, source, date, token_count, state, split, flagged, project_id, deleted_at"
TAG = "UPDATE annotate_listed SET tagged = {true} WHERE id = new.document_id AND NOT tagged"
UNTAG = """UPDATE annotate_listed SET tagged = {false} WHERE id = old.document_id AND tagged
    AND NOT EXISTS (SELECT 1 FROM annotate_documentlabel WHERE document_id = old.document_id)"""


def listed_from(vendor: str, row: str) -> str:
    return _LISTED_FROM.format(d=row, changed=_MILLISECONDS[vendor].format(moment="g.updated_at"))


def enlist(vendor: str) -> str:
    return f"INSERT INTO annotate_listed ({LISTED}) SELECT {listed_from(vendor, 'new')}"


def change(vendor: str) -> str:
    """A gold annotation was written. One narrow row, and its place in the one index that has the moment."""
    moment = _MILLISECONDS[vendor].format(moment="new.updated_at")
    return f"UPDATE annotate_listed SET changed = {moment} WHERE id = new.document_id"
