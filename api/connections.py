"""Connections whose client sends no request, or does not take in an answer, are closed in time."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.limits import SLOWEST


def make_protocol(seconds: float, send_seconds: float) -> type[H11Protocol]:
    """Uvicorn's protocol for connections with limits of time.

    uvicorn itself waits for ever for the headers of a connection's first request, and for a client
    that stops reading.

    Args:
        seconds: within which headers must be complete.
        send_seconds: a client that leaves an answer waiting must take in some of it in this time,
            at ``SLOWEST`` bytes a second.
    """

    class PatientProtocol(H11Protocol):
        """Closes a connection whose headers do not come, or whose answer is not taken in."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._timer: asyncio.TimerHandle | None = None
            self._send_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
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
            self._stop_send_timer()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            """Note that more waits to be sent than the connection takes."""
            super().pause_writing()
            self._watch_sending()

        def resume_writing(self) -> None:
            """Note that most of it has been sent."""
            self._stop_send_timer()
            super().resume_writing()

        def _watch_sending(self) -> None:
            waiting = self.transport.get_write_buffer_size()
            self._send_timer = self.loop.call_later(send_seconds, self._look_at_sending, waiting)

        def _look_at_sending(self, before: int) -> None:
            if before - self.transport.get_write_buffer_size() >= SLOWEST * send_seconds:
                self._watch_sending()
            else:
                # To close it would wait for the client. The request learns that the client is gone.
                self._send_timer = None
                self.transport.abort()

        def _stop_send_timer(self) -> None:
            if self._send_timer is not None:
                self._send_timer.cancel()
                self._send_timer = None

        def _stop_timer(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _give_up(self) -> None:
            self._timer = None
            self.transport.close()

    return PatientProtocol
