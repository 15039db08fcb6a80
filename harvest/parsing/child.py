"""Read a file in a process of its own, within limits, and take over what it found."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from itertools import islice
from pathlib import Path
from typing import IO, Any, BinaryIO, Final

import harvest
from harvest.errors import FileTooLarge, ReadingFailed
from harvest.file_content import FileContent
from harvest.limits import Limits, get_limits
from harvest.parsing.lines import (
    Summary,
    load_answer,
    load_entry,
    load_refusal,
    may_have,
)
from harvest.parsing.request import ABANDONED, OUT_OF_MEMORY, OUT_OF_TIME, REQUEST
from harvest.record import Entry, Record, Rejected

logger = logging.getLogger(__name__)

_COMMAND: Final = (sys.executable, "-m", "harvest.parsing.reader")
_ROOT: Final = str(Path(next(iter(harvest.__path__))).parent)
# What the child needs of this process's environment, which has passwords too.
_KEPT: Final = frozenset(
    "PATH HOME LANG LC_ALL LC_CTYPE TMPDIR TEMP TMP SYSTEMROOT LD_LIBRARY_PATH "
    "DYLD_LIBRARY_PATH PYTHONHOME VIRTUAL_ENV".split()
)
# The longest request that every system takes in an environment.
_REQUEST_LIMIT: Final = 100_000
_CHUNK: Final = 1024 * 1024
# Bytes of one line of standard error, and seconds between two reports of progress.
_LINE_LIMIT: Final = 64 * 1024 * 1024
_POLL: Final = 0.2
# A process that computes nothing is ended after so many times the computing time it may have.
_PATIENCE: Final = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read of a file, and how.

    Attributes:
        mapping: field to column name, for tables; overrides the guess.
        name: what the file is called.
        first: read only so many entries; None for all.
        file_format: one of ``harvest.files.read.FORMATS``, instead of detecting it.
    """

    mapping: Mapping[str, str] | None = None
    name: str = ""
    first: int | None = None
    file_format: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile(Summary):
    """A file that was read whole, or as far as was wanted; its entries wait on the disk."""

    _lines: IO[bytes] = field(repr=False)

    def entries(self, *, after: int = 0) -> Iterator[Entry]:
        """The entries in the order of the file; one such walk at a time.

        Positions count from 1 without a gap.

        Args:
            after: position of the last entry to leave out.

        Raises:
            ReadingFailed: what the process wrote is no entry.
        """
        for line in islice(self._entry_lines(), after, None):
            with _checked_lines():
                entry = load_entry(line)
            yield entry

    def find_entries(self, positions: Container[int], field: str) -> Iterator[Entry]:
        """Rejected entries, records with something in a field, and records at some positions.

        The others are not taken apart, so this is quick if they are most of the file.

        Raises:
            ReadingFailed: what the process wrote is no entry.
        """
        for position, line in enumerate(self._entry_lines(), start=1):
            if position in positions or may_have(line, field):
                with _checked_lines():
                    entry = load_entry(line)
                yield entry

    def _entry_lines(self) -> Iterator[bytes]:
        self._lines.seek(0)
        return islice(self._lines, self.records + self.rejected)

    def content(self) -> FileContent:
        """The whole content at once, for files that are not stored."""
        entries = list(self.entries())
        return FileContent(
            format=self.format,
            sha256=self.sha256,
            size=self.size,
            records=tuple(entry for entry in entries if isinstance(entry, Record)),
            rejected=tuple(entry for entry in entries if isinstance(entry, Rejected)),
            notices=self.notices,
            columns=self.columns,
            unused_columns=self.unused_columns,
            origin=self.origin,
        )


