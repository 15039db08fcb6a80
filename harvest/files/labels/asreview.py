"""ASReview: one label a record, in columns (CSV), in notes (RIS) or in a project's database."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from harvest.files.columns import column_key
from harvest.files.labels.judgement import (
    NOTHING,
    Decision,
    Judgement,
    Reading,
    is_undecided,
    parse_decision,
    parse_time,
)
from harvest.json_text import parse_json
from harvest.record import Record

# Keys of a record's ``extra``, as in the columns of ASReview's own tables.
LABEL: Final = "asreview_label"
TIME: Final = "asreview_time"
NOTE: Final = "asreview_note"
USER: Final = "asreview_user_name"
USER_EMAIL: Final = "asreview_user_email"
USER_ID: Final = "asreview_user_id"
TAGS: Final = "asreview_tags"

_MARK = re.compile(r"\bASReview_(relevant|irrelevant|not_seen|prior)\b")
_DECISIONS: Final[Mapping[str, Decision]] = {"relevant": "include", "irrelevant": "exclude"}
_NAMED_NOTE = re.compile(r"^(asreview_\w+):\s*(.*)$", re.DOTALL)
_TAG = re.compile(r"^asreview_tag_(.+)$")


def is_table(columns: Collection[str]) -> bool:
    """Whether a table has ASReview's columns."""
    return "asreviewlabel" in {column_key(name) for name in columns}


def is_marked(record: Record) -> bool:
    """Whether a record carries ASReview's notes or a label of its database."""
    if LABEL in record.extra:
        return True
    return any(_MARK.search(text) for text in (*record.notes, *record.keywords))


def find_label(texts: Iterable[str]) -> Decision | None:
    """The decision in notes or keywords; None if there is none, or there are two."""
    marks = {mark for text in texts for mark in _MARK.findall(text)} & set(_DECISIONS)
    return _DECISIONS[marks.pop()] if len(marks) == 1 else None


def read(record: Record, label: str | None = None) -> Reading:
    """What ASReview says about a record.

    Args:
        record: the record.
        label: the value of its label, if the file is a table.
    """
    fields = _fields(record)
    raw = label if label is not None else fields.get(LABEL)
    if raw is not None:
        decision = parse_decision(raw)
        if decision is None:
            return NOTHING if is_undecided(raw) else Reading(unread=(raw,))
    else:
        texts = (*record.notes, *record.keywords)
        decision = find_label(texts)
        if decision is None:
            both = all(any(f"ASReview_{word}" in text for text in texts) for word in _DECISIONS)
            return Reading(unread=("relevant and irrelevant",)) if both else NOTHING
    user = fields.get(USER) or fields.get(USER_EMAIL)
    if not user and fields.get(USER_ID):
        user = f"ASReview user {fields[USER_ID]}"
    judgement = Judgement(
        decision,
        person=user or None,
        decided_at=parse_time(fields.get(TIME)),
        labels=_labels(fields),
        note=fields.get(NOTE) or None,
    )
    return Reading((judgement,))


def strip(record: Record) -> Record:
    """A record without ASReview's labels, notes and tags."""
    notes = (
        _MARK.sub("", note).strip(" .") for note in record.notes if not _NAMED_NOTE.match(note)
    )
    return replace(
        record,
        notes=tuple(filter(None, notes)),
        keywords=tuple(word for word in record.keywords if not _MARK.search(word)),
        extra={
            name: value
            for name, value in record.extra.items()
            if not name.lower().startswith("asreview_")
        },
    )


def _fields(record: Record) -> dict[str, str]:
    """Values by name of column: of the table, or of notes such as ``asreview_time: 1.7e9``."""
    fields = {name.lower(): value for name, value in record.extra.items()}
    for note in record.notes:
        match = _NAMED_NOTE.match(note)
        if match:
            fields.setdefault(match.group(1), _unquoted(match.group(2)))
    return {name: value for name, value in fields.items() if value.strip().lower() != "nan"}


def _unquoted(text: str) -> str:
    """A value that RIS notes hold as JSON, as text."""
    try:
        value = parse_json(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text


def _labels(fields: Mapping[str, str]) -> tuple[str, ...]:
    """Tags: one column each in tables, a list of names in a project's database."""
    named = [match.group(1) for name in fields if (match := _TAG.match(name))]
    put = [name for name in named if fields[f"asreview_tag_{name}"].strip() in ("1", "1.0")]
    return tuple(dict.fromkeys([*put, *filter(None, fields.get(TAGS, "").split("; "))]))
