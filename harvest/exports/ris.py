"""Write RIS: every entry begins with TY, every value is one line, decisions are in notes (N1).

The first note is ASReview's label, which it finds by looking through the notes in their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harvest.exports import names
from harvest.exports.entry import ExportEntry, StageDecision, clean_line
from harvest.exports.lists import join_list
from harvest.files.labels import ours
from harvest.reference_types import CODES, find_ris_code

Line = tuple[str, str | None]


def as_ris(entries: Iterable[ExportEntry]) -> Iterator[str]:
    """RIS, one entry at a time."""
    for entry in entries:
        written = ((tag, clean_line(value)) for tag, value in _lines(entry))
        yield "".join(f"{tag}  - {value}\n" for tag, value in written if value) + "ER  - \n\n"


def _lines(entry: ExportEntry) -> Iterator[Line]:
    record = entry.record
    yield "TY", find_ris_code(record)
    yield "TI", record.title
    yield from (("AU", author.name) for author in record.authors)
    yield "PY", str(record.year) if record.year else None
    if record.date != str(record.year):
        yield "DA", record.date
    yield "T2", record.venue
    yield "VL", record.volume
    yield "IS", record.issue
    yield from _pages(record.pages)
    yield "PB", record.publisher
    yield "SN", record.issn
    yield "DO", record.doi
    yield "C1", f"PMID: {record.pmid}" if record.pmid else None
    yield "C2", record.pmcid
    yield "AN", record.accession
    yield "DB", record.database
    yield "LA", record.language
    yield "M3", join_list(record.types)
    yield from (("UR", url) for url in record.urls)
    yield "AB", record.abstract
    yield from (("KW", word) for word in record.keywords)
    yield from _other_fields(entry)
    yield from (("N1", note) for note in _notes(entry))


def _pages(pages: str | None) -> Iterator[Line]:
    """First and last page, if they can be joined again; an article number is a first page."""
    first, mark, last = (pages or "").partition("-")
    if mark and first.isalnum() and last.isalnum() and first != last:
        yield "SP", first
        yield "EP", last
    else:
        yield "SP", pages


def _other_fields(entry: ExportEntry) -> Iterator[Line]:
    """Fields of a RIS file that a record has no attribute for, such as editors and addresses."""
    record = entry.record
    if entry.copies > 1 or not record.types or record.types[0] not in CODES:
        return
    for tag, value in record.extra.items():
        if tag in names.RIS_OTHER_TAGS and value != record.venue:
            yield from ((tag, line) for line in value.split("\n"))


def _notes(entry: ExportEntry) -> Iterator[str]:
    label = entry.decision.decision if entry.decision else None
    yield names.ASREVIEW_NOTES.get(label or "", names.ASREVIEW_UNSEEN)
    if entry.decision is None:
        yield f"{ours.RIS_NOTES[ours.DECISION]} {ours.UNDECIDED}"
    for made in entry.decisions:
        yield from _decision_notes(made)
    for name, value in _own_values(entry):
        yield f"{names.RIS_NOTES[name]} {value}"
    yield from map(names.mark_note, entry.record.notes)


def _decision_notes(made: StageDecision) -> Iterator[str]:
    values = (
        (ours.DECISION, made.decision),
        (ours.STAGE, made.stage),
        (ours.DECIDED_BY, made.decided_by),
        (ours.DECIDED_AT, made.decided_at),
        *((ours.REASONS, reason) for reason in made.reasons),
        (ours.NOTE, made.note),
    )
    for name, value in values:
        if clean_line(value):
            yield f"{ours.RIS_NOTES[name]} {value}"
    yield from (f"{names.QUESTION_NOTE} {question}" for question in made.questions)


def _own_values(entry: ExportEntry) -> Iterator[tuple[str, str]]:
    """What an export says that RIS has no tag for."""
    record = entry.record
    yield names.RECORD_ID, str(entry.record_id)
    yield names.REPORT_ID, str(entry.report_id)
    values = {
        names.COPIES: entry.copies if entry.copies > 1 else None,
        names.SOURCES: join_list(entry.sources),
        names.SOURCE_ID: entry.source_id,
        names.PLACE: entry.place,
        names.SCORE: None if entry.score is None else f"{entry.score:.6f}",
        names.N_DECISIONS: entry.n_decisions,
        names.ATTRIBUTION: entry.attribution,
        names.FILE_LABEL: record.label,
        names.TYPES: None if record.types else names.NOT_STATED,
        names.FLAGS: join_list(record.flags),
    }
    yield from ((name, str(value)) for name, value in values.items() if value not in (None, ""))
    yield from ((names.TAGS, tag) for tag in entry.tags)
    yield from ((names.TEAM_NOTES, note) for note in entry.team_notes)
    for author in record.authors:
        if author.collective:
            yield names.GROUP_AUTHORS, author.name