@contextmanager
def open_file(
    source: BinaryIO | Path,
    wanted: Wanted | None = None,
    *,
    limits: Limits | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[OpenFile]:
    """Read a file in a process of its own; what it found is there until the block ends.

    Args:
        source: a path or a seekable binary stream; it may be packed.
        wanted: what is to be read, and how.
        limits: what reading may take; None for those of the program.
        progress: called with the number of entries read, several times a second at most.

    Raises:
        UnreadableFile: the file is refused whole.
        FileTooLarge: reading it exceeds a limit; the message says which, and where.
        ReadingFailed: the process crashed or was ended.
    """
    with _opened(source) as file, tempfile.TemporaryFile() as lines:
        size = os.fstat(file.fileno()).st_size
        child = _Child(file, lines, wanted or Wanted(), limits or get_limits(), size)
        answer = child.wait(progress or (lambda _: None))
        with _checked_lines():
            if "refused" in answer:
                raise load_refusal(answer)
            summary = load_answer(answer, lines)
        known = {one.name: getattr(summary, one.name) for one in fields(Summary)}
        yield OpenFile(**known, _lines=lines)


@contextmanager
def _checked_lines() -> Iterator[None]:
    """Takes what is no JSON of ours for a crash."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _failed(f"its answer cannot be read: {error}") from error


def _failed(why: str) -> ReadingFailed:
    return ReadingFailed(
        f"The process that reads the file failed ({why}). Nothing was stored.",
        remedy="Export the records again, or in another format. If it fails again, send the file "
        "to the people who make Winnow.",
    )


@contextmanager
def _opened(source: BinaryIO | Path) -> Iterator[IO[bytes]]:
    """A file of its own for the child, whose place this process does not move."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as copy:
        source.seek(0)
        while chunk := source.read(_CHUNK):
            copy.write(chunk)
        copy.seek(0)
        source.seek(0)
        yield copy


class _Child:
    """The process that reads one file."""

    def __init__(
        self, file: IO[bytes], lines: IO[bytes], wanted: Wanted, limits: Limits, size: int
    ) -> None:
        self._limits, self._size = limits, size
        request = json.dumps({"parent": os.getpid(), "limits": asdict(limits), **asdict(wanted)})
        if len(request) > _REQUEST_LIMIT:
            raise FileTooLarge(
                "The names of the chosen columns are too long.",
                remedy="Shorten the columns' names in the file.",
            )
        kept = {name: value for name, value in os.environ.items() if name.upper() in _KEPT}
        self._process = subprocess.Popen(  # noqa: S603 # always this program
            _COMMAND,
            stdin=file,
            stdout=lines,
            stderr=subprocess.PIPE,
            # The program of this process, wherever it was started.
            env=kept | {"PYTHONPATH": _ROOT, "PYTHONSAFEPATH": "1", REQUEST: request},
        )
        self._last = b""
        self._entries = 0
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        """Keep the last line that the process says, until it ends."""
        says = self._process.stderr
        assert says is not None
        while line := says.readline(_LINE_LIMIT):
            self._last = line
            if line.strip().isdigit():
                self._entries = int(line)

    def wait(self, progress: Callable[[int], None]) -> dict[str, Any]:
        """Wait for the process and give its answer; it has ended when this returns or raises."""
        waited, longest = 0.0, _PATIENCE * self._limits.seconds(self._size)
        try:
            while self._listener.is_alive():
                self._listener.join(_POLL)
                waited += _POLL
                if waited > longest:
                    raise self._over("time", f"{longest:,} s", "seconds_per_mb")
                if self._entries:
                    progress(self._entries)
            status = self._process.wait()
        finally:
            # Also if the program is being stopped.
            self._process.kill()
            self._process.wait()
            self._listener.join()
            if self._process.stderr is not None:
                self._process.stderr.close()
        return self._answer(status)

    def _answer(self, status: int) -> dict[str, Any]:
        if status in (OUT_OF_TIME, -getattr(signal, "SIGXCPU", signal.SIGTERM)):
            seconds = self._limits.seconds(self._size)
            raise self._over("computing time", f"{seconds:,} s", "seconds_per_mb")
        if status == OUT_OF_MEMORY:
            size = f"{self._limits.memory(self._size) / 1e6:,.0f} MB"
            raise self._over("memory", size, "memory_mb")
        if status != 0:
            logger.error(
                "the process that reads a file ended with %s: %s", status, self._last[:2000]
            )
            why = f"signal {-status}" if status < 0 else f"status {status}"
            raise _failed("it was ended from outside" if status == ABANDONED else why)
        with _checked_lines():
            answer = json.loads(self._last)
            if "crash" in answer:
                logger.error("the process that reads a file crashed: %s", answer["crash"])
                raise _failed(str(answer["crash"])[:200])
        return dict(answer)

    def _over(self, limit: str, most: str, setting: str) -> FileTooLarge:
        where = f" after entry {self._entries:,}" if self._entries else ""
        return FileTooLarge(
            f"Reading the file takes more {limit} than a file of this size may ({most}){where}.",
            remedy="Look for something unusual in the file, split it into smaller ones, or ask "
            f"the person who runs the server to raise files.{setting}.",
        )
