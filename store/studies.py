"""Studies that persons name; a report may be of several."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from store import audit
from store.errors import Conflict, NotFound
from store.session import ReadSession, WriteSession
from store.tables import RecordRow, StudyMember, StudyRow, now


@dataclass(frozen=True, slots=True)
class Membership:
    """That a report is of a study that a person named."""

    study_id: int
    name: str
    report_id: int
    record_id: int


def memberships(session: ReadSession, review_id: int) -> list[Membership]:
    """Reports in named studies, as they are now."""
    rows = session.execute(
        select(StudyRow.id, StudyRow.name, RecordRow.report_id, RecordRow.id)
        .join(StudyMember, StudyMember.study_id == StudyRow.id)
        .join(RecordRow, RecordRow.id == StudyMember.record_id)
        .where(StudyRow.review_id == review_id, StudyMember.removed_at.is_(None))
        .order_by(StudyRow.name, RecordRow.id)
    )
    return [Membership(*row) for row in rows]


def add(session: WriteSession, review_id: int, record_id: int, name: str, *, person_id: int) -> int:
    """Put a record's report into a study, which is made where there is none of that name.

    Returns:
        The study's id.

    Raises:
        NotFound: the review has no such record.
        ValueError: the name is empty or too long.
        Conflict: it is in the study already.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= 300:
        raise ValueError("a study needs a name of 1 to 300 characters")
    record = session.get(RecordRow, record_id)
    if record is None or record.review_id != review_id:
        raise NotFound(f"there is no record {record_id} in this review")
    study = session.scalars(
        select(StudyRow).where(StudyRow.review_id == review_id, StudyRow.name == name)
    ).first()
    if study is None:
        study = StudyRow(review_id=review_id, name=name, person_id=person_id)
        session.add(study)
        session.flush()
    held = session.scalar(
        select(StudyMember.id)
        .join(RecordRow, RecordRow.id == StudyMember.record_id)
        .where(
            StudyMember.study_id == study.id,
            StudyMember.removed_at.is_(None),
            RecordRow.report_id == record.report_id,
        )
    )
    if held is not None:
        raise Conflict(f"the report is in study {name!r} already")
    session.add(StudyMember(study_id=study.id, record_id=record_id, person_id=person_id))
    audit.append(
        session,
        "study.joined",
        review_id=review_id,
        person_id=person_id,
        detail={"study": study.id, "name": name, "record": record_id},
    )
    return study.id


def remove(
    session: WriteSession, review_id: int, record_id: int, study_id: int, *, person_id: int
) -> None:
    """Take a record's report out of a study.

    Raises:
        NotFound: it is not in the study.
    """
    report = select(RecordRow.report_id).where(RecordRow.id == record_id).scalar_subquery()
    rows = session.scalars(
        select(StudyMember)
        .join(StudyRow, StudyRow.id == StudyMember.study_id)
        .join(RecordRow, RecordRow.id == StudyMember.record_id)
        .where(
            StudyRow.review_id == review_id,
            StudyMember.study_id == study_id,
            StudyMember.removed_at.is_(None),
            RecordRow.report_id == report,
        )
    ).all()
    if not rows:
        raise NotFound(f"the report of record {record_id} is not in study {study_id}")
    for row in rows:
        row.removed_at, row.removed_by = now(), person_id
    audit.append(
        session,
        "study.left",
        review_id=review_id,
        person_id=person_id,
        detail={"study": study_id, "record": record_id},
    )
