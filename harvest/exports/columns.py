"""Entries as flat values, for tables and JSON Lines: one name for each field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from harvest.exports import names
from harvest.exports.entry import ExportEntry, StageDecision, clean_block
from harvest.exports.lists import join_list
from harvest.files.labels import ours

_TEXTS: Final = (
    *("title", "abstract", "year", "date", "venue", "volume", "issue", "pages", "publisher"),
    *("doi", "pmid", "pmcid", "issn", "language", "accession", "database"),
)
_DECISION: Final = (
    *(ours.DECISION, ours.STAGE, ours.DECIDED_BY, ours.DECIDED_AT, ours.NOTE),
    *(names.REASON, ours.REASONS, names.QUESTIONS),
)
_FULL_TEXT: Final = tuple(
    f"{ours.FULL_TEXT_PREFIX}{name}" for name in _DECISION if name != ours.STAGE
)
Cell = str | int | float | None

# A table's columns. "url" is the first of "urls", for tools that follow one link.
COLUMNS: Final = (
    *(names.RECORD_ID, "title", "abstract", "authors", "year", "venue", "volume", "issue"),
    *("pages", "doi", "pmid", "pmcid", "url", "language", "types", "keywords"),
    *(names.REPORT_ID, names.COPIES, names.SOURCES, names.SOURCE_ID),
    *(names.INCLUDED, *_DECISION, *_FULL_TEXT, names.TAGS, names.TEAM_NOTES),
    *(names.SCORE, names.PLACE, names.N_DECISIONS, names.ATTRIBUTION),
    *("date", "publisher", "issn", "urls", names.GROUP_AUTHORS, "accession", "database", "notes"),
    *(names.FILE_LABEL, names.FLAGS, names.OTHER_FIELDS),
)
# Columns that fill no field of a record: readers keep them in ``extra``.
STATEMENTS: Final = (*names.ABOUT, *_DECISION, *_FULL_TEXT)
# Before the name of a source's field that would be taken for a statement of the export.
RENAMED: Final = "file_"
_INCLUDED: Final[Mapping[str, int]] = {"include": 1, "exclude": 0}


def flatten(entry: ExportEntry) -> dict[str, Any]:
    """An entry's values by the names of ``COLUMNS``: texts, numbers, lists of texts, and an object.

    What is missing is None or an empty list.
    """
    record = entry.record
    label = entry.decision.decision if entry.decision else ""
    values: dict[str, Any] = {name: getattr(record, name) for name in _TEXTS}
    values |= {
        names.RECORD_ID: entry.record_id,
        names.REPORT_ID: entry.report_id,
        names.COPIES: entry.copies,
        names.TAGS: list(entry.tags),
        names.TEAM_NOTES: list(entry.team_notes),
        names.SOURCES: list(entry.sources),
        names.SOURCE_ID: entry.source_id,
        "authors": [author.name for author in record.authors],
        names.GROUP_AUTHORS: [author.name for author in record.authors if author.collective],
        "url": record.urls[0] if record.urls else None,
        "urls": list(record.urls),
        names.TYPES: list(record.types),
        "keywords": list(record.keywords),
        "notes": list(record.notes),
        names.FLAGS: list(record.flags),
        names.FILE_LABEL: record.label,
        names.OTHER_FIELDS: _others(record.extra),
        names.INCLUDED: _INCLUDED.get(label),
        names.SCORE: None if entry.score is None else round(entry.score, 6),
        names.PLACE: entry.place,
        names.N_DECISIONS: entry.n_decisions,
        names.ATTRIBUTION: entry.attribution,
        **_decision(entry.decision),
        **_decision(entry.full_text, ours.FULL_TEXT_PREFIX),
    }
    return {name: _clean(values[name]) for name in COLUMNS}


def _decision(made: StageDecision | None, prefix: str = "") -> dict[str, Any]:
    if made is None:
        return {f"{prefix}{name}": None for name in _DECISION}
    return {
        f"{prefix}{ours.DECISION}": made.decision,
        f"{prefix}{ours.STAGE}": made.stage,
        f"{prefix}{ours.DECIDED_BY}": made.decided_by,
        f"{prefix}{ours.DECIDED_AT}": made.decided_at,
        f"{prefix}{ours.NOTE}": made.note,
        f"{prefix}{names.REASON}": made.reason,
        f"{prefix}{ours.REASONS}": list(made.reasons),
        f"{prefix}{names.QUESTIONS}": list(made.questions),
    }


def _others(extra: Mapping[str, str]) -> dict[str, str]:
    """The source's other fields, without what an earlier export said besides the record."""
    if not extra.keys() >= names.MARKS:
        return dict(extra)
    return {_former(name): value for name, value in extra.items() if name not in STATEMENTS}


def _former(name: str) -> str:
    """The source's name for a field that got another one when an export was read."""
    former = name.removeprefix(RENAMED)
    return former if is_statement(former) else name


def is_statement(name: str) -> bool:
    """Whether a field of a source has the name of what an export says besides the record."""
    return name.lower().removeprefix(ours.BIBTEX_PREFIX) in STATEMENTS


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean_block(value)
    if isinstance(value, list):
        return [text for text in map(clean_block, value) if text]
    if isinstance(value, dict):
        return {clean_block(key) or "": clean_block(text) or "" for key, text in value.items()}
    return value


def as_cells(entry: ExportEntry, longest: int | None = None) -> dict[str, Cell]:
    """An entry's values for a table: lists joined by "; ", links by blanks, objects as JSON.

    Args:
        entry: the entry.
        longest: characters that a cell holds; None for any number. A longer list loses items from
            its end, a longer text its end, and ``flags`` say so ("cut-authors").
    """
    values = flatten(entry)
    cells = {name: _cell(name, value) for name, value in values.items()}
    if longest is None or all(len(str(cell or "")) <= longest for cell in cells.values()):
        cells[names.FLAGS] = _cell(names.FLAGS, list(dict.fromkeys(values[names.FLAGS])))
        return cells
    fitted = {name: _fit(name, value, longest) for name, value in values.items()}
    cut = [
        f"cut-{name}" for name, value in values.items() if _length(value) > _length(fitted[name])
    ]
    fitted[names.FLAGS] = list(dict.fromkeys([*values[names.FLAGS], *cut]))
    return {name: _cell(name, value) for name, value in fitted.items()}


def _length(value: Any) -> int:
    return len(value) if isinstance(value, (str, list, dict)) else 0


def _fit(name: str, value: Any, longest: int | None) -> Any:
    def fits(part: Any) -> bool:
        return longest is None or len(str(_cell(name, part) or "")) <= longest

    if fits(value):
        return value
    if isinstance(value, str):
        return value[:longest]
    if isinstance(value, dict):
        # The longest go first, so that most stay.
        kept = dict(value)
        for key in sorted(value, key=lambda key: -len(value[key])):
            del kept[key]
            if fits(kept):
                break
        return kept
    low, high = 0, len(value)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(value[:middle]) else (low, middle - 1)
    return value[:low]


def _cell(name: str, value: Any) -> Cell:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else None
    if isinstance(value, list):
        return (_join(name, value)) or None
    return value  # type: ignore[no-any-return] # a text, a number or None, as ``Cell`` says


def _join(name: str, values: Iterable[str]) -> str:
    # A link has no blank, but may have a semicolon.
    return " ".join(values) if name == "urls" else join_list(values)
