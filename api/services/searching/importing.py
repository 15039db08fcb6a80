"""Files imported into a search, in pieces that nobody sees before the import has ended.

An import that was killed is taken up again: by the same file's next import, or by the worker.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, BinaryIO, Final

from api.heartbeats import send_heartbeats
from api.services.duplicates.deduplicating import compare_new_records
from api.services.pieces import Pieces
from api.services.searching import import_steps
from api.services.searching.import_failures import (
    AnotherImport,
    ImportCancelled,
    fail,
    leave_if_cancelled,
    release,
)
from api.services.searching.import_steps import Import, ImportProgress
from api.services.searching.imported_labels import LabelSource, TakenOver, is_labelled, take_over
from harvest.errors import ReadingFailed, UnreadableFile
from harvest.file_content import fingerprint
from harvest.files.labels.file_labels import strip_labels
from harvest.files.unpack import unpacked
from harvest.parsing.child import Wanted, open_file
from harvest.record import Record, Rejected
from store.core import intakes, leases, raw
from store.core.errors import LeaseLost, Unavailable
from store.core.intakes import IntakeInfo
from store.core.session import ReadSession, Store
from store.reports import limits
from store.reviews import reviews
from store.searching import batches, imports, record_rows
from store.searching.batches import BatchInfo
from store.searching.imports import NewImport

LABEL_USES = ("ignore", "gold", "decisions")
# How often an import is taken up; a file that kills its process each time must not go on doing so
# for ever.
_STARTS: Final = 4
# Seconds between two looks at an import that another one waits for.
_LOOK: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """How a file is to be imported.

    Attributes:
        search_id: an existing search; None opens a new one with ``search_fields``.
        search_fields: what is stated of a new search.
        mapping: field to column name, for tables.
        labels: what to do with relevance labels in the file: ``ignore``, ``gold`` or
            ``decisions``.
    """

    search_id: int | None = None
    search_fields: Mapping[str, Any] | None = None
    mapping: Mapping[str, str] | None = None
    labels: str = "ignore"


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What became of a file. ``read == new + changed + same + rejected``.

    Attributes:
        repeated: the review holds this very file already; nothing was changed.
        labelled: records that carry a decision or a relevance label.
        gold_added: known relevant records added from labels.
        decisions_added: decisions on titles and abstracts that now count.
        taken: what was taken over besides; None unless labels are used as decisions.
        unread: how many records have each value of a label that was not understood.
        copies: records that were merged into reports of earlier files.
        out_of_range: reports of its records that are left out: outside the protocol's years.
    """

    batch: BatchInfo
    rejected: tuple[Rejected, ...]
    repeated: bool
    labelled: int
    gold_added: int = 0
    decisions_added: int = 0
    copies: int = 0
    out_of_range: int = 0
    taken: TakenOver | None = None
    unread: Mapping[str, int] = field(default_factory=dict)


def import_file(
    store: Store,
    review_id: int,
    stream: BinaryIO,
    name: str,
    request: ImportRequest,
    *,
    person_id: int | None,
    progress: ImportProgress | None = None,
    patience: float | None = None,
    comparing: float | None = None,
) -> ImportOutcome:
    """Import a file, or go on with its import that was interrupted.

    Its records are then compared with all others, step by step. If that is interrupted, the worker
    completes it. Imports into one review take turns.

    Args:
        store: the database.
        review_id: the review.
        stream: the file; it may be packed.
        name: what the file is called.
        request: how it is imported.
        person_id: who imports it.
        progress: see ``ImportProgress``.
        patience: seconds to wait for another import into the review. None for no limit; one whose
            process has died is then completed here.
        comparing: seconds to compare records; the worker compares the rest. None for no limit.

    Raises:
        UnreadableFile: the file is refused whole; only a line in the log stays.
        AnotherImport: another import into the review takes longer than ``patience``.
        ImportCancelled: somebody cancelled it.
        ValueError: the request is wrong.
    """
    if request.labels not in LABEL_USES:
        raise ValueError(f"labels must be one of {', '.join(LABEL_USES)}, not {request.labels!r}")
    report = progress or import_steps.tell_nobody
    with unpacked(stream) as plain:
        sha256, size = fingerprint(plain)
        new = NewImport(
            name=name,
            sha256=sha256,
            size=size,
            request=asdict(request),
            search_id=request.search_id,
            search_fields=dict(request.search_fields or {}),
        )
        owner = leases.create_owner()
        taken = _begin(store, review_id, new, person_id=person_id, owner=owner, patience=patience)
        if isinstance(taken, BatchInfo):
            repeat = _Repeat(review_id, taken, request, person_id)
            outcome = _repeat(store, repeat, plain, name, report)
        else:
            outcome = _carry_out(store, taken, owner, plain, report)
    end = math.inf if comparing is None else time.monotonic() + comparing
    compared = partial(report, "comparing")
    joined = compare_new_records(
        store, review_id, stop=lambda: time.monotonic() > end, progress=compared
    ).joined
    with store.read() as session:
        left_out = limits.count_left_out(session, outcome.batch.id)
    return replace(outcome, copies=joined, out_of_range=left_out)


