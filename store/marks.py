"""Tags, notes and stars on records: whose they are, and who sees them.

A star is its owner's alone. Tags and notes of others are seen where their decisions are: not before
nobody is to decide the record any more. So a tag says nothing to whoever screens after it.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from store import members, reviews
from store.chunks import CHUNK, batched
from store.errors import NotAllowed, NotFound
from store.roles import LEADS, may
from store.session import ReadSession, WriteSession
from store.shared_tables import Mark
from store.tables import Identity, RecordRow, Report, now
from store.verdicts import UNDECIDED

KINDS: Final = ("tag", "note", "star")
_MOST: Final = {"tag": 60, "note": 10_000, "star": 0}


@dataclass(frozen=True, slots=True)
class MarkInfo:
    """A mark on a record. ``mine`` of whoever asked."""

    id: int
    report_id: int
    kind: str
    text: str
    person: str | None
    mine: bool
    made_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Marked:
    """What a list of records is narrowed to: what a person sees tagged, or has given a star."""

    person_id: int
    tag: str = ""
    star: bool = False


def checked(kind: str, text: str) -> str:
    """The text of a mark, blanks folded.

    Raises:
        ValueError: no such kind, no text, or too much of it.
    """
    if kind not in KINDS:
        raise ValueError(f"a mark is one of {', '.join(KINDS)}, not {kind!r}")
    words = " ".join(text.split()) if kind == "tag" else text.strip()
    if kind == "star":
        return ""
    if not words or len(words) > _MOST[kind]:
        raise ValueError(f"a {kind} has 1 to {_MOST[kind]:,} characters")
    return words


def add(
    session: WriteSession, review_id: int, person_id: int, report_id: int, kind: str, text: str
) -> int:
    """Put a mark on a report; the same tag or star again is the one that is there.

    Returns:
        Its number.

    Raises:
        NotAllowed: the person does not screen this review.
        NotFound: the review has no such report.
        ValueError: see ``checked``.
    """
    words = checked(kind, text)
    reviews.lock(session, review_id)
    members.require(session, review_id, person_id, "screen")
    found = put(session, review_id, person_id, [report_id], kind, words)
    if not found:
        raise NotFound(f"there is no report {report_id} in this review")
    return found[0]


def put(
    session: WriteSession,
    review_id: int,
    person_id: int,
    report_ids: Sequence[int],
    kind: str,
    text: str,
    *,
    bulk_id: int | None = None,
) -> list[int]:
    """Put a mark on each of these reports; gives the numbers of all, of those there before too."""
    lead = may(members.role_of(session, review_id, person_id), "lead")
    numbers = []
    for part in batched(report_ids, CHUNK):
        first = dict(
            session.execute(
                select(Report.id, func.min(RecordRow.id))
                .join(RecordRow, RecordRow.report_id == Report.id)
                .where(Report.review_id == review_id, Report.id.in_(part))
                .group_by(Report.id)
            ).all()
        )
        there = {}
        if kind != "note":
            rows = session.execute(
                select(RecordRow.report_id, Mark.id)
                .join(RecordRow, RecordRow.id == Mark.record_id)
                .where(
                    RecordRow.report_id.in_(part),
                    Mark.person_id == person_id,
                    Mark.kind == kind,
                    Mark.text == text,
                    Mark.removed_at.is_(None),
                )
            )
            there = {row[0]: row[1] for row in rows}
        new = [
            Mark(
                review_id=review_id,
                record_id=first[report_id],
                person_id=person_id,
                kind=kind,
                text=text,
                lead=lead,
                bulk_id=bulk_id,
                made_at=now(),
            )
            for report_id in part
            if report_id in first and report_id not in there
        ]
        session.add_all(new)
        session.flush()
        numbers += [*there.values(), *(mark.id for mark in new)]
    return numbers


def remove(session: WriteSession, review_id: int, person_id: int, mark_id: int) -> None:
    """Take a mark off: one's own; a lead takes off anybody's tag.

    Raises:
        NotFound: the review has no such mark, or it is off.
        NotAllowed: it is another's.
    """
    role = members.require(session, review_id, person_id, "screen")
    row = session.get(Mark, mark_id)
    if row is None or row.review_id != review_id or row.removed_at is not None:
        raise NotFound(f"there is no mark {mark_id} in this review")
    if row.person_id != person_id and not (row.kind == "tag" and role in LEADS):
        raise NotAllowed("A mark is taken off by whoever put it there; a tag by a lead too.")
    row.removed_at = now()
    session.flush()


def _seen_by(person_id: int) -> Any:
    """That a person sees a mark (of ``Mark`` and its ``Report``)."""
    return or_(Mark.person_id == person_id, (Mark.kind != "star") & Report.state.not_in(UNDECIDED))


def on_reports(
    session: ReadSession, review_id: int, person_id: int, report_ids: Iterable[int]
) -> dict[int, list[MarkInfo]]:
    """The marks that a person sees on each of these reports, oldest first."""
    found: dict[int, list[MarkInfo]] = defaultdict(list)
    for part in batched(set(report_ids), CHUNK):
        rows = session.execute(
            select(Mark, Identity.name, Report.id)
            .join(RecordRow, RecordRow.id == Mark.record_id)
            .join(Report, Report.id == RecordRow.report_id)
            .outerjoin(Identity, Identity.person_id == Mark.person_id)
            .where(
                Mark.review_id == review_id,
                Report.id.in_(part),
                Mark.removed_at.is_(None),
                _seen_by(person_id),
            )
            .order_by(Mark.id)
        )
        for row, name, report_id in rows:
            found[report_id].append(
                MarkInfo(
                    row.id,
                    report_id,
                    row.kind,
                    row.text,
                    name,
                    row.person_id == person_id,
                    row.made_at,
                )
            )
    return found


def tags(session: ReadSession, review_id: int, person_id: int) -> list[str]:
    """The tags that a person sees somewhere in a review, in order."""
    rows = session.scalars(
        select(Mark.text)
        .join(RecordRow, RecordRow.id == Mark.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .where(
            Mark.review_id == review_id,
            Mark.kind == "tag",
            Mark.removed_at.is_(None),
            _seen_by(person_id),
        )
        .distinct()
    )
    return sorted(rows, key=str.casefold)


def condition(marked: Marked) -> Any:
    """That a record's report bears a tag that a person sees, or their star."""
    copy = aliased(RecordRow)
    kind = Mark.kind == "star" if marked.star else Mark.kind == "tag"
    query = (
        select(Mark.id)
        .join(copy, copy.id == Mark.record_id)
        .where(copy.report_id == RecordRow.report_id, Mark.removed_at.is_(None), kind)
    )
    if marked.star:
        return query.where(Mark.person_id == marked.person_id).exists()
    # ``Report`` is that of the list.
    return query.where(Mark.text == marked.tag, _seen_by(marked.person_id)).exists()


def tagged_by_leads(session: ReadSession, review_id: int, tag: str) -> set[int]:
    """Reports that a lead has tagged, by where their records are now."""
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


def take_off(session: WriteSession, bulk_id: int) -> int:
    """Take off the marks that a bulk action put; gives how many."""
    rows = session.scalars(select(Mark).where(Mark.bulk_id == bulk_id, Mark.removed_at.is_(None)))
    found = list(rows)
    for row in found:
        row.removed_at = now()
    session.flush()
    return len(found)
