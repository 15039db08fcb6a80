"""Many rows at once: ids taken before the rows are written, and rows without SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect, Table, func, insert, select, text

from store.core.session import WriteSession
from store.core.tables.base import Base


def table_of(model: type[Base]) -> Table:
    """The table of a class. Rows are inserted into it three times as fast as into the class."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


def take_ids(session: WriteSession, model: type[Base], number: int) -> list[int]:
    """Take the ids for a number of new rows, ascending.

    SQLite cannot say which of several inserted rows got which id, so SQLAlchemy would insert them
    one by one. There, nobody else writes until this transaction ends.
    """
    table = table_of(model)
    if session.get_bind().dialect.name == "sqlite":
        last = session.scalar(select(func.max(table.c.id))) or 0
        return list(range(last + 1, last + 1 + number))
    query = text(
        "SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :number)"
    )
    return sorted(session.scalars(query, {"name": table.name, "number": number}))


def insert_rows(
    session: WriteSession,
    model: type[Base],
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    skip_existing: bool = False,
) -> None:
    """Insert rows by the driver alone; SQLAlchemy would handle each value of each row.

    Values are converted a column at a time, where the column's type needs it.

    Args:
        session: a writing session.
        model: the class of the table.
        columns: their names, in the order of the values. All with a default in Python are named.
        rows: the values.
        skip_existing: leave out rows that are there already, instead of failing.
    """
    if not rows:
        return
    connection = session.connection()
    prepared = _prepare(table_of(model), connection.dialect, tuple(columns), skip_existing)
    values: dict[str, Iterable[Any]] = dict(zip(columns, zip(*rows, strict=True), strict=True))
    for name, convert in prepared.conversions:
        values[name] = map(convert, values[name])
    if prepared.order is None:
        named = [dict(zip(columns, row, strict=True)) for row in zip(*values.values(), strict=True)]
        connection.exec_driver_sql(prepared.statement, named)
        return
    placed = zip(*(values[name] for name in prepared.order), strict=True)
    connection.exec_driver_sql(prepared.statement, list(placed))


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement for a driver.

    Attributes:
        order: the columns in the order of the values; None if these go by name.
        conversions: of the values of some columns.
    """

    statement: str
    order: Sequence[str] | None
    conversions: Sequence[tuple[str, Callable[[Any], Any]]]


@lru_cache(maxsize=50)
def _prepare(
    table: Table, dialect: Dialect, columns: tuple[str, ...], skip_existing: bool
) -> _Prepared:
    """A statement built once: that takes as long as to insert some dozens of rows."""
    compiled = insert(table).compile(dialect=dialect, column_keys=list(columns))
    types = ((name, table.c[name].type.dialect_impl(dialect)) for name in columns)
    conversions = ((name, each.bind_processor(dialect)) for name, each in types)
    return _Prepared(
        f"{compiled} ON CONFLICT DO NOTHING" if skip_existing else str(compiled),
        compiled.positiontup,
        [(name, convert) for name, convert in conversions if convert is not None],
    )
