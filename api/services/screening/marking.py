"""Tags, notes and stars that people put on records."""

from __future__ import annotations

from store.core.session import Store
from store.reports import marks
from store.reports.marks import NewMark


def add_mark(store: Store, review_id: int, person_id: int, report_id: int, mark: NewMark) -> int:
    """Put a mark on a report, and return its id; a repeated tag or star keeps its first id.

    Raises:
        NotAllowed: the person does not screen this review.
        NotFound: the review has no such report.
        ValueError: the text is missing or too long.
    """
    with store.write() as session:
        return marks.add_mark(session, review_id, person_id, report_id, mark)


def remove_mark(store: Store, review_id: int, person_id: int, mark_id: int) -> None:
    """Take a mark off: a person's own, or as a lead anybody's tag.

    Raises:
        NotFound: the review has no such mark.
        NotAllowed: the mark is another person's.
    """
    with store.write() as session:
        marks.remove_mark(session, review_id, person_id, mark_id)
