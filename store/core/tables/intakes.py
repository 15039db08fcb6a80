"""Imports under way, and what keeps their records from being seen before they have ended."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, and_, or_, select
from sqlalchemy.orm import (
    ColumnProperty,
    Mapped,
    MappedSQLExpression,
    column_property,
    mapped_column,
)
from sqlalchemy.sql import operators

from store.core.tables.base import Base, now


class Intake(Base):
    """The import of one file, from its first byte until it has ended or was taken away.

    While it is ``closed``, nobody sees its search, its file, its records or their reports. Opening
    it is one change of this row, so that all of them are seen at once. ``stage`` and ``position``
    say where a killed import goes on; ``owner`` is the process that does it now. A failed or
    cancelled one leaves only this row, with the ``reason``.
    """

    __tablename__ = "intake"
    __table_args__ = (
        Index("ix_intake_closed", "closed"),
        Index("ix_intake_review", "review_id", "id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    name: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    request: Mapped[dict[str, Any]] = mapped_column(default=dict)
    # Not a foreign key: the file is deleted if the import fails.
    batch_id: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(10))
    closed: Mapped[bool] = mapped_column(default=True)
    stage: Mapped[str] = mapped_column(String(10))
    position: Mapped[int] = mapped_column(Integer, default=0)
    total: Mapped[int | None] = mapped_column(Integer)
    starts: Mapped[int] = mapped_column(Integer, default=1)
    owner: Mapped[str | None] = mapped_column(String(40))
    heartbeat_at: Mapped[dt.datetime | None]
    reason: Mapped[str | None]
    started_at: Mapped[dt.datetime] = mapped_column(default=now)
    ended_at: Mapped[dt.datetime | None]


def is_shown(intake_id: Any) -> Any:
    """A condition on a column that refers to an import: there is none, or it has ended."""
    closed = select(Intake.id).where(Intake.closed.is_(True))
    return or_(intake_id.is_(None), intake_id.not_in(closed))


class _Shown(ColumnProperty.Comparator[bool]):
    """Makes ``.is_(True)`` the bare conditions, for which a database can use an index."""

    def operate(self, op: Any, *other: Any, **options: Any) -> Any:
        if op is operators.is_ and other == (True,):
            return self.__clause_element__()
        return super().operate(op, *other, **options)


def shown_property(counted: Any, intake_id: Any) -> MappedSQLExpression[bool]:
    """Whether a row counts and no import under way hides it."""
    return column_property(and_(counted.is_(True), is_shown(intake_id)), comparator_factory=_Shown)
