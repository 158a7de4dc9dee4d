"""Queries that are built once and asked often.

Django builds a query anew each time it is asked: on a slow processor a millisecond, where the database answers in a
twentieth of it, and an edit asks a dozen. A prepared query is written as any other, with slots where its values go. It
is compiled when a connection asks it first, and from then on only asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.models.expressions import Expression
from django.db.models.query import FlatValuesListIterable, ModelIterable, ValuesListIterable, get_related_populators
from django.db.models.sql import InsertQuery, UpdateQuery

Row = TypeVar("Row")

# What a database may want in a form of its own where rows are looked for by it; the rest goes as it is.
_FIELDS: dict[type, models.Field[Any, Any]] = {UUID: models.UUIDField(), datetime: models.DateTimeField()}


class Slot(Expression):
    """The place of a value that comes with each asking; `stored_in` is the field it is written to."""

    def __init__(self, position: int, stored_in: Any = None) -> None:
        super().__init__()
        self.position = position
        self.stored_in = stored_in

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def written(self, value: Any, connection: Any) -> Any:
        """The value as the database takes it."""
        if self.stored_in is not None:
            return self.stored_in.get_db_prep_save(value, connection)
        if value is None:
            raise ValueError("A prepared query compares by =, which finds no NULL.")
        field = _FIELDS.get(type(value))
        return field.get_db_prep_value(value, connection) if field else value


def prepared(build: Callable[..., models.QuerySet[Any, Row]]) -> Callable[..., list[Row]]:
    """The rows of the query that `build` makes of its values, in a list.

    `build` is called with slots, once for each connection: what it makes may not depend on the values, and none of them
    is ever None. Rows are locked (`select_for_update`) inside a transaction only, as ever.
    """

    @wraps(build)
    def ask(*values: Any) -> list[Row]:
        select = _kept(build, lambda: _Select(build(*_slots(len(values)))))
        return cast("list[Row]", select.rows(values))

    return ask


def prepared_update(*names: str) -> Callable[[Callable[..., models.QuerySet[Any]]], Callable[..., int]]:
    """Writes these fields into the rows of the query that `build` makes of its values, and returns how many they were:
    called with the values first and the fields by name. As with `update`, no row is loaded and no signal sent.
    """

    def decorate(build: Callable[..., models.QuerySet[Any]]) -> Callable[..., int]:
        @wraps(build)
        def write(*values: Any, **changes: Any) -> int:
            update = _kept(build, lambda: _Update(build(*_slots(len(values))), names, len(values)))
            return cast("int", update.write((*values, *(changes[name] for name in names))))

        return write

    return decorate


def insert(rows: Sequence[models.Model]) -> None:
    """Add new rows of one model as `bulk_create` does, the quicker for a single one: no signal is sent."""
    if len(rows) == 1:
        model = type(rows[0])
        _kept((insert, model), lambda: _Insert(model)).add(rows[0])
    elif rows:
        type(rows[0])._default_manager.bulk_create(rows)


def insert_plain(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[int]]) -> None:
    """Add rows of numbers alone, many for each article: as objects they would take longer than all the rest of it.
    `names` are all fields of the model but its key; no signal is sent.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    quoted = connection.ops.quote_name
    columns = ", ".join(quoted(cast("Any", model._meta.get_field(name)).column) for name in names)
    marks = ", ".join(["%s"] * len(names))
    with transaction.mark_for_rollback_on_error(DEFAULT_DB_ALIAS), connection.cursor() as cursor:
        sql = f"INSERT INTO {quoted(model._meta.db_table)} ({columns}) VALUES ({marks})"  # noqa: S608 - names alone
        cursor.executemany(sql, list(rows))


def _slots(count: int) -> list[Slot]:
    return [Slot(position) for position in range(count)]


def _kept(build: Any, compiled: Callable[[], Any]) -> Any:
    """What `build` was compiled to on this thread's connection."""
    kept: dict[Any, Any] = connections[DEFAULT_DB_ALIAS].__dict__.setdefault("tagdesk_prepared", {})
    if build not in kept:
        kept[build] = compiled()
    return kept[build]


class _Compiled:
    """SQL with slots among its parameters."""

    def __init__(self, compiler: Any) -> None:
        self.compiler = compiler
        self.sql, self.parameters = compiler.as_sql()

    def filled(self, values: Sequence[Any]) -> tuple[Any, ...]:
        connection = self.compiler.connection
        return tuple(
            given.written(values[given.position], connection) if isinstance(given, Slot) else given
            for given in self.parameters
        )


