"""One of several processes that answer requests on one socket; ``winnow serve`` starts them.

Run: python -m api.web_process SOCKET NUMBER OF, with settings in the environment.
"""

from __future__ import annotations

import signal
import socket
import sys
from types import FrameType

from api import settings
from api.logs import start_logging
from api.web_server import WAITING_CONNECTIONS, AnnouncingServer, configure
from api.worker.supervise import stop_with_parent
from harvest.limits import use_limits
from store.core import migrate
from store.core.engine import CONNECTIONS
from store.core.session import Store

# A process needs at least this many connections to the database.
_FEWEST_CONNECTIONS = 8


class _OneOfSeveral(AnnouncingServer):
    """Leaves Ctrl-C, which reaches all processes of a terminal, to the supervisor."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at any signal but that of Ctrl-C."""
        if sig != signal.SIGINT:
            super().handle_exit(sig, frame)


def serve(sock: socket.socket, number: int, of: int) -> None:
    """Answer requests until the supervisor asks to stop, or has died.

    Args:
        sock: listens already; other processes accept its connections as well.
        number: of this process, from 1, for the log.
        of: how many processes there are; they share the connections to the database.
    """
    chosen = settings.load()
    use_limits(chosen.limits)
    start_logging(chosen.log_level, f"web {number}")
    store = Store(
        chosen.store_url,
        busy_seconds=chosen.busy_seconds,
        connections=max(_FEWEST_CONNECTIONS, CONNECTIONS // of),
    )

    def announce() -> None:
        sock.listen(WAITING_CONNECTIONS)
        sys.stdout.write("ready\n")
        sys.stdout.flush()

    try:
        migrate.check(store.engine)
        # One connection at a time, so that no process takes all those that arrive together.
        server = _OneOfSeveral(configure(chosen, store, accept_at_once=1), announce)

        def stop() -> None:
            server.should_exit = True

        stop_with_parent(stop)
        server.run(sockets=[sock])
    finally:
        store.close()


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    serve(socket.socket(fileno=given[0]), given[1], given[2])
