"""What is said of a report holds for the one that its record has been merged into."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from store.shared_tables import AssignmentReport, HandedOver
from store.tables import RecordRow
from store.team_tables import PilotReport


def reports_now(named_in: type[PilotReport | AssignmentReport | HandedOver]) -> Any:
    """A query for the reports that the rows of a table name, where their records are now.

    A report that came with a record keeps its number: merged, the record is in another report;
    parted again, back in its own.
    """
    return select(RecordRow.report_id).join(named_in, named_in.report_id == RecordRow.own_report_id)
