"""What a running server has."""

from __future__ import annotations

from dataclasses import dataclass

from api.services.screening.cards import Orders
from api.settings import Settings
from api.worker.jobs import Jobs
from api.worker.wake import wake
from store.core.session import Store


@dataclass(frozen=True, slots=True)
class State:
    """A server's settings, database, decoded orders and job queue."""

    settings: Settings
    store: Store
    orders: Orders
    jobs: Jobs

    def wake(self) -> None:
        """Wake the worker because something is due; call it after the transaction has committed."""
        wake(self.store, self.settings.data_dir)