def _begin(
    store: Store,
    review_id: int,
    new: NewImport,
    *,
    person_id: int | None,
    owner: str,
    patience: float | None,
) -> int | BatchInfo:
    """Begin a file's import, or take up its earlier one; gives it, or the file if it is there."""
    deadline = None if patience is None else time.monotonic() + patience
    while True:
        with store.write() as session:
            # Otherwise two could both begin.
            reviews.lock_review(session, review_id)
            mine, other = _find_earlier(session, review_id, new.sha256)
            if mine is not None and intakes.take_intake(session, mine.id, owner):
                return mine.id
            earlier = batches.find_batch(session, review_id, new.sha256)
            if mine is None and earlier is not None:
                return earlier
            if mine is None and other is None:
                return imports.create_import(
                    session, review_id, new, person_id=person_id, owner=owner
                )
        abandoned = other if other is not None and other.waiting else None
        if abandoned is not None and abandoned.sha256 == new.sha256:
            # Our own earlier import, which is being taken away.
            with suppress(ImportCancelled):
                resume(store, abandoned.id)
        elif abandoned is not None and deadline is None:
            # What is wrong with its file does not matter here.
            with suppress(ImportCancelled, UnreadableFile, ValueError, AnotherImport):
                resume(store, abandoned.id)
        elif deadline is not None and time.monotonic() >= deadline:
            raise AnotherImport("Another file is being imported into this review.", abandoned)
        else:
            time.sleep(_LOOK)


def _find_earlier(
    session: ReadSession, review_id: int, sha256: str
) -> tuple[IntakeInfo | None, IntakeInfo | None]:
    """The unfinished import of a file, and another one that its import has to wait for."""
    unfinished = intakes.list_unfinished(session, review_id)
    mine = next((i for i in unfinished if i.sha256 == sha256 and i.state != "leaving"), None)
    others = (i for i in unfinished if i.state != "ended" and (mine is None or i.id != mine.id))
    return mine, next(others, None)


def resume(
    store: Store, intake_id: int, *, progress: ImportProgress | None = None
) -> ImportOutcome | None:
    """Go on with an import whose process has died, from the bytes that are stored.

    Returns:
        What became of the file; None if there was nothing left to do, or it was taken away.

    Raises:
        UnreadableFile: the file is refused whole.
    """
    owner = leases.create_owner()
    with store.write() as session:
        if not intakes.take_intake(session, intake_id, owner):
            return None
        intake = intakes.get_intake(session, intake_id)
    with tempfile.TemporaryFile() as stream:
        if intake.batch_id is not None:
            with store.read() as session:
                for piece in raw.read_batch(session, intake.batch_id):
                    stream.write(piece)
        outcome = _carry_out(store, intake_id, owner, stream, progress or import_steps.tell_nobody)
    if outcome.batch is not None:
        compare_new_records(store, intake.review_id)
    return outcome


