"""Notes to the team about the criteria."""

from __future__ import annotations

from store.core.session import Store
from store.screening import discussion


def add_note(
    store: Store, review_id: int, person_id: int, text: str, *, report_id: int | None
) -> int:
    """Write a note to the team, and return its id.

    Args:
        store: the database.
        review_id: the review.
        person_id: the author.
        text: 1 to 10,000 characters.
        report_id: the report that the note is about; None for the criteria in general.

    Raises:
        NotAllowed: the person does not screen this review.
        NotFound: the review has no such report.
        Conflict: the report still needs decisions, and the note would give the author's away.
        ValueError: the text is missing or too long.
    """
    with store.write() as session:
        return discussion.add_note(session, review_id, person_id, text, report_id=report_id)
