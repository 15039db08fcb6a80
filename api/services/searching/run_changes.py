"""Runs changed by a person: stopped, resumed, released; and what they still have to accept."""

from __future__ import annotations

from api.refusals import require_reason
from store.core.session import ReadSession, Store
from store.searching.runs import run_endings, run_progress, runs
from store.searching.runs.runs import RunInfo
from store.searching.strategies import get_version_by_id


def stop_run(store: Store, review_id: int, run_id: int, *, person_id: int | None) -> RunInfo:
    """Stop a run; it can be resumed.

    Raises:
        NotFound: the review has no such run.
        Conflict: it is not under way.
    """
    with store.write() as session:
        run_progress.stop_run(session, run_id, review_id, person_id=person_id)
        session.flush()
        return runs.get_run(session, run_id)


def resume_run(store: Store, review_id: int, run_id: int) -> RunInfo:
    """Let a run that was stopped, blocked or failed wait for a worker again.

    Raises:
        NotFound: the review has no such run.
        Conflict: it is under way or has ended.
    """
    with store.write() as session:
        run_progress.restart_run(session, run_id, review_id)
        session.flush()
        return runs.get_run(session, run_id)


def release_run(
    store: Store, review_id: int, run_id: int, *, reason: str, person_id: int | None
) -> RunInfo:
    """Let in the records of a run that is held, or that will not be finished.

    Raises:
        ReasonNeeded: no reason is given.
        NotFound: the review has no such run.
        Conflict: it is under way, or its records are in already.
    """
    reason = require_reason(reason, "A release")
    with store.write() as session:
        run_endings.release_run(session, run_id, review_id, reason=reason, person_id=person_id)
        session.flush()
        return runs.get_run(session, run_id)


def list_unaccepted_warnings(session: ReadSession, run: RunInfo) -> list[dict[str, str]]:
    """Warnings of a run that nobody has accepted for its strategy version."""
    version = get_version_by_id(session, run.review_id, run.strategy_id)
    accepted = {(a.kind, a.leaf) for a in version.acceptances if a.source == run.source}
    return [dict(w) for w in run.warnings if (w["kind"], w["phrase"]) not in accepted]
