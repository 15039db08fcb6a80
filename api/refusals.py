"""What services refuse, apart from what the store and the sources do."""

from __future__ import annotations


class Blocked(Exception):
    """A run that may not begin: narrowing losses stand.

    Attributes:
        remedy: what the searcher can do.
    """

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy
