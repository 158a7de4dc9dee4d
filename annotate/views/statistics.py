"""What a project's articles hold, in figures: a page, its pictures, and files of the same."""

import codecs
import itertools
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from annotate import plots, statistics_files
from annotate.access import get_project
from annotate.answers import picture
from annotate.filtering import LONGEST_SEARCH, FilterForm
from annotate.models import Project, Role, Split
from annotate.statistics import LOOK_AGAIN, MOST_READ, BeingRead, Entities, Mentions, Several, Statistics

FILTERS = ("state", "split", "label", "source", "since", "until")  # that the page asks for; it knows the others, too
FREQUENT = 10  # mentions of each label that are shown
CONTESTED = 50
SPLITS = dict(Split.choices)


@require_GET
@login_required
def statistics(request: HttpRequest, slug: str) -> HttpResponse:
    project = get_project(request.user, slug)
    form = _form(request, project)
    listing = form.listing()
    found = Statistics(listing)
    articles, entities = found.articles(), found.entities()
    of = urlencode([*form.given(), ("of", found.revision())])
    context = {
        "project": project,
        "may_manage": project.role_of(request.user) == Role.MANAGER,
        "form": form,
        "shown": FILTERS,
        "filtered": bool(listing.chosen.filters),
        "said": form.words(),
        "query": form.query(),
        "plotted": of,
        "articles": [(SPLITS[row.split], row) for row in articles],
        "total": [sum(numbers) for numbers in list(zip(*articles, strict=True))[1:]],
        "by_label": _by_label(entities),
        "splits": [SPLITS[split] for split in _splits(entities)],
        "entities": sum(row.entities for row in entities),
        "lengths": found.lengths(),
        "density": found.density(),
        "blind": [(SPLITS[row.split], row) for row in found.blind()],
    }
    return render(request, "annotate/statistics.html", context)


@require_GET
@login_required
def statistics_mentions(request: HttpRequest, slug: str) -> HttpResponse:
    """The part of the page for which articles are read."""
    project = get_project(request.user, slug)
    form = _form(request, project)
    try:
        found = Statistics(form.listing()).mentions()
    except BeingRead:
        context = {"project": project, "query": form.query(), "again": LOOK_AGAIN}
        return render(request, "annotate/statistics.html#waiting", context)
    may_mark = project.role_of(request.user) in (Role.MANAGER, Role.ANNOTATOR)
    context = {
        "project": project,
        "found": found,
        "most": MOST_READ,
        "frequent": _frequent(found, project),
        "contested": [_contested(one, project, may_mark) for one in found.contested[:CONTESTED]],
    }
    return render(request, "annotate/statistics.html#mentions", context)


@require_GET
@login_required
def statistics_plot(request: HttpRequest, slug: str, which: str) -> HttpResponse:
    found = Statistics(_form(request, get_project(request.user, slug)).listing())
    if which == "lengths":
        return picture(plots.histogram(found.lengths(), "Tokens"))
    if which == "density":
        return picture(plots.histogram(found.density(), "Entities in 100 tokens"))
    raise Http404("There is no such plot.")


@require_GET
@login_required
def statistics_file(request: HttpRequest, slug: str, kind: str) -> HttpResponseBase:
    project = get_project(request.user, slug)
    form = FilterForm(project, request.GET)
    if not form.is_valid():
        raise BadRequest(" ".join(form.reasons()))
    try:
        response = _file(Statistics(form.listing()), kind)
    except BeingRead as busy:
        again = {"Retry-After": str(LOOK_AGAIN)}
        return HttpResponse(str(busy), status=503, content_type="text/plain; charset=utf-8", headers=again)
    response["Content-Disposition"] = f'attachment; filename="{project.slug}-statistics.{kind}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _file(found: Statistics, kind: str) -> HttpResponseBase:
    if kind == "json":
        return JsonResponse(statistics_files.told(found), json_dumps_params={"ensure_ascii": False, "indent": 1})
    if kind == "csv":
        lines = (line.encode() for line in statistics_files.csv_lines(found))
        marked = itertools.chain([codecs.BOM_UTF8], lines)  # without the mark, Excel takes it for another encoding
        return StreamingHttpResponse(marked, content_type="text/csv; charset=utf-8")
    raise Http404("There is no such file.")


def _form(request: HttpRequest, project: Project) -> FilterForm:
    form = FilterForm(project, request.GET)
    form.is_valid()
    return form


def _splits(entities: list[Entities]) -> list[str]:
    return [split for split in Split.values if any(row.split == split for row in entities)]


def _by_label(entities: list[Entities]) -> list[tuple[str, list[int], int]]:
    """Each label with how many entities of it each split has, and all together."""
    splits = _splits(entities)
    counts = {(row.label, row.split): row.entities for row in entities}
    labels = dict.fromkeys(row.label for row in entities)
    rows = [(label, [counts.get((label, split), 0) for split in splits]) for label in labels]
    return [(label, row, sum(row)) for label, row in rows]


def _frequent(found: Mentions, project: Project) -> list[dict[str, Any]]:
    colors = {label.name: label.color for label in project.label_list}
    return [
        {
            "label": label,
            "color": colors.get(label, 0),
            "different": found.different[label],
            "rows": [(row, _listed(project, row.mention, label)) for row in rows[:FREQUENT]],
        }
        for label, rows in found.frequent.items()
    ]


def _contested(one: Several, project: Project, may_mark: bool) -> dict[str, Any]:
    """A mention with its labels, each with the address of the articles that have both; and where all are looked for."""
    asked = urlencode({"text": one.mention, "label": one.labels[0][0]})
    return {
        "mention": one.mention,
        "address": f"{reverse('mentions', args=[project.slug])}?{asked}" if may_mark else "",
        "labels": [(label, count, _listed(project, one.mention, label)) for label, count in one.labels],
    }


def _listed(project: Project, mention: str, label: str) -> str:
    """The list of finished articles with these words and this label; empty for what is longer than a search may be."""
    words = '"' + mention.replace('"', " ") + '"'
    if len(words) > LONGEST_SEARCH:
        return ""
    return f"{reverse('documents', args=[project.slug])}?{urlencode({'q': words, 'label': label, 'state': 'finished'})}"
