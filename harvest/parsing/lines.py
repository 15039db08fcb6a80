"""Entries, labels and errors as lines of JSON: what the reading process hands over."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import islice
from typing import IO, Any, Final, cast

from harvest.errors import (
    FileOverLimit,
    FileTooLarge,
    ReadingFailed,
    UnknownColumns,
    UnknownFormat,
    UnreadableFile,
)
from harvest.files.labels.file_labels import FileLabels
from harvest.files.labels.judgement import Decision, Judgement
from harvest.files.origin import Origin
from harvest.record import Author, Entry, Record, Rejected, StatusNotice

# ASCII, so that every text comes through as it is, half a surrogate pair too.
_encode = json.JSONEncoder(separators=(",", ":")).encode
_FIELDS: Final = tuple(field.name for field in fields(Record))
_TUPLES: Final = ("urls", "types", "keywords", "notes", "flags")
_ERRORS: Final[Mapping[str, type[UnreadableFile]]] = {
    kind.__name__: kind
    for kind in (
        *(UnreadableFile, UnknownFormat, UnknownColumns, FileTooLarge, FileOverLimit),
        ReadingFailed,
    )
}


def dump_line(value: Any) -> bytes:
    """A value as a line of JSON."""
    return f"{_encode(value)}\n".encode("ascii")


def dump_entry(entry: Entry) -> bytes:
    """A record as an object without what it leaves out, a rejected entry as a list."""
    if isinstance(entry, Rejected):
        return dump_line([entry.position, entry.reason, entry.line, entry.excerpt])
    data: dict[str, Any] = {}
    for name in _FIELDS:
        value = getattr(entry, name)
        if value is not None and value != ():
            data[name] = value
    if entry.authors:
        data["authors"] = [(author.name, author.collective) for author in entry.authors]
    if entry.status_notices:
        data["status_notices"] = [
            (one.kind, one.notice, one.pmid, one.doi) for one in entry.status_notices
        ]
    if not entry.extra:
        del data["extra"]
    return dump_line(data)


def load_entry(line: bytes) -> Entry:
    """A record or rejected entry; see ``dump_entry``."""
    data = json.loads(line)
    if isinstance(data, list):
        return Rejected(*data)
    for name in _TUPLES:
        if name in data:
            data[name] = tuple(data[name])
    if "authors" in data:
        data["authors"] = tuple(Author(name, group) for name, group in data["authors"])
    if "status_notices" in data:
        data["status_notices"] = tuple(StatusNotice(*one) for one in data["status_notices"])
    return Record(**data)


def may_have(line: bytes, field: str) -> bool:
    """Whether a line may be a record with something in a field, or is a rejected entry."""
    # Inside a text, these quotes would have backslashes before them.
    return line.startswith(b"[") or f'"{field}":'.encode() in line


def dump_judgements(position: int, judgements: tuple[Judgement, ...]) -> bytes:
    """The judgements on one record."""
    return dump_line([position, [_dump_judgement(one) for one in judgements]])


def _dump_judgement(judgement: Judgement) -> dict[str, Any]:
    time = judgement.decided_at
    return {**asdict(judgement), "decided_at": time.isoformat() if time else None}


def load_judgements(line: bytes) -> tuple[int, tuple[Judgement, ...]]:
    """A record's position and the judgements on it; see ``dump_judgements``."""
    position, made = json.loads(line)
    return position, tuple(map(_load_judgement, made))


def _load_judgement(data: Mapping[str, Any]) -> Judgement:
    time = data["decided_at"]
    return Judgement(
        decision=cast(Decision, data["decision"]),
        person=data["person"],
        decided_at=dt.datetime.fromisoformat(time) if time else None,
        stage=data["stage"],
        reasons=tuple(data["reasons"]),
        labels=tuple(data["labels"]),
        note=data["note"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What is said of a file as a whole.

    Attributes:
        sha256: of the content, unpacked; ``size`` is its size in bytes.
        records: how many records were read, and ``rejected`` how many entries were refused.
        columns: field to column name, for tables only.
        header: all column names, for tables only.
        unused_columns: columns that fill no field, for tables only.
        origin: database, platform and strategy, as far as the file states them.
        labels: what the file says about decisions.
        complete: whether this is the whole file.
    """

    format: str
    sha256: str
    size: int
    records: int
    rejected: int
    notices: tuple[str, ...]
    columns: Mapping[str, str]
    header: tuple[str, ...]
    unused_columns: tuple[str, ...]
    origin: Origin
    labels: FileLabels
    complete: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The last thing that the process says of a file that it could read.

    Attributes:
        summary: what the file is, without the judgements.
        judged: records with judgements, whose lines begin at the byte ``judgements_at``.
    """

    summary: Summary
    judged: int
    judgements_at: int


def load_answer(data: Mapping[str, Any], lines: IO[bytes]) -> Summary:
    """What is said of a file, with the judgements that stand among the lines."""
    lines.seek(data["judgements_at"])
    by_position = dict(map(load_judgements, islice(lines, data["judged"])))
    known = dict(data["summary"])
    for name in ("notices", "header", "unused_columns"):
        known[name] = tuple(known[name])
    mixed = tuple((name, count) for name, count in known["origin"]["mixed"])
    known["origin"] = Origin(**{**known["origin"], "mixed": mixed})
    known["labels"] = FileLabels(**{**known["labels"], "by_position": by_position})
    return Summary(**known)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error that a file was refused with."""

    refused: str
    message: str
    remedy: str
    line: int | None
    header: tuple[str, ...]

    @classmethod
    def of(cls, error: UnreadableFile) -> Refusal:
        """The error as data."""
        return cls(type(error).__name__, error.message, error.remedy, error.line, error.header)


def load_refusal(data: Mapping[str, Any]) -> UnreadableFile:
    """The error again; see ``Refusal``."""
    refusal = Refusal(**data)
    kind = _ERRORS.get(refusal.refused, UnreadableFile)
    error = kind(refusal.message, remedy=refusal.remedy, line=refusal.line)
    error.header = tuple(refusal.header)
    return error
