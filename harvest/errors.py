"""What can go wrong while records are read.

HarvestError
├── UnreadableFile      the file as a whole cannot be used; nothing of it is stored
│   ├── UnknownFormat   its content is of no format we read
│   └── FileTooLarge    it exceeds a stated limit
├── StrategyError       a search strategy that cannot be read or run
└── SourceError         a source did not give what was asked for
    ├── SourceUnavailable   it may later: time-outs, 5xx, cut bodies, too many requests
    ├── SourceRefused       it will not, however often it is asked
    │   ├── QueryRefused        the query is wrong
    │   ├── BudgetSpent         the allowance of the day or the plan is used up
    │   ├── AddressRefused      the address may not be connected to
    │   └── BodyTooLarge        the answer is over a stated limit
    ├── MalformedPage       what it sent cannot be read; kept raw
    └── Interrupted         somebody stopped the harvest; it can be resumed
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


class SourceError(HarvestError):
    """A source did not give what was asked for.

    Attributes:
        message: what happened, without secrets and without the source's own words unmasked.
        remedy: what the searcher can do about it.
        source: short name of the source.
    """

    def __init__(self, message: str, *, source: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.remedy = remedy or "Try again later; the harvest resumes where it stopped."


class SourceUnavailable(SourceError):
    """Asking again may help.

    Attributes:
        retry_after: seconds that the source asks to wait, where it says so.
    """

    def __init__(
        self, message: str, *, source: str, remedy: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, source=source, remedy=remedy)
        self.retry_after = retry_after


class SourceRefused(SourceError):
    """Asking again does not help."""


class QueryRefused(SourceRefused):
    """The source says that the query is wrong."""


class BudgetSpent(SourceRefused):
    """The allowance of the day, or of the plan, is used up."""


class AddressRefused(SourceRefused):
    """An address that is not public, or a scheme that is not allowed."""


class BodyTooLarge(SourceRefused):
    """An answer over a stated limit, packed or unpacked."""


class MalformedPage(SourceError):
    """A page that cannot be read as what it claims to be.

    Attributes:
        body: the page as it came, so that it can be kept.
    """

    def __init__(self, message: str, *, source: str, remedy: str = "", body: bytes = b"") -> None:
        super().__init__(message, source=source, remedy=remedy)
        self.body = body


class Interrupted(SourceError):
    """Somebody stopped the harvest."""