class _Select(_Compiled):
    """It makes of the rows what the queryset's own iterable would, having found out once what that is."""

    def __init__(self, queryset: Any) -> None:
        super().__init__(queryset.query.get_compiler(using=DEFAULT_DB_ALIAS))
        if queryset._known_related_objects or queryset._prefetch_related_lookups:
            raise TypeError("What a prepared query finds is made of its own columns alone.")
        converters = self.compiler.get_converters([column[0] for column in self.compiler.select])
        self.converters = [(place, *found) for place, found in converters.items()]
        self.made = _maker(queryset, self.compiler)
        self.locks = queryset.query.select_for_update

    def rows(self, values: Sequence[Any]) -> list[Any]:
        connection = self.compiler.connection
        if self.locks and connection.get_autocommit():
            raise transaction.TransactionManagementError("Rows are locked outside of a transaction.")
        with connection.cursor() as cursor:
            cursor.execute(self.sql, self.filled(values))
            found = cursor.fetchall()
        return [self.made(self._converted(row, connection)) for row in found]

    def _converted(self, row: Sequence[Any], connection: Any) -> Sequence[Any]:
        if not self.converters:
            return row
        converted = list(row[: self.compiler.col_count])
        for place, converters, expression in self.converters:
            for convert in converters:
                converted[place] = convert(converted[place], expression, connection)
        return converted


def _maker(queryset: Any, compiler: Any) -> Callable[[Sequence[Any]], Any]:
    """What a row becomes: an object, a tuple or a value. As Django's `ModelIterable` and its kin have it."""
    if issubclass(queryset._iterable_class, FlatValuesListIterable):
        return lambda row: row[0]
    if issubclass(queryset._iterable_class, ValuesListIterable):
        return tuple
    if not issubclass(queryset._iterable_class, ModelIterable):
        raise TypeError("A prepared query finds objects of a model, or lists of values.")
    model, columns = compiler.klass_info["model"], compiler.klass_info["select_fields"]
    own = slice(columns[0], columns[-1] + 1)
    names = [column[0].target.attname for column in compiler.select[own]]
    populators = get_related_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]
    annotations = list((compiler.annotation_col_map or {}).items())

    def made(row: Sequence[Any]) -> Any:
        found = model.from_db(DEFAULT_DB_ALIAS, names, row[own])
        for populator in populators:
            populator.populate(row, found)
        for name, place in annotations:
            setattr(found, name, row[place])
        return found

    return made


class _Update(_Compiled):
    def __init__(self, queryset: Any, names: Sequence[str], first: int) -> None:
        query = queryset.query.chain(UpdateQuery)
        fields = [queryset.model._meta.get_field(name) for name in names]
        query.add_update_values({field.name: Slot(place, field) for place, field in enumerate(fields, first)})
        super().__init__(query.get_compiler(using=DEFAULT_DB_ALIAS))

    def write(self, values: Sequence[Any]) -> int:
        with transaction.mark_for_rollback_on_error(DEFAULT_DB_ALIAS), self.compiler.connection.cursor() as cursor:
            cursor.execute(self.sql, self.filled(values))
            return cast("int", cursor.rowcount)


class _Insert(_Compiled):
    """One row's INSERT, which gives its key back."""

    def __init__(self, model: Any) -> None:
        query = InsertQuery(model)
        self.fields = [field for field in model._meta.concrete_fields if not field.primary_key]
        slots = {field.attname: Slot(place, field) for place, field in enumerate(self.fields)}
        query.insert_values(self.fields, [model(**dict.fromkeys(slots))])
        compiler = query.get_compiler(using=DEFAULT_DB_ALIAS)
        compiler.returning_fields = [model._meta.pk]
        [(self.sql, _)] = compiler.as_sql()
        self.compiler, self.parameters = compiler, list(slots.values())

    def add(self, row: Any) -> None:
        row._prepare_related_fields_for_save("insert")  # what it points at may have got its key since
        values = [field.pre_save(row, add=True) for field in self.fields]
        with transaction.mark_for_rollback_on_error(DEFAULT_DB_ALIAS), self.compiler.connection.cursor() as cursor:
            cursor.execute(self.sql, self.filled(values))
            [row.pk] = cursor.fetchone()
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
