"""Takes away imports that were cancelled or have failed, in a thread of its own."""

from __future__ import annotations

import logging

from api.services.searching import importing
from api.services.searching.import_failures import ImportCancelled
from api.worker.failures import Failures
from api.worker.own_thread import OwnThread
from api.worker.pauses import Part
from store.core import intakes
from store.core.errors import Unavailable
from store.core.intakes import IntakeInfo
from store.core.session import Store

logger = logging.getLogger(__name__)


class Removing(OwnThread):
    """Takes away what waits for it whenever it is asked to look; no import can hold it up.

    Args:
        store: the database.
        failures: gets the imports that could not be removed.
    """

    def __init__(self, store: Store, failures: Failures) -> None:
        self._store = store
        self._failures = failures
        super().__init__("removing cancelled imports")

    def work(self) -> None:
        """Take away what has been cancelled since."""
        self.remove_waiting()

    def remove_waiting(self) -> None:
        """Take away each import that is to go and that no process takes away now."""
        with self._store.read() as session:
            due = [one for one in intakes.list_unfinished(session) if is_to_go(one)]
        for intake in due:
            part = Part("import", intake.id)
            if self._stop.is_set() or not self._failures.is_due(part):
                continue
            try:
                self._remove(intake)
                self._failures.note_success(part)
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001 - other imports must not wait for this one
                self._failures.note_failure(part, error)

    def _remove(self, intake: IntakeInfo) -> None:
        try:
            importing.resume(self._store, intake.id)
        except ImportCancelled:
            logger.info("took the import of %s away", intake.name)


def is_to_go(intake: IntakeInfo) -> bool:
    """Whether an import waits for somebody to take it away."""
    return intake.waiting and intake.state == "leaving"
