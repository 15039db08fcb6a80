"""Names of columns, keys, tags and notes of exports, besides those of decisions.

``harvest.files.labels.ours`` has the names of decisions. Writers and readers share both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harvest.files.labels import ours

REASON: Final = "reason"
QUESTIONS: Final = "questions"
RECORD_ID: Final = "record_id"
REPORT_ID: Final = "report_id"
COPIES: Final = "copies"
SOURCES: Final = "source"
SOURCE_ID: Final = "source_id"
PLACE: Final = "place"
SCORE: Final = "score"
N_DECISIONS: Final = "n_decisions_ranking"
ATTRIBUTION: Final = "attribution"
FILE_LABEL: Final = "file_label"
TAGS: Final = "tags"
TEAM_NOTES: Final = "team_notes"
TYPES: Final = "types"
FLAGS: Final = "flags"
GROUP_AUTHORS: Final = "group_authors"
# ASReview's label: 1, 0 or nothing.
INCLUDED: Final = "included"
OTHER_FIELDS: Final = "other_fields"

# What an entry says about itself, besides its record and the decisions on it.
ABOUT: Final = (
    *(RECORD_ID, REPORT_ID, COPIES, SOURCES, SOURCE_ID, PLACE, SCORE, N_DECISIONS),
    *(ATTRIBUTION, FILE_LABEL, TAGS, TEAM_NOTES),
)
# A file with both is an export of Winnow, and its values are read without any change.
MARKS: Final = frozenset({RECORD_ID, REPORT_ID})

NOT_STATED: Final = "not stated"
QUESTION_NOTE: Final = "Winnow question:"
RIS_NOTES: Final[Mapping[str, str]] = {
    RECORD_ID: "Winnow record:",
    REPORT_ID: "Winnow report:",
    COPIES: "Winnow copies:",
    SOURCES: "Winnow source:",
    SOURCE_ID: "Winnow source id:",
    PLACE: "Winnow place:",
    SCORE: "Winnow score:",
    N_DECISIONS: "Winnow decisions in ranking:",
    TAGS: "Winnow tag:",
    TEAM_NOTES: "Winnow team note:",
    ATTRIBUTION: "Winnow credit:",
    FILE_LABEL: "Winnow label in the file:",
    TYPES: "Winnow type:",
    FLAGS: "Winnow flags:",
    GROUP_AUTHORS: "Winnow group author:",
}
ALL_RIS_NOTES: Final = (*ours.RIS_NOTES.values(), QUESTION_NOTE, *RIS_NOTES.values())
# ASReview knows no "maybe": such a record goes to it as one that nobody has seen.
ASREVIEW_NOTES: Final[Mapping[str, str]] = {
    "include": "ASReview_relevant",
    "exclude": "ASReview_irrelevant",
}
ASREVIEW_UNSEEN: Final = "ASReview_not_seen"

# Tags that the writer fills from a record, and others that it passes on as a RIS file had them.
RIS_TAGS: Final = frozenset(
    "TY TI AU PY DA T2 VL IS SP EP PB SN DO C1 C2 AN DB LA M3 UR AB KW N1 ER".split()
)
RIS_OTHER_TAGS: Final = frozenset(
    "A2 A3 A4 AD AV BT C3 C4 C5 C6 C7 C8 CA CN CP CY DP ED ET ID J1 J2 JA JF JO L1 L2 L3 L4 LB LK "
    "M1 M2 NV OP PP RI RN RP SE ST T3 TA TT U1 U2 U3 U4 U5 VO Y2".split()
)


def is_own_note(note: str) -> bool:
    """Whether Winnow or ASReview wrote this note into a RIS file to say what was decided."""
    labels = (*ASREVIEW_NOTES.values(), ASREVIEW_UNSEEN)
    return note.strip() in labels or note.startswith(ALL_RIS_NOTES)


BY_NOTE: Final[Mapping[str, str]] = {**ours.RIS_NOTES, QUESTIONS: QUESTION_NOTE, **RIS_NOTES}
# Before a source's note that would otherwise be taken for one of the export's own.
_SOURCE_NOTE: Final = "Source note: "


def mark_note(note: str) -> str:
    """A source's note as RIS holds it, so that nobody takes it for what the team decided."""
    return f"{_SOURCE_NOTE}{note}" if is_own_note(_without_marks(note)) else note


def unmark_note(note: str) -> str:
    """The note that ``mark_note`` was given."""
    marked = note.startswith(_SOURCE_NOTE) and is_own_note(_without_marks(note))
    return note.removeprefix(_SOURCE_NOTE) if marked else note


def _without_marks(note: str) -> str:
    while note.startswith(_SOURCE_NOTE):
        note = note.removeprefix(_SOURCE_NOTE)
    return note
