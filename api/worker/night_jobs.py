"""The jobs of scheduled searches, in a queue of their own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from huey import crontab

from api.schemas.night_summary import dump_night_summary
from api.services.living import night_runs, notifications
from api.settings import Settings
from api.worker.queues import STORED_UNDER, open_queue
from store.core.session import Store

logger = logging.getLogger(__name__)


class NightJobs:
    """The jobs of scheduled searches, in a queue of their own that no import can hold up.

    Each consumer of the queue adds a tick every minute; the store says what is due.

    Args:
        store: the database.
        settings: sources and limits.
        begun: called when runs wait for a worker.
    """

    def __init__(self, store: Store, settings: Settings, begun: Callable[[], None]) -> None:
        self.huey = open_queue(settings, "winnow-nights")
        self._store = store
        self._settings = settings
        self._begun = begun
        stored = {"__module__": STORED_UNDER}
        self.huey.periodic_task(crontab(), name="tick", **stored)(self._tick)
        self.look: Callable[[], Any] = self.huey.task(name="look", **stored)(self._tick)

    def close(self) -> None:
        """Close the queue's connections of this thread."""
        self.huey.storage.close()

    def _tick(self) -> None:
        """Begin nights that are due, and send the summaries of nights that have ended."""
        try:
            if night_runs.run_due(self._store, self._settings):
                self._begun()
            notifications.send_summaries(self._store, self._settings, dump_night_summary)
        except Exception:
            logger.exception("the tick of scheduled searches failed")
            raise
