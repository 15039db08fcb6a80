"""Covidence: one export for each stage and outcome, recognised by its name and its reasons.

Covidence writes reasons ("Exclusion reason: Wrong outcomes;") for full texts only. It says what was
decided on titles and abstracts in the name of the file alone: "review_123_irrelevant_csv_….csv".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from harvest.files.columns import column_key
from harvest.files.labels.judgement import NOTHING, Decision, Judgement, Reading
from harvest.files.labels.ours import FULL_TEXT, TITLE_ABSTRACT
from harvest.record import Record

_REASON = re.compile(r"exclusion reason:\s*([^;|\n]*)[;|\n]?", re.IGNORECASE)
_REVIEW_ID = re.compile(r"^\s*#?\d+\s*\[Covidence\]\s*$", re.IGNORECASE | re.MULTILINE)
# Words of a file's name, for what Covidence exports under them.
_NAMES: Final[Mapping[str, tuple[Decision, str]]] = {
    "select": ("include", TITLE_ABSTRACT),
    "irrelevant": ("exclude", TITLE_ABSTRACT),
    "included": ("include", FULL_TEXT),
    "excluded": ("exclude", FULL_TEXT),
}


def is_marked(record: Record) -> bool:
    """Whether a record carries Covidence's number: its column, or "12[Covidence]" in RIS."""
    return any(
        column_key(name) == "covidence" or bool(_REVIEW_ID.match(value))
        for name, value in record.extra.items()
    )


def find_outcome(name: str) -> tuple[Decision, str] | None:
    """What the name of a file says of all its records: a decision and its stage."""
    words = re.split(r"[^a-z]+", name.lower())
    found = {_NAMES[word] for word in words if word in _NAMES}
    return found.pop() if len(found) == 1 else None


def read(record: Record, outcome: tuple[Decision, str] | None) -> Reading:
    """What an export of Covidence says about a record.

    Args:
        record: the record.
        outcome: what the file's name says; see ``find_outcome``.
    """
    notes = " ".join(record.notes)
    reasons = tuple(
        dict.fromkeys(reason.strip() for reason in _REASON.findall(notes) if reason.strip())
    )
    rest = _REASON.sub("", notes).strip(" ;|")
    if outcome is None and reasons:
        outcome = ("exclude", FULL_TEXT)
    if outcome is None:
        return NOTHING
    decision, stage = outcome
    tags = next((v for name, v in record.extra.items() if column_key(name) == "tags"), "")
    judgement = Judgement(
        decision,
        stage=stage,
        reasons=reasons if decision == "exclude" else (),
        labels=tuple(filter(None, (tag.strip() for tag in re.split(r"[;,]", tags)))),
        note=rest or None,
    )
    return Reading((judgement,))


def strip(record: Record) -> Record:
    """A record without the reasons that Covidence wrote into its notes."""
    notes = (_REASON.sub("", note).strip(" ;|") for note in record.notes)
    return replace(record, notes=tuple(filter(None, notes)))
