"""Tags, notes and stars on records: who put them there, and who sees them.

Only its owner sees a star. Others' tags and notes appear together with their decisions, once the
record needs no more decisions, so that they cannot influence anybody who still has to screen it.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from store.core.chunks import CHUNK, batched
from store.core.errors import NotAllowed, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import Identity, Mark, RecordRow, Report, ReportState, is_shown, now
from store.reports.report_states import at_stage
from store.reviews import changes, members, reviews
from store.rules.agreed_decision import UNDECIDED
from store.rules.roles import LEADS, role_allows

KINDS: Final = ("tag", "note", "star")
_MAX_LENGTH: Final = {"tag": 60, "note": 10_000, "star": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkInfo:
    """A mark on a report; ``mine`` says whether the person who asks put it there."""

    id: int
    report_id: int
    kind: str
    text: str
    person: str | None
    mine: bool
    made_at: dt.datetime


@dataclass(frozen=True, slots=True)
class NewMark:
    """A mark to be put on a report.

    Attributes:
        kind: ``tag``, ``note`` or ``star``.
        text: of a tag or a note; a star has none.
        bulk_id: the bulk action that it is part of, if any.
    """

    kind: str
    text: str = ""
    bulk_id: int | None = None


@dataclass(frozen=True, slots=True)
class MarkFilter:
    """Narrows a list of records to a tag that a person sees, or to their stars."""

    person_id: int
    tag: str = ""
    star: bool = False


def validate_mark(kind: str, text: str) -> str:
    """Check the text of a mark, and return it without extra blanks.

    Raises:
        ValueError: the kind is unknown, or the text is missing or too long.
    """
    if kind not in KINDS:
        raise ValueError(f"a mark must be one of {', '.join(KINDS)}, not {kind!r}")
    if kind == "star":
        return ""
    text = " ".join(text.split()) if kind == "tag" else text.strip()
    if not text or len(text) > _MAX_LENGTH[kind]:
        raise ValueError(f"a {kind} must have 1 to {_MAX_LENGTH[kind]:,} characters")
    return text


def add_mark(
    session: WriteSession, review_id: int, person_id: int, report_id: int, mark: NewMark
) -> int:
    """Put a mark on a report, and return its id; a repeated tag or star keeps its first id.

    Raises:
        NotAllowed: the person does not screen this review.
        NotFound: the review has no such report.
        ValueError: see ``validate_mark``.
    """
    mark = replace(mark, text=validate_mark(mark.kind, mark.text))
    reviews.lock_review(session, review_id)
    members.require_role(session, review_id, person_id, "screen")
    mark_ids = add_marks(session, review_id, person_id, [report_id], mark)
    if not mark_ids:
        raise NotFound(f"there is no report {report_id} in this review")
    return mark_ids[0]


def add_marks(
    session: WriteSession,
    review_id: int,
    person_id: int,
    report_ids: Sequence[int],
    mark: NewMark,
) -> list[int]:
    """Put a mark on each of these reports, and return the ids of all, earlier ones included.

    The text must be valid already, see ``validate_mark``.
    """
    lead = role_allows(members.get_role(session, review_id, person_id), "lead")
    mark_ids = []
    for part in batched(report_ids, CHUNK):
        record_of = _get_first_records(session, review_id, part)
        earlier = {} if mark.kind == "note" else _get_own_marks(session, person_id, part, mark)
        new = [
            Mark(
                review_id=review_id,
                record_id=record_of[report_id],
                person_id=person_id,
                kind=mark.kind,
                text=mark.text,
                lead=lead,
                bulk_id=mark.bulk_id,
                made_at=now(),
            )
            for report_id in part
            if report_id in record_of and report_id not in earlier
        ]
        session.add_all(new)
        session.flush()
        _note_tags(session, new)
        mark_ids += [*earlier.values(), *(row.id for row in new)]
    return mark_ids


def _get_first_records(
    session: ReadSession, review_id: int, report_ids: Sequence[int]
) -> dict[int, int]:
    """The oldest record of each report that is in the review."""
    rows = session.execute(
        select(Report.id, func.min(RecordRow.id))
        .join(RecordRow, RecordRow.report_id == Report.id)
        .where(Report.review_id == review_id, Report.id.in_(report_ids), is_shown(Report.intake_id))
        .group_by(Report.id)
    )
    return {row[0]: row[1] for row in rows}


def _get_own_marks(
    session: ReadSession, person_id: int, report_ids: Sequence[int], mark: NewMark
) -> dict[int, int]:
    """The ids of a person's marks that are the same as this one, by report."""
    rows = session.execute(
        select(RecordRow.report_id, Mark.id)
        .join(RecordRow, RecordRow.id == Mark.record_id)
        .where(
            RecordRow.report_id.in_(report_ids),
            Mark.person_id == person_id,
            Mark.kind == mark.kind,
            Mark.text == mark.text,
            Mark.removed_at.is_(None),
        )
    )
    return {row[0]: row[1] for row in rows}


