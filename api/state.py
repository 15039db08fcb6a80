"""What one running server holds."""

from __future__ import annotations

from dataclasses import dataclass

from api.jobs import Jobs
from api.services.screening import Orders
from api.settings import Settings
from api.wake import wake
from store.session import Store


@dataclass(frozen=True, slots=True)
class State:
    """Settings, database, decoded orders and the job queue of a server."""

    settings: Settings
    store: Store
    orders: Orders
    jobs: Jobs

    def wake(self) -> None:
        """Tell the worker that something is due; called after the transaction has committed."""
        wake(self.store, self.settings.data_dir)
