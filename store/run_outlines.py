"""Runs without their counts: when each source was last gone through."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from store.session import ReadSession
from store.tables import Run, Search

# What the problem of a run begins with that was ended by somebody.
CUT = "ended before its end"


@dataclass(frozen=True, slots=True)
class Outline:
    """A run without its counts: a living review has thousands; see ``RunInfo``."""

    id: int
    source: str
    state: str
    mode: str
    until: str | None
    cut: bool
    stop_reason: str | None
    night_id: int | None
    started_at: dt.datetime

    @property
    def good(self) -> bool:
        """Whether it went through all that it asked for."""
        return self.state in ("complete", "incomplete") and not self.cut

    @property
    def day(self) -> dt.date:
        """The day that it was run on."""
        return dt.date.fromisoformat(self.until) if self.until else self.started_at.date()


def everything(session: ReadSession, review_id: int) -> list[Outline]:
    """All runs of a review without their counts, oldest first."""
    return _outlines(session, Search.review_id == review_id)


def of_line(
    session: ReadSession, review_id: int, source: str, strategy_id: int, line: str
) -> list[Outline]:
    """Runs of a strategy line at a source, oldest first."""
    return _outlines(
        session,
        (Search.review_id == review_id)
        & (Search.source_name == source)
        & (Search.strategy_id == strategy_id)
        & (Search.line == line),
    )


def _outlines(session: ReadSession, condition: Any) -> list[Outline]:
    rows = session.execute(
        select(
            Run.id,
            Search.source_name,
            Run.state,
            Run.mode,
            Run.until,
            Run.problems,
            Run.stop_reason,
            Run.night_id,
            Run.started_at,
        )
        .join(Search, Search.id == Run.search_id)
        .where(condition)
        .order_by(Run.id)
    )
    return [
        Outline(number, source or "", state, mode, until, is_cut(problems), reason, night, started)
        for number, source, state, mode, until, problems, reason, night, started in rows
    ]


def is_cut(problems: Sequence[str]) -> bool:
    """Whether a run was ended before its end, by its problems."""
    return any(problem.startswith(CUT) for problem in problems)
