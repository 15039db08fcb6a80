"""Errors of this package.

HarvestError
├── UnreadableFile      the whole file is unusable; nothing of it is stored
│   ├── UnknownFormat   Winnow does not know its format
│   ├── UnknownColumns  no column of a table is known
│   ├── FileTooLarge    it exceeds a limit
│   │   └── FileOverLimit   the limit for files that are sent
│   └── ReadingFailed   the process that reads it ended early
├── StrategyError       a search strategy cannot be parsed or run
│   └── ForeignSyntax       it is in another platform's syntax
└── SourceError         a source did not give a usable answer
    ├── SourceUnavailable   a retry may help: time-outs, 5xx, cut bodies, too many requests
    │   └── ShortPage           a page has fewer records than the source promised
    ├── SourceRefused       a retry does not help
    │   ├── QueryRefused        the query is wrong
    │   ├── PlaceLost           it no longer knows a place in a list that it gave us
    │   ├── KeyNeeded           it wants an API key, or another one
    │   ├── BudgetSpent         the allowance of the day or the plan is used up
    │   ├── AskedToWait         it asked us to wait, and the time has not come
    │   ├── AddressRefused      we may not connect to the address
    │   └── BodyTooLarge        the answer exceeds a limit
    ├── MalformedPage       the answer cannot be parsed; its raw bytes are kept
    └── Interrupted         somebody stopped the run; it can be resumed
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any


class HarvestError(Exception):
    """Base of all errors of this package."""


class UnreadableFile(HarvestError):
    """The whole file is unusable.

    Attributes:
        message: what is wrong, in one sentence.
        remedy: what the user can do about it.
        line: line of the file, from 1, if known.
        header: names of the columns, if the file is a table whose columns are the matter.
    """

    header: tuple[str, ...] = ()

    def __init__(self, message: str, *, remedy: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.line = line


class UnknownFormat(UnreadableFile):
    """The content matches no format that Winnow can read."""


class UnknownColumns(UnreadableFile):
    """No column of a table is known to hold a title, an abstract or an identifier."""


class FileTooLarge(UnreadableFile):
    """The file, packed or unpacked, exceeds a limit."""


class FileOverLimit(FileTooLarge):
    """The file exceeds the limit for files that are sent."""


class ReadingFailed(UnreadableFile):
    """The process that reads the file crashed or was ended; nothing of the file is known."""


class StrategyError(HarvestError):
    """A search strategy cannot be parsed, or a source cannot run any of it.

    Attributes:
        message: what is wrong, in one sentence.
        remedy: what the searcher can do about it.
        line: line of the file, from 1, if known.
        column: character of that line, from 1, if known.
    """

    def __init__(
        self, message: str, *, remedy: str, line: int | None = None, column: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.line = line
        self.column = column


class ForeignSyntax(StrategyError):
    """A strategy is in a syntax that Winnow does not read.

    Attributes:
        syntax: its short name, such as ``ovid``; ``unknown`` if several platforms write it so.
    """

    def __init__(self, message: str, *, syntax: str, remedy: str, line: int | None = None) -> None:
        super().__init__(message, remedy=remedy, line=line)
        self.syntax = syntax


class SourceError(HarvestError):
    """A source did not give a usable answer.

    Attributes:
        message: what happened; secrets are masked, also in text quoted from the source.
        remedy: what the searcher can do about it.
        source: short name of the source.
    """

    def __init__(self, message: str, *, source: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.remedy = remedy or "Try again later; the run resumes where it stopped."


class SourceUnavailable(SourceError):
    """A retry may help.

    Attributes:
        retry_after: seconds that the source asks us to wait, if it does.
    """

    def __init__(
        self, message: str, *, source: str, remedy: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, source=source, remedy=remedy)
        self.retry_after = retry_after


class ShortPage(SourceUnavailable):
    """A page has fewer records than the source promised, although its list has not ended.

    Attributes:
        few: so few are missing that the source's total may simply have moved.
        body: the raw bytes of the page.
    """

    def __init__(
        self, message: str, *, source: str, remedy: str, few: bool, body: bytes = b""
    ) -> None:
        super().__init__(message, source=source, remedy=remedy)
        self.few = few
        self.body = body


class SourceRefused(SourceError):
    """A retry does not help."""


class QueryRefused(SourceRefused):
    """The source says that the query is wrong."""


class PlaceLost(SourceRefused):
    """The source no longer knows a place in a list that it gave us: cursors expire.

    Attributes:
        start: the cursor at the start of that list.
        repeated: entries that were received before the place, and will come again.
    """

    def __init__(
        self, message: str, *, source: str, start: Mapping[str, Any], repeated: int
    ) -> None:
        super().__init__(
            message, source=source, remedy="Resume the run: it begins again from the start."
        )
        self.start = start
        self.repeated = repeated


class KeyNeeded(SourceRefused):
    """The source answers only with an API key, or does not accept the one that is set."""


class BudgetSpent(SourceRefused):
    """The allowance of the day, or of the plan, is used up.

    Attributes:
        retry_after: seconds until it is renewed; None if it is not.
    """

    def __init__(
        self, message: str, *, source: str, remedy: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message, source=source, remedy=remedy)
        self.retry_after = retry_after


class AskedToWait(SourceRefused):
    """The source asked us to wait, and the time has not come; nothing was sent.

    Attributes:
        until: when it may be asked again.
    """

    def __init__(self, message: str, *, source: str, until: dt.datetime, remedy: str = "") -> None:
        super().__init__(message, source=source, remedy=remedy)
        self.until = until


class AddressRefused(SourceRefused):
    """The address is not public, or its scheme is not allowed."""


class BodyTooLarge(SourceRefused):
    """The answer, packed or unpacked, exceeds a limit."""


class MalformedPage(SourceError):
    """An answer that cannot be parsed.

    Attributes:
        body: its raw bytes, so that they can be kept.
    """

    def __init__(self, message: str, *, source: str, remedy: str = "", body: bytes = b"") -> None:
        super().__init__(message, source=source, remedy=remedy)
        self.body = body


class Interrupted(SourceError):
    """Somebody stopped the run."""
