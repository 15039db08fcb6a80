"""Parse an ASReview project file (``.asreview``): its data set, with the labels of its database.

It is a zip archive of the project's folder. Version 3 has one database, ``results.db``; version 2
has ``data_store.db`` and ``reviews/<id>/results.db``; version 1 has the data set and
``reviews/<id>/results.sql``. Only these are unpacked. Feature matrices and pickled models are never
touched, and a database is opened read-only, without views, virtual tables and extensions.
"""

from __future__ import annotations

import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final

from harvest.errors import FileTooLarge, UnreadableFile
from harvest.files.build import Fields, create_record, parse_label
from harvest.files.labels.asreview import LABEL, NOTE, TAGS, TIME, USER_ID
from harvest.files.unpack import check_packing
from harvest.json_text import parse_json
from harvest.limits import DEFAULT, Limits
from harvest.record import Author, Entry, Notice, Record, Rejected
from harvest.sqlite import TooMuch, open_read_only, read_table
from harvest.text import title_key

_MEMBERS: Final = 10_000
_RATIO: Final = 200
_RATIO_FROM: Final = 16 * 1024 * 1024
_CHUNK: Final = 1024 * 1024
_CONFIG: Final = "project.json"
_REMEDY: Final = "Export the project from ASReview again, or export its data set as CSV."

_ROW_LIMIT: Final = 2_000_000
_RECORD_COLUMNS: Final = (
    *("record_id", "dataset_row", "dataset_id", "duplicate_of", "title", "abstract", "authors"),
    *("keywords", "year", "doi", "url"),
)
_RESULT_COLUMNS: Final = (
    *("record_id", "label", "time", "labeling_time", "note", "notes", "tags", "user_id"),
)

_ReadData = Callable[[BinaryIO], tuple[tuple[Record, ...], tuple[Rejected, ...]]]


@dataclass(frozen=True, slots=True)
class _Project:
    """The paths of a project's parts in its archive; None for those it lacks."""

    results: str
    store: str | None
    data: str | None
    reviews: int


def looks_like(head: bytes, stream: BinaryIO) -> bool:
    """Whether the file is a zip archive with a project of ASReview in it."""
    if not head.startswith(b"PK"):
        return False
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive:
            return _CONFIG in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    finally:
        stream.seek(0)


def parse(
    stream: BinaryIO, read_data: _ReadData, limits: Limits = DEFAULT
) -> Iterator[Entry | Notice]:
    """Parse a project; see ``harvest.record.Parser``.

    Args:
        stream: the project file.
        read_data: reads the data set in it, which is a file of records of any kind.
        limits: what reading may take.

    Raises:
        UnreadableFile: the archive or its database is damaged or of an unknown kind.
        FileTooLarge: it exceeds a limit.
    """
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive, tempfile.TemporaryDirectory() as folder:
            _check(archive)
            yield from _parse(_Parts(archive, Path(folder), limits.unpacked), read_data)
    except (
        *(zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError),
        # SQLite writes parts of a damaged file into its messages, which then are no UTF-8.
        *(NotImplementedError, sqlite3.Error, OverflowError, UnicodeDecodeError),
    ) as error:
        raise UnreadableFile(f"The project file is damaged: {error}.", remedy=_REMEDY) from error
    except TooMuch as error:
        raise FileTooLarge(f"The project file is too large: {error}.", remedy=_REMEDY) from error


