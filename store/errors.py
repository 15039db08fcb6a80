"""What the store refuses.

StoreError
├── NotFound        no such row, or it belongs to another review
├── NotAllowed      whoever asks has no role that allows it
├── Conflict        the request contradicts what is stored
├── Unstorable      a value that the database cannot hold
├── AlreadyUsed     a name or a single-use secret was taken before
└── SchemaOutdated  the database must be upgraded, or is newer than this program
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of all errors of this package."""


class NotFound(StoreError):
    """The thing asked for does not exist in the place it was asked of."""


class NotAllowed(StoreError):
    """Whoever asks is not of the review, or their role does not allow it."""


class Conflict(StoreError):
    """What was asked contradicts what is stored; trying again does not help."""


class Unstorable(StoreError):
    """A value that the database cannot hold, such as a text with a NUL character."""


class AlreadyUsed(StoreError):
    """A unique name, or a secret good for one use, is taken."""


class SchemaOutdated(StoreError):
    """The tables are not those that this version of the program expects."""
