"""Conditions on the state of reports at a stage, for queries that join ``Report``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, or_

from store.core.session import ReadSession
from store.core.tables import Report, ReportState
from store.rules.agreed_decision import UNDECIDED
from store.rules.plans import TITLE_ABSTRACT


def at_stage(stage: Any = TITLE_ABSTRACT) -> Any:
    """Join ``ReportState`` on this; ``stage`` is a stage or a column that names one.

    Every report has a state at title and abstract. At other stages, use an outer join: a report
    without a row has been decided by nobody.
    """
    return and_(ReportState.report_id == Report.id, ReportState.stage == stage)


def is_undecided() -> Any:
    """A condition after an outer join: somebody must still decide it without seeing others."""
    return or_(ReportState.state.is_(None), ReportState.state.in_(UNDECIDED))


def is_open() -> Any:
    """A condition after an outer join: nobody has decided the report at this stage."""
    return or_(ReportState.state.is_(None), ReportState.state == "open")


def get_state(
    session: ReadSession, report_id: int, stage: str = TITLE_ABSTRACT
) -> ReportState | None:
    """The state of a report as it is now; None if nobody has decided it at another stage."""
    row: ReportState | None = session.get(ReportState, (report_id, stage), populate_existing=True)
    return row
