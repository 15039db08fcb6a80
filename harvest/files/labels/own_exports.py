"""Winnow's own exports: decisions with person, time, stage, reasons and note."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from harvest.exports import names
from harvest.files.labels.judgement import (
    NOTHING,
    Judgement,
    Reading,
    is_undecided,
    parse_decision,
    parse_time,
)
from harvest.files.labels.ours import (
    BIBTEX_PREFIX,
    DECIDED_AT,
    DECIDED_BY,
    DECISION,
    FIELDS,
    FULL_TEXT,
    FULL_TEXT_PREFIX,
    NOTE,
    REASONS,
    RIS_NOTES,
    STAGE,
    TITLE_ABSTRACT,
    UNDECIDED,
)
from harvest.json_text import parse_json
from harvest.record import Record

_STAGES: Final = (TITLE_ABSTRACT, FULL_TEXT)


def is_marked(record: Record) -> bool:
    """Whether a record has fields or notes that Winnow's exports write."""
    keys = record.extra.keys()
    if DECIDED_BY in keys or f"{FULL_TEXT_PREFIX}{DECISION}" in keys:
        return True
    if f"{BIBTEX_PREFIX}{DECISION}" in keys:
        return True
    return _read_back(record) or _has_note(record)


def _read_back(record: Record) -> bool:
    """Whether the record comes from an export that nothing has changed.

    Then ``extra`` has the decisions, and the notes are the source's own, whatever they say.
    """
    return record.extra.keys() >= names.MARKS


def _has_note(record: Record) -> bool:
    return any(note.startswith(RIS_NOTES[DECISION]) for note in record.notes)


def read(record: Record, label: str | None = None) -> Reading:
    """What an export of Winnow says about a record.

    Args:
        record: the record.
        label: the value of the column ``decision``, if the file is a table.
    """
    if not _read_back(record) and _has_note(record):
        groups = list(_from_notes(record))
    else:
        groups = _from_fields(record, label)
    judgements: list[Judgement] = []
    unread: list[str] = []
    for group in groups:
        decision = parse_decision(group.get(DECISION))
        stage = group.get(STAGE) or TITLE_ABSTRACT
        if decision is None:
            if not is_undecided(group.get(DECISION)):
                unread.append(group[DECISION])
        elif stage not in _STAGES:
            unread.append(f"stage {stage}")
        else:
            judgements.append(
                Judgement(
                    decision,
                    person=group.get(DECIDED_BY) or None,
                    decided_at=parse_time(group.get(DECIDED_AT)),
                    stage=stage,
                    reasons=_reasons(group.get(REASONS)) if decision == "exclude" else (),
                    note=group.get(NOTE) or None,
                )
            )
    return Reading(tuple(judgements), tuple(unread)) if judgements or unread else NOTHING


def strip(record: Record) -> Record:
    """A record without the decisions and notes that Winnow's exports write.

    Its label is the one that the export states, not the decision.
    """
    begins = tuple(RIS_NOTES.values())
    prefixes = ("", FULL_TEXT_PREFIX, BIBTEX_PREFIX, f"{BIBTEX_PREFIX}{FULL_TEXT_PREFIX}")
    fields = {f"{prefix}{name}" for prefix in prefixes for name in FIELDS}
    return replace(
        record,
        label=record.extra.get(names.FILE_LABEL),
        notes=tuple(note for note in record.notes if not note.startswith(begins)),
        extra={name: value for name, value in record.extra.items() if name.lower() not in fields},
    )


def _from_notes(record: Record) -> Iterator[dict[str, str]]:
    """The decisions in the notes of RIS: each begins with its decision."""
    groups: list[dict[str, list[str]]] = []
    for note in record.notes:
        for field, begin in RIS_NOTES.items():
            if not note.startswith(begin):
                continue
            if field == DECISION:
                groups.append({})
            if groups:
                groups[-1].setdefault(field, []).append(note.removeprefix(begin).strip())
    for group in groups:
        yield {
            field: "; ".join(values) if field == REASONS else values[0]
            for field, values in group.items()
        }


def _from_fields(record: Record, label: str | None) -> list[dict[str, str]]:
    extra = {name.lower(): value for name, value in record.extra.items()}
    groups = [_group(extra, prefix) for prefix in ("", BIBTEX_PREFIX)]
    if label is not None:
        groups[0][DECISION] = label
    if NOTE not in groups[0] and record.notes and not _read_back(record):
        # In tables this column is taken for the record's notes.
        groups[0][NOTE] = record.notes[0]
    for prefix in (FULL_TEXT_PREFIX, f"{BIBTEX_PREFIX}{FULL_TEXT_PREFIX}"):
        groups.append(_group(extra, prefix) | {STAGE: FULL_TEXT})
    return [group for group in groups if group.get(DECISION, UNDECIDED) != UNDECIDED]


def _group(fields: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name: fields[f"{prefix}{name}"] for name in FIELDS if f"{prefix}{name}" in fields}


def _reasons(value: str | None) -> tuple[str, ...]:
    """Reasons from text joined with "; ", or from a list in JSON."""
    text = (value or "").strip()
    if text.startswith("["):
        try:
            items = parse_json(text)
        except ValueError:
            items = None
        if isinstance(items, list):
            return tuple(dict.fromkeys(str(item) for item in items if item))
    return tuple(dict.fromkeys(part.strip() for part in text.split("; ") if part.strip()))
