"""What can go wrong while records are read.

HarvestError
├── UnreadableFile      the file as a whole cannot be used; nothing of it is stored
│   ├── UnknownFormat   its content is of no format we read
│   └── FileTooLarge    it exceeds a stated limit
└── StrategyError       a search strategy that cannot be read or run
"""

from __future__ import annotations


class HarvestError(Exception):
    """Base of all errors of this package."""


class UnreadableFile(HarvestError):
    """A file that is refused whole.

    Attributes:
        message: what is wrong, in one sentence.
        remedy: what the user can do about it.
        line: line of the file, counted from 1, where known.
    """

    def __init__(self, message: str, *, remedy: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.line = line


class UnknownFormat(UnreadableFile):
    """The content matches no format that Winnow reads."""


class FileTooLarge(UnreadableFile):
    """The file, or what it unpacks to, is over a stated limit."""


class StrategyError(HarvestError):
    """A search strategy that cannot be read, or that a source cannot run at all.

    Attributes:
        message: what is wrong, in one sentence.
        remedy: what the searcher can do about it.
        line: line of the file, counted from 1, where known.
        column: character of that line, counted from 1, where known.
    """

    def __init__(
        self, message: str, *, remedy: str, line: int | None = None, column: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.line = line
        self.column = column
