"""Known relevant records from a file, or from this review's own includes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO

from api.services.searching.imported_labels import count_labelled, is_relevant
from harvest.exports import names
from harvest.file_content import FileContent
from harvest.files.build import MALFORMED_ID
from harvest.files.labels import ours
from harvest.parsing.child import open_file
from harvest.record import Record
from store.core.session import ReadSession
from store.reports import record_texts
from store.screening import decision_labels
from store.searching import gold

# How many columns of a list are kept, and how long their names and values may be.
_TAGS, _TAG_NAME, _TAG_VALUE = 20, 60, 200


def read_gold_file(
    stream: BinaryIO, *, search_use: str, ranking_use: str
) -> tuple[list[gold.NewGold], str]:
    """Known relevant records of a file: those labelled relevant, or all if none has a label.

    Returns:
        The records, and the file's SHA-256.

    Raises:
        UnreadableFile: the file cannot be read.
        ValueError: a use is unknown.
    """
    if search_use not in gold.SEARCH_USES or ranking_use not in gold.RANKING_USES:
        raise ValueError(
            f"uses must be one of {gold.SEARCH_USES} and one of {gold.RANKING_USES}, "
            f"not {search_use!r} and {ranking_use!r}"
        )
    with open_file(stream) as file:
        content, labels = file.content(), file.labels
    origin = "own-includes" if _is_own_export(content) else "list"
    labelled = count_labelled(content.records, labels) > 0
    chosen = [
        gold_from_record(
            record,
            f"{content.sha256}#{record.position}",
            search_use=search_use,
            ranking_use=ranking_use,
            origin=origin,
        )
        for record in content.records
        if not labelled or is_relevant(record, labels)
    ]
    return chosen, content.sha256


def _is_own_export(content: FileContent) -> bool:
    """Whether Winnow wrote the file: its includes were found by reading in ranked order."""
    # Programs that pass an export on change its tags, but keep its notes.
    begin = ours.RIS_NOTES[ours.DECISION]
    return any(
        record.extra.keys() >= names.MARKS or any(note.startswith(begin) for note in record.notes)
        for record in content.records
    )


def list_own_includes(session: ReadSession, review_id: int) -> list[gold.NewGold]:
    """This review's own includes as a list of known relevant records.

    This search and this order found them, so no figure from them is an estimate while records are
    unread.
    """
    included = {
        label.report_id
        for label in decision_labels.list_labels(session, review_id)
        if label.decision == "include"
    }
    return [
        gold.NewGold(
            title=text.title,
            year=text.year,
            doi=text.doi,
            pmid=text.pmid,
            source_id=text.source_id,
            search_use="development",
            ranking_use="held_out",
            origin="own-includes",
        )
        for text in record_texts.list_report_texts(session, review_id)
        if text.report_id in included
    ]


def gold_from_record(
    record: Record,
    source_id: str | None,
    *,
    search_use: str = "validation",
    ranking_use: str = "held_out",
    origin: str = "list",
) -> gold.NewGold:
    """A known relevant record from a record of a file."""
    return gold.NewGold(
        title=record.title,
        abstract=record.abstract,
        year=record.year,
        doi=record.doi,
        pmid=record.pmid,
        source_id=source_id,
        search_use=search_use,
        ranking_use=ranking_use,
        origin=origin,
        tags=_tags(record.extra),
    )


def _tags(extra: Mapping[str, str]) -> dict[str, str]:
    """Short columns, by which recall can be broken down; long texts name no kind of record."""
    short = [
        (name, value)
        for name, value in extra.items()
        if len(name) <= _TAG_NAME and len(value) <= _TAG_VALUE and name != MALFORMED_ID
    ]
    return dict(short[:_TAGS])