def _check(archive: zipfile.ZipFile) -> None:
    """Refuse a zip bomb and paths that lead out of the project's folder, by the directory."""
    members = archive.infolist()
    bomb = next(
        (
            member
            for member in members
            if member.file_size > _RATIO_FROM
            and member.file_size > _RATIO * max(1, member.compress_size)
        ),
        None,
    )
    if len(members) > _MEMBERS:
        raise FileTooLarge(
            f"The project file has {len(members):,} parts, which is not credible for a project.",
            remedy=_REMEDY,
        )
    if bomb is not None:
        raise FileTooLarge(
            f"A part of the project file unpacks to {bomb.file_size / 1e6:,.0f} MB, which is not "
            f"credible for its size: {bomb.filename[:100]!r}.",
            remedy=_REMEDY,
        )
    check_packing(archive, _REMEDY)
    for member in members:
        path = PurePosixPath(member.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in member.filename:
            raise UnreadableFile(
                f"The project file holds a path outside its folder: {member.filename[:100]!r}.",
                remedy="Do not use this file; export the project from ASReview again.",
            )


class _Parts:
    """Unpacks parts of a project, up to a size in all whatever the archive's directory says."""

    def __init__(self, archive: zipfile.ZipFile, folder: Path, limit: int) -> None:
        self.names = frozenset(archive.namelist())
        self._archive = archive
        self._folder = folder
        self._limit = limit
        self._size = 0

    def unpack(self, name: str, to: str) -> Path:
        """Unpack one part to a file of this name in the folder."""
        path = self._folder / to
        with self._archive.open(name) as source, path.open("wb") as target:
            while chunk := source.read(_CHUNK):
                self._size += len(chunk)
                if self._size > self._limit:
                    raise TooMuch(f"what is read of it has more than {self._limit / 1e6:,.0f} MB")
                target.write(chunk)
        return path


def _find_project(parts: _Parts) -> _Project:
    try:
        config = parse_json(parts.unpack(_CONFIG, "config").read_bytes())
    except ValueError as error:
        raise UnreadableFile(
            f"{_CONFIG} of the project is not JSON: {error}.", remedy=_REMEDY
        ) from error
    config = config if isinstance(config, dict) else {}
    names = parts.names
    listed = config.get("reviews")
    reviews = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    ids = [str(one.get("id")) for one in reviews]
    candidates = [
        "results.db",
        *(f"reviews/{one}/results.{end}" for one in ids for end in ("db", "sql")),
    ]
    results = next((name for name in candidates if name in names), None)
    if results is None:
        raise UnreadableFile(
            "The project has no database of results: it is of an unknown version, or its review "
            "was never started.",
            remedy="Open it in a newer ASReview, export it, and import that.",
        )
    datasets = config.get("datasets")
    first = datasets[0] if isinstance(datasets, list) and datasets else {}
    stated = first.get("name") if isinstance(first, dict) else None
    data = f"data/{stated or config.get('dataset_path')}"
    return _Project(
        results=results,
        store="data_store.db" if "data_store.db" in names else None,
        data=data if data in names else None,
        reviews=len(ids),
    )


def _parse(parts: _Parts, read_data: _ReadData) -> Iterator[Entry | Notice]:
    project = _find_project(parts)
    if project.reviews > 1:
        yield Notice(f"the project has {project.reviews} reviews; the first one was read")
    results = parts.unpack(project.results, "results")
    store = parts.unpack(project.store, "store") if project.store else results
    with open_read_only(results) as connection:
        labels = {
            row["record_id"]: row
            for row in read_table(connection, "results", _RESULT_COLUMNS, _ROW_LIMIT)
            if isinstance(row.get("record_id"), int)
        }
    with open_read_only(store) as connection:
        rows = sorted(
            read_table(connection, "record", _RECORD_COLUMNS, _ROW_LIMIT),
            key=lambda row: _number(row.get("record_id"), 0),
        )
    data: tuple[Record, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    if project.data is not None:
        with parts.unpack(project.data, "data").open("rb") as stream:
            try:
                data, rejected = read_data(stream)
            except UnreadableFile as error:
                if not rows:
                    raise
                yield Notice(f"the project's data set could not be read: {error.message}")
    if rows:
        yield from _from_store(rows, {record.position: record for record in data}, labels)
    elif data or rejected:
        yield from _from_data(data, rejected, labels)
    else:
        raise UnreadableFile("The project has no data set.", remedy=_REMEDY)


def _number(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise


def _from_store(
    rows: list[dict[str, Any]], data: Mapping[int, Record], labels: Mapping[Any, dict[str, Any]]
) -> Iterator[Entry]:
    """Records of the database; the file that they came from has more fields, if it is the same."""
    for position, row in enumerate(rows, start=1):
        # Copies are labelled together, under the record that the others are copies of.
        own = labels.get(row.get("record_id"))
        if own is None or own.get("label") is None:
            own = labels.get(row.get("duplicate_of"))
        known = data.get(_number(row.get("dataset_row"), -2) + 1)
        title = _text(row.get("title"))
        if known is not None and title_key(known.title) == title_key(title) and title_key(title):
            yield _labelled(replace(known, position=position), own)
            continue
        fields = Fields(
            position=position,
            title=title,
            abstract=_text(row.get("abstract")),
            authors=[Author(name) for name in _list(row.get("authors"))],
            date=_text(row.get("year")),
            year=_text(row.get("year")),
            doi=[_text(row.get("doi")) or ""],
            urls=[_text(row.get("url")) or ""],
            keywords=_list(row.get("keywords")),
            excerpt=f"record {row.get('record_id')}",
        )
        entry = create_record(fields)
        yield _labelled(entry, own) if isinstance(entry, Record) else entry


def _from_data(
    data: tuple[Record, ...], rejected: tuple[Rejected, ...], labels: Mapping[Any, dict[str, Any]]
) -> Iterator[Entry]:
    """Records of the data set; version 1 numbers them by a column of theirs, or else from 0."""
    entries: list[Entry] = [*data, *rejected]
    for entry in sorted(entries, key=lambda one: one.position):
        if isinstance(entry, Rejected):
            yield entry
            continue
        stated = entry.extra.get("record_id", "")
        number = int(stated) if stated.isdecimal() and len(stated) < 19 else entry.position - 1
        yield _labelled(entry, labels.get(number))


def _labelled(record: Record, result: Mapping[str, Any] | None) -> Record:
    """A record with its label, and no other: the data set's own labels are no decisions."""
    kept = {key: value for key, value in record.extra.items() if not key.startswith("asreview_")}
    if result is None or result.get("label") is None:
        return replace(record, label=None, extra=kept)
    stated = {
        LABEL: _text(result["label"]),
        TIME: _text(result.get("time") or result.get("labeling_time")),
        NOTE: _text(result.get("note") or result.get("notes")),
        USER_ID: _text(result.get("user_id")),
        TAGS: "; ".join(_tags(result.get("tags"))),
    }
    extra = kept | {key: value for key, value in stated.items() if value}
    return replace(record, label=parse_label(stated[LABEL]), extra=extra)


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int | float) else None


def _list(value: Any) -> list[str]:
    """Strings of a JSON list, as the database holds names and keywords."""
    try:
        items = parse_json(value) if isinstance(value, str) else []
    except ValueError:
        return []
    return [item for item in items if isinstance(item, str)] if isinstance(items, list) else []


def _tags(value: Any) -> list[str]:
    """Names of the tags that were put on a record: groups with their chosen values."""
    try:
        groups = parse_json(value) if isinstance(value, str) else []
    except ValueError:
        return []
    names: list[str] = []
    for group in groups if isinstance(groups, list) else ():
        values = group.get("values") if isinstance(group, dict) else None
        for one in values if isinstance(values, list) else ():
            if isinstance(one, dict) and one.get("checked") and one.get("label"):
                names.append(str(one["label"]).replace("; ", ", "))
    return names
