"""How runs end: finished, abandoned, or released by a lead."""

from __future__ import annotations

from sqlalchemy import select, update

from store.core import audit
from store.core.errors import Conflict, NotFound
from store.core.session import WriteSession
from store.core.tables import Batch, Run, now
from store.reviews import reviews
from store.searching import batches
from store.searching.runs import run_pages, run_progress, runs
from store.searching.runs.run_outlines import CUT
from store.searching.runs.runs import RunInfo


def finish_run(session: WriteSession, run_id: int, owner: str) -> str:
    """End a run whose last page is stored: check its counts, and let its records into the queue.

    Returns:
        ``complete`` or ``incomplete``.

    Raises:
        Conflict: another worker took the run over, or somebody stopped it.
    """
    row = run_progress.lock_owned_run(session, run_id, owner)
    session.flush()
    run = runs.get_run(session, run_id)
    complete = not run.problems and not run.missing and not run.shortfall
    row.state, row.owner, row.ended_at = "complete" if complete else "incomplete", None, now()
    row.stop_reason = "the source's last page was read" if run.pages else "no hits"
    row.held = bool(run.gold_filtered)
    session.flush()
    if not row.held:
        _activate_records(session, row)
    if row.mode == "whole" and complete:
        run_pages.record_presence(session, row.id, run.source)
    _log_end(session, row, run)
    return row.state


def _log_end(session: WriteSession, row: Run, run: RunInfo) -> None:
    audit.append_event(
        session,
        "run.ended",
        review_id=row.review_id,
        person_id=row.person_id,
        detail={
            "run": row.id,
            "search": row.search_id,
            "state": row.state,
            "held": row.held,
            "reported": run.reported,
            "received": run.received,
            "unique": run.unique,
            "new": run.new,
            "filtered": run.filtered,
            "rejected": run.rejected,
        },
    )


def _activate_records(session: WriteSession, row: Run) -> None:
    session.execute(update(Batch).where(Batch.run_id == row.id).values(held=False))
    batches.refresh_run(session, row.id)
    if not session.scalar(select(Batch.id).where(Batch.run_id == row.id, Batch.pooled.is_(True))):
        reviews.request_ranking(session, row.review_id)


def abandon_run(session: WriteSession, run_id: int, *, reason: str) -> None:
    """End an unfinished run: its pages are kept, and another run follows."""
    row = session.get(Run, run_id, with_for_update=True)
    assert row is not None
    row.state, row.ended_at, row.cursor, row.owner = "incomplete", now(), None, None
    row.problems = [*row.problems, f"{CUT}: {row.stop_reason or reason}"]
    row.stop_reason = reason
    row.held = bool(row.gold_filtered)
    session.flush()
    if not row.held:
        _activate_records(session, row)
    _log_end(session, row, runs.get_run(session, run_id))


def release_run(
    session: WriteSession, run_id: int, review_id: int, *, reason: str, person_id: int | None
) -> None:
    """Let the records of a held or stopped run into the queue.

    Raises:
        NotFound: the review has no such run.
        Conflict: it is under way, or its records are in already.
    """
    row = session.get(Run, run_id, with_for_update=True)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no run {run_id} in this review")
    if row.state in ("waiting", "running"):
        raise Conflict(f"run {run_id} is still running; stop it first")
    ended = row.state in ("complete", "incomplete")
    if ended and not row.held:
        raise Conflict(f"the records of run {run_id} are already in the queue")
    if not ended:
        row.state, row.ended_at, row.cursor = "incomplete", now(), None
        row.problems = [*row.problems, f"{CUT}: {row.stop_reason}"]
    row.held, row.released_reason = False, reason
    session.flush()
    _activate_records(session, row)
    audit.append_event(
        session,
        "run.released",
        review_id=review_id,
        person_id=person_id,
        detail={"run": run_id, "reason": reason, "gold": row.gold_filtered},
    )
