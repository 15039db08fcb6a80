"""The jobs that work out figures, in a queue of their own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from api.services.reporting import stored_results
from api.settings import Settings
from api.worker.leased_jobs import LeasedJobs, Progress
from api.worker.queues import open_queue
from store.core.session import Store


class FigureJobs(LeasedJobs):
    """Works out figures in a queue of their own that no import or comparison can hold up.

    Args:
        store: the database.
        settings: where the queue is.
        stopping: whether a long job should end.
    """

    def __init__(
        self, store: Store, settings: Settings, stopping: Callable[[], bool] = lambda: False
    ) -> None:
        super().__init__(open_queue(settings, "winnow-figures"), store, stopping)
        self.work_out = self._queued("work_out", self.carry_out)

    def carry_out(self, review_id: int, kind: str, job: int) -> None:
        """Work out figures that take too long for a page to wait for."""

        def work_out(store: Store, _progress: Progress) -> list[str]:
            problem = stored_results.work_out(store, review_id, kind)
            return [problem] if problem else []

        self._run(partial(self.work_out, review_id, kind, job), "Figures", work_out)
