"""A process that answers requests: uvicorn with Winnow's application on a bound socket."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import Final

import uvicorn

from api.app import create_app
from api.connections import make_protocol
from api.services.pieces import spare_loaded_code
from api.settings import Settings
from store.core.session import Store

# Seconds for which a thread may compute while others wait; Python's default is 5 ms. A thread that
# holds the database's lock gives way at each statement, and must soon get its turn again.
_SWITCH_INTERVAL: Final = 0.0005
# Connections that wait to be accepted.
WAITING_CONNECTIONS = 2048


class AnnouncingServer(uvicorn.Server):
    """Calls back once it accepts requests."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        sys.setswitchinterval(_SWITCH_INTERVAL)
        await super().startup(sockets=sockets)
        spare_loaded_code()
        if self.started:
            self._ready()


def configure(settings: Settings, store: Store, *, accept_at_once: int) -> uvicorn.Config:
    """What uvicorn needs to know.

    Args:
        settings: of the server.
        store: open; the caller closes it.
        accept_at_once: new connections that this process takes before it does anything else. It
            is also how many the socket lets wait, unless somebody calls its ``listen`` again.
    """
    return uvicorn.Config(
        create_app(settings, store),
        http=make_protocol(settings.stall_seconds, settings.send_seconds),
        forwarded_allow_ips=list(settings.trusted_proxies),
        log_level="warning",
        server_header=False,
        backlog=accept_at_once,
        lifespan="on",
    )
