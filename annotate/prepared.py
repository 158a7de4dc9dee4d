"""Queries that are built once and asked often.

Django builds a query anew each time it is asked: on a slow processor a millisecond, where the database answers in a
twentieth of it, and an edit asks a dozen. A prepared query is written as any other, with slots where its values go. It
is compiled when a connection asks it first, and from then on only asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.models.expressions import Expression
from django.db.models.sql import UpdateQuery

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


def _slots(count: int) -> list[Slot]:
    return [Slot(position) for position in range(count)]


def _kept(build: Any, compiled: Callable[[], Any]) -> Any:
    """What `build` was compiled to on this thread's connection."""
    kept: dict[Any, Any] = connections[DEFAULT_DB_ALIAS].__dict__.setdefault("tagdesk_prepared", {})
    if build not in kept:
        kept[build] = compiled()
    return kept[build]


class _Compiled:
    """SQL with slots among its parameters, and the compiler that made it, which from now on answers with both."""

    def __init__(self, compiler: Any) -> None:
        self.compiler = compiler
        self.sql, self.parameters = compiler.as_sql()
        self.values: Sequence[Any] = ()
        compiler.as_sql = lambda *args, **kwargs: (self.sql, self._filled())

    def _filled(self) -> tuple[Any, ...]:
        connection = self.compiler.connection
        return tuple(
            given.written(self.values[given.position], connection) if isinstance(given, Slot) else given
            for given in self.parameters
        )


class _Select(_Compiled):
    """It stands in for the query of its own queryset, so that Django makes objects of the rows as it ever does."""

    def __init__(self, queryset: Any) -> None:
        super().__init__(queryset.query.get_compiler(using=DEFAULT_DB_ALIAS))
        converters = self.compiler.get_converters([column[0] for column in self.compiler.select])
        self.compiler.get_converters = lambda expressions: converters
        self.queryset = queryset
        self.locks = queryset.query.select_for_update
        queryset._query = self

    def get_compiler(self, *args: Any, **kwargs: Any) -> Any:
        return self.compiler

    def rows(self, values: Sequence[Any]) -> list[Any]:
        if self.locks and self.compiler.connection.get_autocommit():
            raise transaction.TransactionManagementError("Rows are locked outside of a transaction.")
        self.values = values
        return list(self.queryset._iterable_class(self.queryset))


class _Update(_Compiled):
    def __init__(self, queryset: Any, names: Sequence[str], first: int) -> None:
        query = queryset.query.chain(UpdateQuery)
        fields = [queryset.model._meta.get_field(name) for name in names]
        query.add_update_values({field.name: Slot(place, field) for place, field in enumerate(fields, first)})
        super().__init__(query.get_compiler(using=DEFAULT_DB_ALIAS))

    def write(self, values: Sequence[Any]) -> int:
        self.values = values
        with transaction.mark_for_rollback_on_error(DEFAULT_DB_ALIAS), self.compiler.connection.cursor() as cursor:
            cursor.execute(*self.compiler.as_sql())
            return cast("int", cursor.rowcount)
