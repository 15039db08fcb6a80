"""The process that reads one file: its bytes on standard input, lines of JSON on standard output.

The entries come first, in the order of the file, then the judgements on them. Standard error gets
the number of entries from time to time, and last an object that says what the file is, or why it
is refused. The request is a JSON object in the environment. Only limits of this process are set
before the file is opened, and nothing but the file is read.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Final

from harvest.errors import FileTooLarge, UnreadableFile
from harvest.limits import Limits
from harvest.parsing import memory
from harvest.parsing.lines import (
    Answer,
    Refusal,
    Summary,
    dump_entry,
    dump_judgements,
    dump_line,
    load_entry,
)
from harvest.parsing.request import ABANDONED, OUT_OF_MEMORY, OUT_OF_TIME, REQUEST

_OUT, _SAYS = 1, 2
_SPARE: Final = 16 * 1024 * 1024
_EVERY: Final = 100
# Seconds between two looks at memory and at the process that waits for the answer.
_WATCH: Final = 0.1


def main() -> None:
    """Read the file and end."""
    request = json.loads(os.environ[REQUEST])
    limits = Limits(**request["limits"])
    size = os.fstat(0).st_size
    seconds = limits.seconds(size)
    most = limits.memory(size)
    # Archives are unpacked to a file too.
    largest = max(limits.output(size), limits.unpacked) + _SPARE
    # A test asks for the watch that other systems need.
    if not request.get("watched") and memory.limit_process(most, seconds, largest):
        most = sys.maxsize
    watch = partial(_watch, request["parent"], most, seconds)
    threading.Thread(target=watch, daemon=True).start()
    written = _Written(limits.output(size))
    try:
        answer = asdict(_read(request, limits, written))
    except UnreadableFile as error:
        answer = asdict(Refusal.of(error))
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except RecursionError:
        answer = asdict(Refusal.of(_too_deep()))
    except Exception as error:  # noqa: BLE001 - whatever a parser raises is told, not lost
        last = traceback.extract_tb(error.__traceback__)[-1]
        answer = {"crash": f"{type(error).__name__} at {last.name}:{last.lineno}: {error}"[:2000]}
    _write(_SAYS, dump_line(answer))
    # Taking a large file's memory apart would take longer than reading some files.
    os._exit(0)


class _Written:
    """How many entries were handed over."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: list[bytes] = []
        self.entries = 0
        self.records = 0
        self.bytes = 0

    def write(self, line: bytes) -> None:
        """Hand over a line.

        Raises:
            FileTooLarge: the lines are many times longer than the file.
        """
        self.bytes += len(line)
        if self.bytes > self._most:
            raise FileTooLarge(
                f"What the file says takes more than {self._most / 1e6:,.0f} MB, many times its "
                "size.",
                remedy="Check its column names and repeated texts, and split the file.",
            )
        self._waiting.append(line)
        if len(self._waiting) == _EVERY:
            self.flush()

    def flush(self) -> None:
        """Write what waits, and say how many entries that makes."""
        _write(_OUT, b"".join(self._waiting))
        self._waiting.clear()
        _write(_SAYS, b"%d\n" % self.entries)


def _write(to: int, line: bytes) -> None:
    while line:
        line = line[os.write(to, line) :]


def _watch(parent: int, most: int, seconds: int) -> None:
    """End this process at a limit that the system does not keep, or when nobody waits for it."""
    while True:
        time.sleep(_WATCH)
        if os.getppid() != parent:
            os._exit(ABANDONED)
        if memory.used() > most:
            os._exit(OUT_OF_MEMORY)
        if time.process_time() > seconds:
            os._exit(OUT_OF_TIME)


def _too_deep() -> FileTooLarge:
    return FileTooLarge(
        "Something in the file is nested too deeply.",
        remedy="Export the records again, or in another format.",
    )


def _read(request: dict[str, Any], limits: Limits, written: _Written) -> Answer:
    # Parsers are imported when this process is limited already. openpyxl takes numpy and Pillow if
    # they are there, which would double the time until the file is opened.
    sys.modules["numpy"] = sys.modules["PIL"] = None  # type: ignore[assignment]
    from harvest.file_content import fingerprint
    from harvest.files.labels.file_labels import FileLabels, LabelMarks
    from harvest.files.origin import OriginMarks
    from harvest.files.read import Heading, read_entries
    from harvest.files.sniff import sniff
    from harvest.files.unpack import unpacked
    from harvest.record import Record

    first = request["first"]
    with open(0, "rb", closefd=False) as stream, unpacked(stream, limit=limits.unpacked) as content:
        identity = fingerprint(content)
        name = request["file_format"] or sniff(content)
        heading = Heading()
        labels, origin = LabelMarks(), OriginMarks()
        complete = True
        for entry in read_entries(content, name, heading, request["mapping"], limits):
            if written.entries == first:
                complete = False
                break
            written.entries += 1
            if isinstance(entry, Record):
                written.records += 1
                labels.add(entry)
                origin.add(entry)
            written.write(dump_entry(entry))
    written.flush()
    columns = heading.columns
    names = columns.names if columns else {}
    entries_end = written.bytes
    found: FileLabels = labels.read(_again(written.entries), request["name"], names)
    os.lseek(_OUT, 0, os.SEEK_END)
    for position, judgements in found.by_position.items():
        written.write(dump_judgements(position, judgements))
    written.flush()
    summary = Summary(
        format=name,
        sha256=identity.sha256,
        size=identity.size,
        records=written.records,
        rejected=written.entries - written.records,
        notices=tuple(heading.notices),
        columns=names,
        header=columns.header if columns else (),
        unused_columns=columns.unused if columns else (),
        origin=origin.find(name, heading.origin),
        labels=replace(found, by_position={}),
        complete=complete,
    )
    return Answer(summary, judged=len(found.by_position), judgements_at=entries_end)


def _again(number: int) -> Iterator[Any]:
    """The records that were handed over, once more: they are not all kept in memory."""
    from harvest.record import Record

    os.lseek(_OUT, 0, os.SEEK_SET)
    with open(_OUT, "rb", closefd=False) as lines:
        for _ in range(number):
            entry = load_entry(lines.readline())
            if isinstance(entry, Record):
                yield entry


if __name__ == "__main__":
    main()
