"""Random samples of the filtered records, for people to check what the filter set aside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from store.core.session import ReadSession
from store.reports import record_listing, records
from store.reports.records import StoredRecord


@dataclass(frozen=True, slots=True)
class FilteredSample:
    """Filtered records drawn at random.

    Attributes:
        total: how many records are filtered.
        records: those drawn, by id.
    """

    total: int
    records: list[StoredRecord]


def draw_filtered_records(
    session: ReadSession, review_id: int, *, size: int, seed: int, run_id: int | None = None
) -> FilteredSample:
    """Draw filtered records of a review, or of one run; the same seed draws the same records."""
    record_ids = record_listing.list_filtered_record_ids(session, review_id, run_id)
    size = min(size, len(record_ids))
    places = np.random.default_rng(seed).choice(len(record_ids), size=size, replace=False)
    return FilteredSample(
        len(record_ids),
        [
            records.get_record(session, review_id, record_ids[place])
            for place in sorted(places.tolist())
        ],
    )