def _carry_out(
    store: Store,
    intake_id: int,
    owner: str,
    stream: BinaryIO,
    progress: ImportProgress,
) -> ImportOutcome:
    """Do what is left of an import that is ours, or take it away if it fails."""
    fenced = store.fenced(lambda session: intakes.lock_owned_intake(session, intake_id, owner))
    unfenced = store.unfenced  # It is given back even if the job that does it was taken over.
    try:
        with store.read() as session:
            intake = intakes.get_intake(session, intake_id)
        if intake.state == "leaving":
            import_steps.remove(fenced, intake_id)
            raise ImportCancelled(f"the import of {intake.name} was cancelled or has failed")
        assert intake.batch_id is not None
        import_steps.tell_begun(progress, intake)
        work = Import(fenced, intake, intake.batch_id, progress)
        with send_heartbeats(fenced, f"import-{intake_id}"):
            try:
                _check_starts(work, stream)
                _do(work, stream)
            except (UnreadableFile, ValueError) as error:
                fail(store, work, owner, str(error))
                raise
    except LeaseLost as error:
        leave_if_cancelled(unfenced, intake_id)
        release(unfenced, intake_id, owner, blameless=True)
        raise AnotherImport("This file is being imported by another process.") from error
    except (ImportCancelled, UnreadableFile, ValueError):
        raise
    except BaseException as error:
        # The database or this process is in trouble, not the file: another one may go on with it.
        blameless = isinstance(error, Unavailable) or not isinstance(error, Exception)
        release(unfenced, intake_id, owner, blameless=blameless)
        raise
    with store.read() as session:
        batch = batches.get_batch(session, intake.review_id, work.batch_id)
    done = work.done
    return ImportOutcome(
        batch=batch,
        rejected=tuple(done.rejected),
        repeated=False,
        labelled=done.labelled,
        gold_added=done.gold_added,
        decisions_added=done.taken.decisions if done.taken else 0,
        taken=done.taken,
        unread=done.unread,
    )


def _check_starts(work: Import, stream: BinaryIO) -> None:
    """Refuse a file that was interrupted too often, or whose bytes have not all come.

    Raises:
        UnreadableFile: it is refused.
    """
    again = "Import it again."
    if work.intake.starts > _STARTS:
        raise ReadingFailed(f"It was interrupted {work.intake.starts} times.", remedy=again)
    if fingerprint(stream).sha256 != work.intake.sha256:
        raise ReadingFailed("It was interrupted before all of the file was received.", remedy=again)


def _do(work: Import, stream: BinaryIO) -> None:
    """The steps that are left, one after the other."""
    if work.intake.stage == "bytes":
        import_steps.store_bytes(work, stream)
    request = work.intake.request
    wanted = Wanted(mapping=request.get("mapping"), name=work.intake.name)
    with open_file(stream, wanted, progress=import_steps.tell_reading(work.progress)) as file:
        import_steps.look_through(work, file)
        if work.intake.stage == "bytes":
            import_steps.store_head(work, file)
            work.refresh()
        if work.intake.stage == "entries":
            import_steps.store_entries(work, file)
            import_steps.end(work)
            work.refresh()
        if work.intake.stage == "statements":
            import_steps.add_statements(work, file)
        import_steps.use_labels(work, file)


@dataclass(frozen=True, slots=True)
class _Repeat:
    """A file that the review holds already, and how it was to be imported."""

    review_id: int
    earlier: BatchInfo
    request: ImportRequest
    person_id: int | None


def _repeat(
    store: Store,
    repeat: _Repeat,
    stream: BinaryIO,
    name: str,
    progress: ImportProgress,
) -> ImportOutcome:
    """Nothing to store; but its decisions can still be taken over."""
    earlier = repeat.earlier
    with store.read() as session:
        rejected = batches.list_rejected(session, earlier.id)
    outcome = ImportOutcome(
        batch=earlier,
        rejected=tuple(Rejected(e.position, e.reason, e.line, e.excerpt) for e in rejected),
        repeated=True,
        labelled=0,
    )
    if repeat.request.labels != "decisions":
        return outcome
    wanted = Wanted(mapping=repeat.request.mapping, name=name)
    with open_file(stream, wanted, progress=import_steps.tell_reading(progress)) as file:
        labels = file.labels
        labelled = sum(
            isinstance(entry, Record) and is_labelled(entry, labels) for entry in file.entries()
        )
    # Until now the decisions were notes that everybody saw.
    with store.read() as session:
        ids = record_rows.list_record_ids(session, earlier.id)
    writer = Pieces(store)
    for piece in writer.split(ids):
        writer.write(
            len(piece),
            partial(
                record_rows.change_remarks,
                review_id=repeat.review_id,
                record_ids=piece,
                change=partial(strip_labels, tool=labels.tool),
            ),
        )
    taken = None
    if repeat.person_id is not None:
        source = LabelSource(earlier.sha256, earlier.id, labels)
        taken = take_over(store, repeat.review_id, repeat.person_id, source)
    return replace(
        outcome,
        labelled=labelled,
        decisions_added=taken.decisions if taken else 0,
        taken=taken,
        unread=labels.unread,
    )
