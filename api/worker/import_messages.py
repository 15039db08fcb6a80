"""What the worker says of an import, and what becomes of a file that it could not import."""

from __future__ import annotations

from collections.abc import Callable

from api.services.searching.import_steps import ImportProgress
from api.services.searching.imported_labels import describe
from api.services.searching.importing import ImportOutcome
from api.wording import count_noun, describe_left_out
from store.core import jobs
from store.core.session import Store, WriteSession
from store.searching import uploads
from store.searching.uploads import UploadInfo

# How often an import that a worker did not finish is started again automatically.
_RESTARTS = 3


def tell_job(progress: Callable[[int, int], None]) -> ImportProgress:
    """How far a file's import has got, as the progress of a job, which has one number for it."""

    def tell(stage: str, done: int, total: int | None) -> None:
        if stage in {"reading", "storing"}:
            progress(done, total or 0)

    return tell


def describe_import(outcome: ImportOutcome) -> str:
    """What became of a file, in words."""
    batch = outcome.batch
    lines = describe(outcome.taken, outcome.unread)
    if outcome.taken is not None:
        lines.insert(0, f"{count_noun(outcome.decisions_added, 'decision')} taken over")
    taken = f" {'. '.join(line[0].upper() + line[1:] for line in lines)}." if lines else ""
    if outcome.repeated:
        return f"{batch.name} is in this review already; no record was added.{taken}"
    pooled = " They wait as incoming records: searches are frozen." if batch.pooled else ""
    left_out = f" {describe_left_out(outcome.out_of_range)}." if outcome.out_of_range else ""
    return (
        f"{batch.name}: {count_noun(batch.read, 'entry', 'entries')} = {batch.new} new + "
        f"{batch.changed} changed + {batch.same} known already + {batch.rejected} "
        f"unreadable.{pooled}{left_out}{taken}"
    )


def return_to_preview(store: Store, upload: UploadInfo, job: int, reason: str) -> None:
    """Leave a file that failed to its preview page: a second try would fail again."""
    with store.write() as session:
        uploads.return_to_preview(session, upload.id)
        jobs.end_job(session, job, state="failed", message=f"{upload.name}: {reason}")


def restart_import(session: WriteSession, upload: UploadInfo) -> int | None:
    """A new job for an interrupted import; None if it was interrupted too often.

    A file that kills the worker each time must not go on doing so for ever.
    """
    job = jobs.start_job(session, upload.review_id, "import")
    if uploads.record_import_start(session, upload.id) <= _RESTARTS:
        return job
    uploads.return_to_preview(session, upload.id)
    message = f"{upload.name}: interrupted {_RESTARTS + 1} times; see its preview."
    jobs.end_job(session, job, state="failed", message=message)
    return None
