"""The decisions of a whole file: which tool wrote it, what is understood, and what is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from harvest.files.columns import column_key
from harvest.files.labels import asreview, covidence, eppi, own_exports, rayyan
from harvest.files.labels.judgement import (
    NOTHING,
    Judgement,
    Reading,
    find_agreed,
    is_conflict,
    is_undecided,
    parse_decision,
)
from harvest.files.labels.ours import DECISION, FULL_TEXT, TITLE_ABSTRACT
from harvest.record import Record
from harvest.text import storable

# Values of more than so many kinds are no decisions but free text.
_KINDS: Final = 50


@dataclass(frozen=True, slots=True)
class FileLabels:
    """What a file says about decisions on its records.

    Attributes:
        tool: which tool wrote it; None if a plain column of labels, or nothing, says so.
        by_position: judgements on each record that has any, by its position in the file.
        unread: how many records have each value that was not understood, most frequent first.
        by_name: whether the file's name alone says what was decided.
    """

    tool: str | None = None
    by_position: Mapping[int, tuple[Judgement, ...]] = field(default_factory=dict)
    unread: Mapping[str, int] = field(default_factory=dict)
    by_name: bool = False

    def find_agreed(self, position: int, stage: str = TITLE_ABSTRACT) -> Judgement | None:
        """The decision agreed on for a record at a stage; None if there is none."""
        return find_agreed(self.by_position.get(position, ()), stage)

    @property
    def conflicts(self) -> int:
        """Records on which people disagree at a stage."""
        return sum(
            is_conflict(made, TITLE_ABSTRACT) or is_conflict(made, FULL_TEXT)
            for made in self.by_position.values()
        )

    @property
    def people(self) -> tuple[str, ...]:
        """Names of the people who decided, in the order of the file."""
        names = (one.person for made in self.by_position.values() for one in made if one.person)
        return tuple(dict.fromkeys(names))

    def count(self, decision: str, stage: str = TITLE_ABSTRACT) -> int:
        """Count the records that have a decision at a stage."""
        agreed = (find_agreed(made, stage) for made in self.by_position.values())
        return sum(one is not None and one.decision == decision for one in agreed)


_STRIP: Final[Mapping[str, Callable[[Record], Record]]] = {
    "Winnow": own_exports.strip,
    "Rayyan": rayyan.strip,
    "EPPI-Reviewer": eppi.strip,
    "ASReview": asreview.strip,
    "Covidence": covidence.strip,
}


def strip_labels(record: Record, tool: str | None) -> Record:
    """A record without what a tool wrote about decisions on it.

    Decisions that were taken over are shown only to those who may see them; as notes of the record
    anybody would see them.
    """
    strip = _STRIP.get(tool or "")
    return strip(record) if strip else record


_Reader = Callable[[Record], Reading]
# How a record shows which tool wrote its file; the first tool that any record shows is taken.
_IS_MARKED: Final[Mapping[str, Callable[[Record], bool]]] = {
    "Winnow": own_exports.is_marked,
    "Rayyan": rayyan.is_marked,
    "EPPI-Reviewer": eppi.is_marked,
    "ASReview": asreview.is_marked,
    "Covidence": covidence.is_marked,
}


class LabelMarks:
    """Notes which tools a file's records show, so that their decisions can be read afterwards."""

    def __init__(self) -> None:
        self._tools: set[str] = set()
        self._labelled = False

    def add(self, record: Record) -> None:
        """Look at one record."""
        self._labelled = self._labelled or record.label is not None
        for tool, is_marked in _IS_MARKED.items():
            if tool not in self._tools and is_marked(record):
                self._tools.add(tool)

    def read(self, records: Iterable[Record], name: str, columns: Mapping[str, str]) -> FileLabels:
        """Find the decisions on the same records; see ``read_labels``."""
        column = columns.get("label")
        if not self._tools and column is None and not self._labelled:
            return FileLabels()
        tool, reader = self._find_reader(name, column)
        by_position: dict[int, tuple[Judgement, ...]] = {}
        unread: Counter[str] = Counter()
        for record in records:
            reading = reader(record)
            if reading.judgements:
                by_position[record.position] = tuple(map(_storable, reading.judgements))
            unread.update(set(map(storable, reading.unread)))
        return FileLabels(
            tool=tool,
            by_position=by_position,
            unread=dict(unread.most_common(_KINDS)),
            by_name=tool == "Covidence" and _needs_name(by_position.values()),
        )

    def _find_reader(self, name: str, column: str | None) -> tuple[str | None, _Reader]:
        """The tool that wrote the file, by its marks, and the reader of its records."""

        def label(record: Record) -> str | None:
            return None if column is None else record.extra.get(column, record.label or "")

        if "Winnow" in self._tools:
            ours = column is None or column_key(column) == column_key(DECISION)
            return "Winnow", lambda one: own_exports.read(one, label(one) if ours else None)
        if "Rayyan" in self._tools:
            return "Rayyan", rayyan.read
        if "EPPI-Reviewer" in self._tools:
            return "EPPI-Reviewer", eppi.read
        if column is not None and asreview.is_table([column]):
            return "ASReview", lambda record: asreview.read(record, label(record))
        if column is None and "ASReview" in self._tools:
            return "ASReview", asreview.read
        if column is None and "Covidence" in self._tools:
            outcome = covidence.find_outcome(name)
            return "Covidence", lambda record: covidence.read(record, outcome)
        return None, lambda record: _plain(record, label(record))


def read_labels(
    records: Iterable[Record], name: str = "", columns: Mapping[str, str] | None = None
) -> FileLabels:
    """Find the decisions on a file's records.

    Args:
        records: the file's records.
        name: what the file is called. Covidence says only there what was decided on titles and
            abstracts; the tool itself is recognised from the records.
        columns: field to column name, for tables.
    """
    known = list(records)
    marks = LabelMarks()
    for record in known:
        marks.add(record)
    return marks.read(known, name, columns or {})


def _storable(judgement: Judgement) -> Judgement:
    """A judgement in texts that a database takes: JSON can name any character."""
    return replace(
        judgement,
        person=storable(judgement.person or "") or None,
        reasons=tuple(map(storable, judgement.reasons)),
        labels=tuple(map(storable, judgement.labels)),
        note=storable(judgement.note or "") or None,
    )


def _needs_name(made: Iterable[tuple[Judgement, ...]]) -> bool:
    """Whether a record of Covidence has a decision without the reason that shows it."""
    return any(not judgement.reasons for judgements in made for judgement in judgements)


def _plain(record: Record, value: str | None) -> Reading:
    """A label in a column or field of its own."""
    value = record.label if value is None else value
    decision = parse_decision(value)
    if decision is not None:
        return Reading((Judgement(decision),))
    return NOTHING if value is None or is_undecided(value) else Reading(unread=(value,))
