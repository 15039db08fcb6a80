"""Counts of a review's changes, so that a process reads again only what has changed.

A count is raised in the transaction of the change, and its row stays locked until that commits. So
a transaction that reads a number also reads every change with a lower one.
"""

from __future__ import annotations

from sqlalchemy import bindparam, update

from store.core.session import WriteSession, execute_plain
from store.core.tables import Review

_OF_REVIEW = update(Review).where(Review.id == bindparam("of_review"))
_RAISE_RULES = _OF_REVIEW.values(rule_changes=Review.rule_changes + 1)
_RAISE_TEXTS = _OF_REVIEW.values(regrouped=Review.regrouped + 1)
_RAISE_STATES = _OF_REVIEW.values(state_changes=Review.state_changes + 1).returning(
    Review.state_changes
)


def note_text_change(session: WriteSession, review_id: int) -> None:
    """Record that texts of earlier records were filled, so what was made from them is old."""
    execute_plain(session, _RAISE_TEXTS, {"of_review": review_id})


def note_rule_change(session: WriteSession, review_id: int) -> None:
    """Record a change of who may be given which cards: of the plan, the team or their shares.

    Everything that ``store.screening.dealing_rules`` reads must call this when it changes.
    """
    execute_plain(session, _RAISE_RULES, {"of_review": review_id})


def next_state_change(session: WriteSession, review_id: int) -> int:
    """The number of a change of report states, which each row that it writes must carry."""
    number: int = execute_plain(session, _RAISE_STATES, {"of_review": review_id}).scalar_one()
    return number
