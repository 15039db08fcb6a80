"""EPPI-Reviewer: codes of the kinds *Include* and *Exclude* on a reference.

The JSON export has all codes with their kinds; it does not say who coded. The RIS export has no
codes, but teams write their names ("EXCLUDE on date") into keywords or notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from harvest.files.labels.judgement import NOTHING, Decision, Judgement, Reading
from harvest.files.labels.ours import FULL_TEXT, TITLE_ABSTRACT
from harvest.json_text import parse_json
from harvest.record import Record

# The key in a record's ``extra`` for its codes, a JSON list of objects; see ``eppi_json``.
CODES: Final = "eppi_codes"
STATUS: Final = "ItemStatus"
_KINDS: Final[Mapping[str, Decision]] = {"include": "include", "exclude": "exclude"}
_FULL_TEXT = re.compile(r"\bfull[\s-]*(?:text|report|paper)", re.IGNORECASE)
_TITLE = re.compile(r"\b(?:titles?|abstracts?|t\s*&\s*a|ti\W*ab|t/a)\b", re.IGNORECASE)
_SECOND_OPINION = re.compile(r"\bsecond opinion\b", re.IGNORECASE)
_NAMED = re.compile(r"^(INCLUDE|EXCLUDE)D?\b(?:\s*[:-])?(?:\s+(?:on|based on|for|by)\b.*|\s*)$")


def is_marked(record: Record) -> bool:
    """Whether a record comes from EPPI-Reviewer."""
    if CODES in record.extra:
        return True
    return any(word.lower() in ("eppi-reviewer", "eppi-reviewer4") for word in record.keywords)


def read(record: Record) -> Reading:
    """What EPPI-Reviewer's codes say about a record.

    Codes of both kinds at one stage are not a conflict between people, as nobody is named; they
    are not understood, and neither is taken.
    """
    codes = _codes(record) if CODES in record.extra else _named_codes(record)
    by_stage: dict[str, dict[Decision, list[Mapping[str, Any]]]] = {}
    for code in codes:
        kind = _KINDS.get(str(code.get("type", "")).strip().lower())
        if kind is None:
            continue
        if kind == "include" and _SECOND_OPINION.search(str(code.get("name", ""))):
            kind = "maybe"
        by_stage.setdefault(_stage(code), {}).setdefault(kind, []).append(code)
    judgements: list[Judgement] = []
    unread: list[str] = []
    for stage, found in by_stage.items():
        if "exclude" in found and len(found) > 1:
            unread.append("codes to include and to exclude")
            continue
        decision = min(found, key=("include", "maybe", "exclude").index)
        judgements.append(_judgement(decision, stage, found[decision]))
    if not by_stage and record.extra.get(STATUS, "").strip().upper() == "E":
        unread.append("excluded from the review, without a code")
    return Reading(tuple(judgements), tuple(unread)) if judgements or unread else NOTHING


def _judgement(decision: Decision, stage: str, codes: Iterable[Mapping[str, Any]]) -> Judgement:
    names = dict.fromkeys(str(code.get("name", "")).strip() for code in codes)
    texts = dict.fromkeys(str(code.get("text", "")).strip() for code in codes)
    return Judgement(
        decision,
        stage=stage,
        reasons=tuple(filter(None, names)) if decision == "exclude" else (),
        note="; ".join(filter(None, texts)) or None,
    )


def _stage(code: Mapping[str, Any]) -> str:
    """The stage that a code's name says, or else those of the codes above it, or its set's."""
    above = code.get("above")
    names = [code.get("name"), *(reversed(above) if isinstance(above, list) else ())]
    for name in map(str, filter(None, names)):
        if _FULL_TEXT.search(name):
            return FULL_TEXT
        if _TITLE.search(name):
            return TITLE_ABSTRACT
    # A passage of the full text was marked for it.
    return FULL_TEXT if code.get("from_pdf") is True else TITLE_ABSTRACT


def _codes(record: Record) -> list[Mapping[str, Any]]:
    try:
        codes = parse_json(record.extra[CODES])
    except ValueError:
        return []
    return [code for code in codes if isinstance(code, dict)] if isinstance(codes, list) else []


def _named_codes(record: Record) -> list[Mapping[str, Any]]:
    """Names of codes in keywords and notes of RIS, which say in capitals what they do."""
    found: list[Mapping[str, Any]] = []
    for text in (*record.keywords, *record.notes):
        match = _NAMED.match(text.strip())
        if match:
            found.append({"type": match.group(1), "name": text.strip()})
    return found


def strip(record: Record) -> Record:
    """A record without its codes."""
    return replace(
        record,
        notes=tuple(note for note in record.notes if not _NAMED.match(note.strip())),
        keywords=tuple(word for word in record.keywords if not _NAMED.match(word.strip())),
        extra={name: value for name, value in record.extra.items() if name not in (CODES, STATUS)},
    )
