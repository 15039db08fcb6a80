"""Memory while three sources send far too much at once: 300 MB, a gzip bomb, a body without an end.

Run: python -m benchmarks.hostile_sources (about half a minute). A process of its own asks all three
at the same time, several times, with the settings that Winnow comes with.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.measuring import ROOT, write
from harvest.errors import SourceError
from harvest.http import Client, Limits, Request
from harvest.sources.config import SourceConfig
from tests.harvest.conformance import CONFIG

_MB = 1024 * 1024
_SENT_MB = 300
_ROUNDS = 3
# One answer of 32 MB at each of three sources, held twice for a moment while it is put together.
_BAR_MB = 3 * 32 * 2


class _Handler(BaseHTTPRequestHandler):
    """Sends 300 MB as they are, packed, or without saying how much will come."""

    protocol_version = "HTTP/1.1"
    bomb = b""

    def do_GET(self) -> None:
        self.send_response(200)
        size = _SENT_MB * _MB
        if self.path == "/bomb":
            self.send_header("Content-Encoding", "gzip")
            size = len(self.bomb)
        if self.path == "/endless":
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(size))
        self.end_headers()
        try:
            if self.path == "/bomb":
                self.wfile.write(self.bomb)
            else:
                for _ in range(_SENT_MB):
                    self.wfile.write(bytes(_MB))
        except OSError:
            """The client has had enough."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has had enough is no error."""


def _peak_mb() -> float:
    # Kilobytes on Linux, bytes on macOS.
    unit = _MB if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _ask(address: str) -> dict[str, Any]:
    """Ask the three bodies at once, several times; returns peaks of memory in MB."""
    client = Client(agent="Winnow benchmarks", allow_loopback=True)
    limits = Limits(
        interval=0.0, attempts=1, largest_body=SourceConfig(**CONFIG["pubmed"]).limits.largest_body
    )

    def refused(path: str) -> str:
        try:
            client.ask(path, Request(f"{address}/{path}"), limits, lambda _: None)
        except SourceError as error:
            return type(error).__name__
        return "taken"

    before = _peak_mb()
    peaks, answers = [], set()
    with ThreadPoolExecutor(3) as threads:
        for _ in range(_ROUNDS):
            answers |= set(threads.map(refused, ("plain", "bomb", "endless")))
            peaks.append(round(_peak_mb() - before, 1))
    client.close()
    return {"before_mb": round(before, 1), "added_mb": peaks, "answers": sorted(answers)}


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        print(json.dumps(_ask(chosen.child)))
        return
    _Handler.bomb = gzip.compress(bytes(_SENT_MB * _MB), 6)
    server = _Server(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.hostile_sources"),
            *("--child", f"http://127.0.0.1:{server.server_port}"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    server.shutdown()
    found = json.loads(done.stdout)
    figures = {
        "sent_mb": _SENT_MB,
        "bomb_bytes": len(_Handler.bomb),
        "limit_mb": CONFIG["pubmed"]["largest_body_mb"],
        "bar_mb": _BAR_MB,
        "within_bar": max(found["added_mb"]) <= _BAR_MB and found["answers"] == ["BodyTooLarge"],
        **found,
    }
    print(figures)
    write("hostile_sources", figures)


if __name__ == "__main__":
    main()
