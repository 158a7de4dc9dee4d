"""The list of a project's articles."""

from typing import NamedTuple

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET

from annotate import search
from annotate.access import get_project
from annotate.answers import HtmxHttpRequest
from annotate.chosen import BadCursor, Cursor, Page
from annotate.exchange.formats import WRITERS
from annotate.filtering import STATE_NAMES, FilterForm
from annotate.listing import PAGE, Listing
from annotate.models import Document, DocumentLabel, Listed, Prediction, Project, Role, Source, Split, State
from annotate.models.document import excerpt
from annotate.trail import Trail

# The words of the states as rows show them, each with a mark of its own.
SHOWN = {
    State.RAW: ("○", STATE_NAMES[State.RAW]),
    "suggested": ("◌", "Suggested"),
    State.IN_PROGRESS: ("◐", STATE_NAMES[State.IN_PROGRESS]),
    State.FINISHED: ("●", STATE_NAMES[State.FINISHED]),
    "empty": ("∅", STATE_NAMES["empty"]),
}


class Row(NamedTuple):
    listed: Listed
    address: str
    heading: str
    excerpt: str
    state: str
    mark: str
    state_name: str
    labels: list[DocumentLabel]


@require_GET
@login_required
def documents(request: HtmxHttpRequest, slug: str) -> HttpResponse:
    project = get_project(request.user, slug)
    form = FilterForm(project, request.GET)
    form.is_valid()
    listing = form.listing()
    given = request.GET.get("at", "")
    try:
        page = listing.page(Cursor.read(given, listing.chosen.sort) if given else None)
    except BadCursor:
        form.add_error(None, "The address leads to no page of this list, so this is its beginning.")
        page = listing.page()
    return _render(request, listing, page, form)


def _render(request: HtmxHttpRequest, listing: Listing, page: Page, form: FilterForm) -> HttpResponse:
    project, is_whole = listing.project, page.is_first and page.next is None
    total = listing.total() if not is_whole else None
    fragment = "#found" if request.htmx and not request.htmx.history_restore_request else ""
    if not fragment:
        form.show_counts(listing.counts)
    context = {
        "project": project,
        "form": form,
        "page": page,
        "rows": _rows(project, page, form),
        "total": total.number if total else len(page.pks),
        "is_exact": total is None or total.is_exact,
        "query": form.query(),
        "given": form.given(),
        "splits": Split.choices,
        "writers": WRITERS,
        "filtered": bool(listing.chosen.filters),
        "wordless": bool(listing.chosen.q) and not search.phrases(listing.chosen.q),
        "last": Cursor(listing.chosen.sort, backward=True),
        "sources": listing.sources(),
        "may_manage": project.role_of(request.user) == Role.MANAGER,
        "lately": project.bulk_actions.select_related("undoes").defer("chosen", "undoes__chosen").order_by("-pk")[:3],
        "page_size": PAGE,
    }
    response = render(request, f"annotate/documents.html{fragment}", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _rows(project: Project, page: Page, form: FilterForm) -> list[Row]:
    """What a page shows, in as many queries for fifty articles as for one."""
    pks = page.pks
    listed = Listed.objects.in_bulk(pks)
    titles = Document.objects.filter(pk__in=pks).annotate(excerpt=excerpt())
    named = {pk: (title, excerpt) for pk, title, excerpt in titles.values_list("pk", "title", "excerpt")}
    labels: dict[int, list[DocumentLabel]] = {}
    counts = DocumentLabel.objects.filter(document__in=pks).select_related("label")
    for count in counts.order_by("label__position", "label"):
        labels.setdefault(count.document_id, []).append(count)
    suggested = _suggested(project, [row.pk for row in listed.values() if row.state == State.RAW])
    rows = []
    query = form.query() if form.is_narrowed() else None
    for pk, place in zip(pks, page.places, strict=True):
        if pk in listed and pk in named:  # else it was deleted while we looked
            state = "suggested" if pk in suggested else listed[pk].state
            if state == State.FINISHED and not listed[pk].tagged:
                state = "empty"
            address = Trail(query, str(place)).address(pk) if query is not None else reverse("document", args=[pk])
            rows.append(Row(listed[pk], address, *named[pk], state, *SHOWN[state], labels.get(pk, [])))
    return rows


def _suggested(project: Project, raw: list[int]) -> set[int]:
    """Which of these articles, not begun, open with suggestions."""
    said = Prediction.objects.filter(document__in=raw, document__split="train", cleared=None)
    ours = said.filter(source__kind=Source.Kind.IMPORT) | said.filter(source=project.current_source_id)
    return set(ours.values_list("document_id", flat=True))
