"""Runs changed by a person: stopped, resumed, released; and what comes before a run's end."""

from __future__ import annotations

from functools import partial

from api.refusals import require_reason
from api.services.pieces import Pieces
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
    with store.read() as session:
        run = runs.get_run(session, run_id, review_id)
    if run.state not in ("waiting", "running"):
        ready_records(store, run_id)
    with store.write() as session:
        run_endings.release_run(session, run_id, review_id, reason=reason, person_id=person_id)
        session.flush()
        return runs.get_run(session, run_id)


def ready_records(store: Store, run_id: int) -> None:
    """Let the records of a run count, in pieces that nobody sees before it ends."""
    with store.read() as session:
        ids = run_endings.list_record_ids(session, run_id)
    writer = Pieces(store)
    for piece in writer.split(ids):
        writer.write(
            len(piece), partial(run_endings.ready_records, run_id=run_id, record_ids=piece)
        )
    writer.write(1, partial(run_endings.note_ready, run_id=run_id))


def ready_unless_held(store: Store, run_id: int) -> None:
    """The same, unless known relevant records among its filtered ones hold all of them back."""
    with store.read() as session:
        held = runs.get_run(session, run_id).gold_filtered
    if not held:
        ready_records(store, run_id)


def list_unaccepted_warnings(session: ReadSession, run: RunInfo) -> list[dict[str, str]]:
    """Warnings of a run that nobody has accepted for its strategy version."""
    version = get_version_by_id(session, run.review_id, run.strategy_id)
    accepted = {(a.kind, a.leaf) for a in version.acceptances if a.source == run.source}
    return [dict(w) for w in run.warnings if (w["kind"], w["phrase"]) not in accepted]
