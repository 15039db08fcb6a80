"""Runs without their counts: when each source was last searched in full."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from store.core.session import ReadSession
from store.core.tables import Run, Search

# How the problem of a run that somebody ended early starts. Stored runs are recognised by it.
CUT = "ended before its end"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutline:
    """A run without its counts, since a living review has thousands of runs; see ``RunInfo``.

    Attributes:
        cut: somebody ended it early.
    """

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
        """Whether it got everything that it asked for."""
        return self.state in ("complete", "incomplete") and not self.cut

    @property
    def day(self) -> dt.date:
        """The day on which it was run."""
        return dt.date.fromisoformat(self.until) if self.until else self.started_at.date()


def list_run_outlines(session: ReadSession, review_id: int) -> list[RunOutline]:
    """All runs of a review without their counts, oldest first."""
    return _outlines(session, Search.review_id == review_id)


def list_run_outlines_of_line(
    session: ReadSession, review_id: int, source: str, strategy_id: int, line: str
) -> list[RunOutline]:
    """Runs of a strategy line at a source, oldest first."""
    return _outlines(
        session,
        (Search.review_id == review_id)
        & (Search.source_name == source)
        & (Search.strategy_id == strategy_id)
        & (Search.line == line),
    )


def _outlines(session: ReadSession, condition: Any) -> list[RunOutline]:
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
        RunOutline(
            id=run_id,
            source=source or "",
            state=state,
            mode=mode,
            until=until,
            cut=was_cut_short(problems),
            stop_reason=reason,
            night_id=night_id,
            started_at=started_at,
        )
        for run_id, source, state, mode, until, problems, reason, night_id, started_at in rows
    ]


def was_cut_short(problems: Sequence[str]) -> bool:
    """Whether somebody ended a run early, judging by its problems."""
    return any(problem.startswith(CUT) for problem in problems)
