"""What a running server has."""

from __future__ import annotations

from dataclasses import dataclass

from api.services.screening.cards import Queues
from api.settings import Settings
from api.turns import Turns
from api.worker.jobs import Jobs
from api.worker.wake import wake
from store.core.session import Store


@dataclass(frozen=True, slots=True)
class State:
    """A server's settings, database, memory of queues, job queue, and turns for passwords."""

    settings: Settings
    store: Store
    queues: Queues
    jobs: Jobs
    turns: Turns

    def wake(self) -> None:
        """Wake the worker because something is due; call it after the transaction has committed."""
        wake(self.store, self.settings.data_dir)
