"""Many rows at once: ids taken before the rows are written, and rows of plain values."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table, func, insert, select, text

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


def insert_plain_rows(
    session: WriteSession,
    model: type[Base],
    columns: Sequence[str],
    rows: Sequence[tuple[int | str | None, ...]],
) -> None:
    """Insert rows whose values need no conversion, by the driver alone.

    Args:
        session: a writing session.
        model: the class of the table.
        columns: their names, in the order of the values.
        rows: the values.
    """
    if not rows:
        return
    connection = session.connection()
    compiled = insert(table_of(model)).compile(
        dialect=connection.dialect, column_keys=list(columns)
    )
    names = compiled.positiontup
    if names is None:
        connection.exec_driver_sql(
            str(compiled), [dict(zip(columns, row, strict=True)) for row in rows]
        )
        return
    places = [columns.index(name) for name in names]
    if places != list(range(len(columns))):
        rows = [tuple(row[place] for place in places) for row in rows]
    connection.exec_driver_sql(str(compiled), list(rows))
