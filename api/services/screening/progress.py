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
    total, includes = decision_labels.find_includes_read(session, review_id)
    rises = set(includes)
    points = [ProgressPoint(0, 0)]
    found = 0
    for read in range(1, total + 1):
        found += read in rises
        points.append(ProgressPoint(read, found))
    return points


def list_rises(session: ReadSession, review_id: int) -> list[ProgressPoint]:
    """The points of the same curve where it rises, with its first and last: it is level between."""
    total, includes = decision_labels.find_includes_read(session, review_id)
    points = [
        ProgressPoint(0, 0),
        *(ProgressPoint(place, n) for n, place in enumerate(includes, start=1)),
    ]
    if total > points[-1].read:
        points.append(ProgressPoint(total, len(includes)))
    return points
