"""The list of a project's articles: filtered, sorted, paged by key, counted.

The SQL is written by hand, since what decides is where it begins: at the index of words, at a label's articles, at what
a model has said, or at the list itself. Each begins in the order of the page, so that a page costs the same wherever
it stands; `CROSS JOIN` keeps SQLite from beginning elsewhere, and is an ordinary join to PostgreSQL.
"""

# ruff: noqa: S608 - what people give is in the parameters
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import Count, Q

from annotate import search
from annotate.chosen import SORTS, Chosen, Cursor, Page, Total
from annotate.models import DocumentLabel, Listed, Project, Source, State, Tally

PAGE = 50
COUNTED = 1_000  # a free combination of filters is counted as far as this
CHUNK = 500  # ids read at a time where all are wanted
Counts = dict[tuple[str, str], int]  # of articles, by facet and its value

# Where a state begins in the list; the last two are also among those before them.
STATES = {
    "raw": "l.state = 'raw'",
    "suggested": "l.state = 'raw' AND l.split = 'train'",
    "in_progress": "l.state = 'in_progress'",
    "finished": "l.state = 'finished'",
    "empty": "l.state = 'finished' AND NOT l.tagged",
}

# The index that has the list in the order of a column.
_SORTED = {
    "l.title": "listed_title",
    "l.date": "listed_date",
    "l.token_count": "listed_length",
    "l.changed": "listed_changed",
}


@dataclass
class Query:
    """The parts of one SELECT, and the parameters of its conditions in their order."""

    tables: list[str]
    pk: str
    conditions: list[str] = field(default_factory=list)
    params: list[Any] = field(default_factory=list)

    def where(self, condition: str, *params: Any) -> None:
        self.conditions.append(condition)
        self.params.extend(params)

    def select(self, what: str, rest: str) -> str:
        tables = " CROSS JOIN ".join(self.tables)
        return f"SELECT {what} FROM {tables} WHERE {' AND '.join(self.conditions)} {rest}"


def _by(index: str) -> str:
    """Which index SQLite is to take: it keeps no figures of its own to choose by, PostgreSQL does."""
    return f" INDEXED BY {index}" if connection.vendor == "sqlite" else ""


