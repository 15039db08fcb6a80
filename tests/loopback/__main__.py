"""`python -m tests.loopback`: simulate the three sources on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import threading

from tests.loopback.corpus import corpus
from tests.loopback.server import Loopback, World


def main() -> None:
    """Listen, and print the settings that make Winnow use this server."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=5000, help="articles in the made-up corpus")
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--delay", type=float, default=0.02, help="seconds before each answer")
    chosen = parser.parse_args()
    server = Loopback(World(corpus(chosen.size), delay=chosen.delay), chosen.port)
    for name, value in server.environment().items():
        print(f"export {name}={value}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.close()


if __name__ == "__main__":
    main()
