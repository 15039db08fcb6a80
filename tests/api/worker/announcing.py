"""A program that says that it is ready, and ends with its standard input."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.read()