@dataclass
class Listing:
    project: Project
    chosen: Chosen = field(default_factory=Chosen)

    def page(self, cursor: Cursor | None = None, size: int | None = None) -> Page:
        """The articles behind the cursor, or before it. Constant in cost wherever it stands."""
        backward = cursor is not None and cursor.backward
        size = size or PAGE
        places = self._places(cursor, size + 1)
        more, places = len(places) > size, places[:size]
        if backward:
            places.reverse()
        before, behind = (
            (more, cursor is not None and cursor.pk is not None) if backward else (cursor is not None, more)
        )
        return Page(
            places,
            previous=places[0]._replace(backward=True) if places and before else None,
            next=places[-1] if places and behind else None,
            is_first=cursor is None,
        )

    def step(self, cursor: Cursor) -> Cursor | None:
        """The place of the next article behind the cursor, or before it."""
        return next(iter(self._places(cursor, 1)), None)

    def count_from(self, cursor: Cursor) -> int:
        """How many articles are behind the cursor, or before it: exact as far as COUNTED, one more stands for all."""
        column, descending = SORTS[self.chosen.sort]
        query = self._query(column)
        self._go_to(query, column, cursor, falling=descending != cursor.backward)
        return self._count(query, f"LIMIT {COUNTED + 1}")

    def total(self) -> Total:
        """Exact without a filter and for one of state, split, label, source and flag alone; else as far as COUNTED."""
        facet = self._facet()
        if facet is not None and connection.vendor == "sqlite":
            return Total(self.counts.get(facet, 0))
        if not self.chosen.filters:
            return Total(
                sum(self.counts[("state", state)] for state in State.values if ("state", state) in self.counts)
            )
        query = self._query("")
        number = self._count(query, "" if facet else f"LIMIT {COUNTED + 1}")
        return Total(number) if facet or number <= COUNTED else Total(COUNTED, is_exact=False)

    @cached_property
    def counts(self) -> Counts:
        """How many articles have each state ("empty" is one), each split, each label (by id), the chosen source, the
        flag.
        """
        if connection.vendor == "sqlite":
            kept = Tally.objects.filter(project=self.project).filter(
                Q(facet__in=("state", "split", "label", "flagged")) | Q(facet="source", value=self.chosen.source)
            )
            return {(facet, value): count for facet, value, count in kept.values_list("facet", "value", "count")}
        listed = Listed.objects.filter(project=self.project).order_by()
        labels = DocumentLabel.objects.filter(label__project=self.project, document__deleted_at=None).order_by()
        special = listed.aggregate(
            empty=Count("pk", filter=Q(state=State.FINISHED, tagged=False)), flagged=Count("pk", filter=Q(flagged=True))
        )
        found = {("state", "empty"): special["empty"], ("flagged", "1"): special["flagged"]}
        if self.chosen.source:
            found["source", self.chosen.source] = listed.filter(source=self.chosen.source).count()
        found |= {("state", state): n for state, n in listed.values_list("state").annotate(Count("pk"))}
        found |= {("split", split): n for split, n in listed.values_list("split").annotate(Count("pk"))}
        return found | {("label", str(pk)): n for pk, n in labels.values_list("label").annotate(Count("pk"))}

    def sources(self) -> list[str]:
        """The first publications by name, to choose from."""
        if connection.vendor == "sqlite":
            kept = Tally.objects.filter(project=self.project, facet="source", count__gt=0, value__gt="")
            return list(kept.order_by("value").values_list("value", flat=True)[:PAGE])
        named = Listed.objects.filter(project=self.project, source__gt="")
        return list(named.order_by("source").values_list("source", flat=True).distinct()[:PAGE])

    def chunks(self, after: int = 0, up_to: int = 2**62) -> Iterator[list[int]]:
        """The ids of all that is found, in the order of arrival, some at a time."""
        while True:
            query = self._query("")
            query.where(f"{query.pk} > %s AND {query.pk} <= %s", after, up_to)
            pks = [pk for (pk,) in self._rows(query, query.pk, f"ORDER BY {query.pk} LIMIT {CHUNK}")]
            if pks:
                yield pks
            if len(pks) < CHUNK:
                return
            after = pks[-1]

    def ids(self) -> tuple[str, list[Any]]:
        """The ids of all that is found as an SQL query, and its parameters."""
        query = self._query("")
        return query.select(query.pk, ""), query.params

    def _facet(self) -> tuple[str, str] | None:
        """The one facet that is filtered by, where its count is exact."""
        chosen = self.chosen
        if len(chosen.filters) != 1 or chosen.sort == "unsure":
            return None
        facets = {
            "state": chosen.state if chosen.state != "suggested" else "",
            "split": chosen.split,
            "label": str(chosen.label or ""),
            "source": chosen.source,
            "flagged": "1" if chosen.flagged else "",
        }
        return next(((name, value) for name, value in facets.items() if value), None)

    def _query(self, column: str) -> Query:
        """All conditions, from where the fewest rows have to be looked at. `column` is what the rows are sorted by."""
        chosen = self.chosen
        sources = self._sources() if chosen.state == "suggested" else []
        said = chosen.unsure is not None or chosen.sort == "unsure"
        facet, few = self._narrowest()
        if words := search.phrases(chosen.q):
            key = "w.rowid" if connection.vendor == "sqlite" else "w.id"
            query = Query(["annotate_words w", "annotate_listed l"], key)
            condition, params = search.condition(words)
            query.where(f"{condition} AND l.id = {key}", *params)
        elif chosen.label is not None:
            query = Query(["annotate_documentlabel c", "annotate_listed l"], "c.document_id")
            query.where("c.label_id = %s AND l.id = c.document_id", chosen.label)
        elif not few and (said or sources == [self.project.current_source_id]):
            # In the order of doubt only where all that comes is wanted: what is not would be looked up far and wide.
            in_order = column.startswith("p.") and chosen.filters <= {"unsure"}
            index = "prediction_most_unsure" if in_order else "prediction_of_source"
            query = Query([f"annotate_prediction p{_by(index)}", "annotate_listed l"], "p.document_id")
            query.where("l.id = p.document_id")
        else:
            index = facet or _SORTED.get(column if not chosen.filters else "", "listed_all")
            query = Query([f"annotate_listed l{_by(index)}"], "l.id")
        self._narrow(query, bool(words), sources, said)
        return query

    def _narrowest(self) -> tuple[str, bool]:
        """The index of the filter that leaves the fewest articles, as far as that is counted; and if these are few.
        PostgreSQL finds the index by itself and has nothing counted to ask: there the list goes first wherever a filter
        narrows it, except in the order of doubt.
        """
        chosen = self.chosen
        facets = {
            ("listed_empty" if chosen.state == "empty" else "listed_state"): ("state", chosen.state),
            "listed_split": ("split", chosen.split),
            "listed_source": ("source", chosen.source),
            "listed_flagged": ("flagged", "1" if chosen.flagged else ""),
        }
        given = {index: facet for index, facet in facets.items() if facet[1] not in {"", "suggested"}}
        if connection.vendor != "sqlite":
            return "", bool(given) and chosen.sort != "unsure"
        left = {index: self.counts.get(facet, 0) for index, facet in given.items()}
        every = sum(self.counts.get(("state", state), 0) for state in State.values)
        index = min(left, key=lambda name: left[name], default="")
        return index, bool(index) and left[index] * 4 < every

    def _narrow(self, query: Query, is_searched: bool, sources: list[int], said: bool) -> None:
        chosen = self.chosen
        query.where("l.project_id = %s", self.project.pk)
        if chosen.q and not is_searched:
            query.where("1 = 0")  # no word in it
        if is_searched and chosen.label is not None:
            query.where(
                "EXISTS (SELECT 1 FROM annotate_documentlabel c WHERE c.label_id = %s AND c.document_id = l.id)",
                chosen.label,
            )
        has_said = query.pk == "p.document_id"
        if said and not has_said:
            query.tables.append(f"annotate_prediction p{_by('prediction_of_source')}")
            query.where("p.document_id = l.id")
        if said or has_said:
            query.where("p.source_id = %s AND p.cleared IS NULL", self.project.current_source_id or 0)
        if said:
            query.where("p.uncertainty >= %s", chosen.unsure or 0.0)
        if chosen.state:
            query.where(STATES[chosen.state])
        if chosen.state == "suggested" and (said or not has_said):
            any_of = ", ".join(["%s"] * len(sources)) or "NULL"
            query.where(
                "EXISTS (SELECT 1 FROM annotate_prediction s WHERE s.document_id = l.id AND s.cleared IS NULL "
                f"AND s.source_id IN ({any_of}))",
                *sources,
            )
        if chosen.split:
            query.where("l.split = %s", chosen.split)
        if chosen.source:
            query.where("l.source = %s", chosen.source)
        if chosen.since or chosen.until:
            # What is no date in digits sorts behind them all.
            query.where("l.date >= %s AND l.date < %s", chosen.since or "0", chosen.until or "9999-12-32")
        if chosen.flagged:
            query.where("l.flagged")

    def _places(self, cursor: Cursor | None, limit: int) -> list[Cursor]:
        """Of the articles that follow, the nearest first."""
        sort = self.chosen.sort
        column, descending = SORTS[sort]
        query, falling = self._query(column), descending
        if cursor is not None:
            falling = descending != cursor.backward
            if cursor.pk is not None:
                self._go_to(query, column, cursor, falling)
        order = "DESC" if falling else "ASC"
        columns = [column, query.pk] if column else [query.pk]
        rest = f"ORDER BY {', '.join(f'{name} {order}' for name in columns)} LIMIT {limit}"
        rows = self._rows(query, f"{query.pk}, {column or 'NULL'}", rest)
        return [Cursor(sort, False, key, pk) for pk, key in rows]

    def _go_to(self, query: Query, column: str, cursor: Cursor, falling: bool) -> None:
        sign = "<" if falling else ">"
        if column:
            query.where(f"({column}, {query.pk}) {sign} (%s, %s)", cursor.key, cursor.pk)
        else:
            query.where(f"{query.pk} {sign} %s", cursor.pk)

    def _sources(self) -> list[int]:
        """Whose suggestions an article opens with: the current model's, and those of imports."""
        imports = self.project.sources.filter(kind=Source.Kind.IMPORT).values_list("pk", flat=True)
        current = self.project.current_source_id
        return [*([current] if current else []), *(pk for pk in imports if pk != current)]

    def _count(self, query: Query, rest: str) -> int:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM ({query.select('1 AS one', rest)}) AS found", query.params)
            return int(cursor.fetchone()[0])

    def _rows(self, query: Query, what: str, rest: str) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(query.select(what, rest), query.params)
            return list(cursor.fetchall())
