"""Nights, the pool and admissions as JSON, for the command line and the API."""

from __future__ import annotations

from typing import Any

from api.services.nights import Checked
from store.admissions import AdmissionInfo
from store.pool import Waiting


def checked_json(each: Checked) -> dict[str, Any]:
    """When a source was last asked, as JSON."""
    return {
        "source": each.source,
        "last": each.last.isoformat() if each.last else None,
        "whole": each.whole.isoformat() if each.whole else None,
        "failing_nights": each.failing,
        "why": each.why,
    }


def waiting_json(each: Waiting) -> dict[str, Any]:
    """What a search has in the pool, as JSON."""
    return {
        "search": each.search_id,
        "source": each.source,
        "entries": each.entries,
        "new": each.new,
        "copies": each.copies,
        "filtered": each.filtered,
        "rejected": each.rejected,
        "first": each.first,
        "last": each.last,
        "undated": each.undated,
    }


def admission_json(each: AdmissionInfo) -> dict[str, Any]:
    """An admission as JSON."""
    return {
        "admission": each.id,
        "name": each.name,
        "kind": each.kind,
        "number": each.number,
        "up_to": each.up_to,
        "rule": each.rule,
        "records": each.records,
        "reports": each.reports,
        "read_in_full": each.read_in_full,
        "by": each.person,
        "admitted_at": each.admitted_at.isoformat(),
    }
