"""Connections that send nothing, or half of a request's headers, are closed after a while."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def make_protocol(seconds: float) -> type[H11Protocol]:
    """Uvicorn's protocol for connections whose headers must be complete within some seconds.

    uvicorn itself waits for ever for the headers of a connection's first request.
    """

    class PatientProtocol(H11Protocol):
        """Closes a connection whose headers do not come."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._timer = self.loop.call_later(seconds, self._give_up)

        def handle_events(self) -> None:
            super().handle_events()
            waiting = self.conn.their_state is h11.IDLE and not self.transport.is_closing()
            if waiting and self._timer is None:
                self._timer = self.loop.call_later(seconds, self._give_up)
            elif not waiting:
                self._stop_timer()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_timer()
            super().connection_lost(exc)

        def _stop_timer(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _give_up(self) -> None:
            self._timer = None
            self.transport.close()

    return PatientProtocol
