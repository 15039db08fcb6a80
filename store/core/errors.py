"""Errors of the store.

StoreError
├── NotFound        there is no such row, or it belongs to another review
├── NotAllowed      the person's role does not allow it
├── Conflict        the request contradicts what is stored
│   └── LeaseLost       somebody else has taken over the work that is being written
├── Unreadable      what is stored for one review cannot be read
├── Unstorable      a value that the database cannot hold
├── AlreadyUsed     a name or a single-use secret is already taken
├── Unavailable     the database cannot be used now; nothing was stored
│   ├── Busy            something else is using it; trying again helps
│   ├── Unreachable     it does not answer
│   ├── Damaged         what it holds cannot be read, or a table is missing
│   ├── Misplaced       its file is gone, or another file is in its place
│   └── Full            there is no space left
└── SchemaOutdated  the database needs an upgrade, or is newer than this version of Winnow
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of all errors of this package."""


class NotFound(StoreError):
    """There is no such thing here; it may exist in another review."""


class NotAllowed(StoreError):
    """The person is not in the review, or their role does not allow the action."""


class Conflict(StoreError):
    """The request contradicts what is stored; trying again does not help."""


class Unstorable(StoreError):
    """The database cannot hold a value, such as a text with a NUL character."""


class Unreadable(StoreError):
    """What is stored for one review cannot be read. Other reviews are not affected.

    Attributes:
        remedy: what to do.
    """

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class AlreadyUsed(StoreError):
    """A unique name or a single-use secret is already taken."""


class Unavailable(StoreError):
    """The database cannot be used now. Nothing was stored, so the same may be tried again.

    Attributes:
        remedy: what to do.
        wait: after how many seconds it is worth trying again.
    """

    wait = 5

    def __init__(self, message: str, *, remedy: str = "Try again in a moment.") -> None:
        super().__init__(message)
        self.remedy = remedy


class Busy(Unavailable):
    """Something else is using the database, or this part of it."""


class Unreachable(Unavailable):
    """The database does not answer."""

    wait = 15


class Full(Unavailable):
    """There is no space left for the database."""

    wait = 60


class Damaged(Unavailable):
    """What the database holds cannot be read, or one of its tables is missing."""

    wait = 60


class Misplaced(Unavailable):
    """The database's file is gone, or another file is in its place."""

    wait = 60


class SchemaOutdated(StoreError):
    """The tables are not the ones that this version of Winnow expects."""


class LeaseLost(Conflict):
    """Somebody else has taken over or stopped the work that is being written; nothing is stored."""