def remove_mark(session: WriteSession, review_id: int, person_id: int, mark_id: int) -> None:
    """Remove a mark: a person's own, or as a lead anybody's tag.

    Raises:
        NotFound: the review has no such mark, or it is already removed.
        NotAllowed: the mark is another person's.
    """
    reviews.lock_review(session, review_id)
    role = members.require_role(session, review_id, person_id, "screen")
    row = session.get(Mark, mark_id)
    if row is None or row.review_id != review_id or row.removed_at is not None:
        raise NotFound(f"there is no mark {mark_id} in this review")
    if row.person_id != person_id and not (row.kind == "tag" and role in LEADS):
        raise NotAllowed("Only the person who made a mark can remove it, or a lead if it is a tag.")
    row.removed_at = now()
    session.flush()
    _note_tags(session, [row])


def _note_tags(session: WriteSession, rows: Sequence[Mark]) -> None:
    """Record that marks have come or gone, if records may be assigned by them."""
    if any(row.kind == "tag" and row.lead for row in rows):
        changes.note_rule_change(session, rows[0].review_id)


def _shared() -> Any:
    """A condition on ``Mark`` and its ``ReportState``: everybody in the review sees the mark."""
    return (Mark.kind != "star") & ReportState.state.not_in(UNDECIDED)


def _visible_to(person_id: int) -> Any:
    """A condition on ``Mark`` and its ``ReportState``: the person sees the mark."""
    return or_(Mark.person_id == person_id, _shared())


def _marks_query(review_id: int, visible: Any) -> Any:
    """A query for the marks of a review that are visible, oldest first: mark, person, report."""
    return (
        select(Mark, Identity.name, Report.id)
        .join(RecordRow, RecordRow.id == Mark.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .join(ReportState, at_stage())
        .outerjoin(Identity, Identity.person_id == Mark.person_id)
        .where(Mark.review_id == review_id, Mark.removed_at.is_(None), visible)
        .order_by(Mark.id)
    )


def _mark_info(row: Mark, name: str | None, report_id: int, person_id: int | None) -> MarkInfo:
    return MarkInfo(
        id=row.id,
        report_id=report_id,
        kind=row.kind,
        text=row.text,
        person=name,
        mine=row.person_id == person_id,
        made_at=row.made_at,
    )


def list_shared_marks(
    session: ReadSession, review_id: int, report_ids: Sequence[int]
) -> dict[int, list[MarkInfo]]:
    """The marks on some reports that everybody in a review sees, by report, oldest first.

    Args:
        session: a reading session.
        review_id: the review.
        report_ids: the reports, a few hundred at most.
    """
    by_report: dict[int, list[MarkInfo]] = defaultdict(list)
    query = _marks_query(review_id, _shared()).where(RecordRow.report_id.in_(report_ids))
    for row, name, report_id in session.execute(query):
        by_report[report_id].append(_mark_info(row, name, report_id, None))
    return by_report


def list_marks_by_report(
    session: ReadSession, review_id: int, person_id: int, report_ids: Iterable[int]
) -> dict[int, list[MarkInfo]]:
    """The marks that a person sees on each of these reports, oldest first."""
    by_report: dict[int, list[MarkInfo]] = defaultdict(list)
    for part in batched(set(report_ids), CHUNK):
        query = _marks_query(review_id, _visible_to(person_id)).where(Report.id.in_(part))
        for row, name, report_id in session.execute(query):
            by_report[report_id].append(_mark_info(row, name, report_id, person_id))
    return by_report


def list_tags(session: ReadSession, review_id: int, person_id: int) -> list[str]:
    """The tags that a person sees anywhere in a review, in alphabetical order."""
    rows = session.scalars(
        select(Mark.text)
        .join(RecordRow, RecordRow.id == Mark.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .join(ReportState, at_stage())
        .where(
            Mark.review_id == review_id,
            Mark.kind == "tag",
            Mark.removed_at.is_(None),
            _visible_to(person_id),
        )
        .distinct()
    )
    return sorted(rows, key=str.casefold)


def mark_condition(marked: MarkFilter) -> Any:
    """A condition: the record's report has a tag that a person sees, or their star."""
    copy = aliased(RecordRow)
    kind = Mark.kind == "star" if marked.star else Mark.kind == "tag"
    query = (
        select(Mark.id)
        .join(copy, copy.id == Mark.record_id)
        .where(copy.report_id == RecordRow.report_id, Mark.removed_at.is_(None), kind)
    )
    if marked.star:
        return query.where(Mark.person_id == marked.person_id).exists()
    # The query of the list joins ``ReportState``.
    return query.where(Mark.text == marked.tag, _visible_to(marked.person_id)).exists()


def find_reports_tagged_by_leads(session: ReadSession, review_id: int, tag: str) -> set[int]:
    """Find reports with a tag that a lead put on one of their records."""
    rows = session.scalars(
        select(RecordRow.report_id)
        .join(Mark, Mark.record_id == RecordRow.id)
        .where(
            Mark.review_id == review_id,
            Mark.kind == "tag",
            Mark.text == tag,
            Mark.lead.is_(True),
            Mark.removed_at.is_(None),
        )
        .distinct()
    )
    return set(rows)


def remove_bulk_marks(session: WriteSession, bulk_id: int) -> int:
    """Remove the marks that a bulk action made, and return how many it had."""
    query = select(Mark).where(Mark.bulk_id == bulk_id, Mark.removed_at.is_(None))
    rows = session.scalars(query).all()
    for row in rows:
        row.removed_at = now()
    session.flush()
    _note_tags(session, rows)
    return len(rows)
