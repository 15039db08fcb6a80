"""Known relevant records and reports to match them with."""

from __future__ import annotations

import dataclasses

from model.evaluation.matching import HeldReport, Known, Limits

NO_LIMITS = Limits()


def known(number: int = 1, **values: object) -> Known:
    """A known relevant record with these values."""
    base = Known(number, "T", "t", 2015, None, None, None, "validation", "held_out")
    return dataclasses.replace(base, **values)  # type: ignore[arg-type] # given by name


def held(report_id: int, **values: object) -> HeldReport:
    """A report of the review with these values."""
    base = HeldReport(
        report_id, f"title{report_id}", 2015, f"10.1000/{report_id}", None, f"s{report_id}"
    )
    return dataclasses.replace(base, **values)  # type: ignore[arg-type] # given by name
