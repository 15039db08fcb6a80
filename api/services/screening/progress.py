"""Includes found against records read."""

from __future__ import annotations

from dataclasses import dataclass

from store.core.session import ReadSession
from store.screening import decision_labels


@dataclass(frozen=True, slots=True)
class ProgressPoint:
    """A point of the progress curve: after ``read`` records, ``found`` were includes."""

    read: int
    found: int


def list_progress(session: ReadSession, review_id: int) -> list[ProgressPoint]:
    """Includes found against records read, in screening order; *maybe* does not count as found.

    Decisions that came with a file, and bulk actions, are no reading and so left out.
    """
    points = [ProgressPoint(0, 0)]
    for label in decision_labels.list_read_labels(session, review_id):
        last = points[-1]
        points.append(ProgressPoint(last.read + 1, last.found + (label.decision == "include")))
    return points
