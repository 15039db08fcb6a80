"""Imports that fail or are cancelled: taken away, or left to another process."""

from __future__ import annotations

from api.services.pieces import Pieces
from api.services.searching import import_steps
from api.services.searching.import_steps import Import
from store.core import intakes, leases
from store.core.errors import Busy, Conflict, Unavailable
from store.core.intakes import IntakeInfo
from store.core.session import Store, WriteSession
from store.searching import imports


class AnotherImport(Busy):
    """Another import into the review has to end first, or another process does this one.

    Attributes:
        abandoned: the other import, if no process does it any more.
    """

    def __init__(self, message: str, abandoned: IntakeInfo | None = None) -> None:
        super().__init__(message)
        self.abandoned = abandoned


class ImportCancelled(Conflict):
    """Somebody cancelled the import; nothing of it stays but its log."""


def fail(store: Store, work: Import, owner: str, reason: str) -> None:
    """Take a failed import away. If its records are seen already, it stays as it is."""

    def leave(session: WriteSession) -> bool:
        row = intakes.lock_owned_intake(session, work.intake.id, owner)
        if row.closed:
            imports.leave_import(session, row.id, reason=reason, owner=owner)
            return True
        row.state, row.reason, row.owner = "done", reason, None
        return False

    if Pieces(store).write(1, leave):
        import_steps.remove(work.store, work.intake.id)
    store.shrink_log()


def leave_if_cancelled(store: Store, intake_id: int) -> None:
    """Take an import away that somebody has cancelled while it was ours.

    Raises:
        ImportCancelled: somebody has.
    """
    owner = leases.create_owner()
    with store.write() as session:
        intake = intakes.get_intake(session, intake_id)
        if intake.stage != "cancelled":
            return
        taken = intakes.take_intake(session, intake_id, owner)
    if taken:
        fenced = store.fenced(lambda session: intakes.lock_owned_intake(session, intake_id, owner))
        import_steps.remove(fenced, intake_id)
        store.shrink_log()
    raise ImportCancelled(f"the import of {intake.name} was cancelled: {intake.reason}")


def release(store: Store, intake_id: int, owner: str, *, blameless: bool) -> None:
    """Let others go on with an import; if that fails too, only this process can do so."""
    try:
        with store.write() as session:
            intakes.release_intake(session, intake_id, owner, blameless=blameless)
        store.shrink_log()
    except Unavailable:
        leases.note_ended(owner)
