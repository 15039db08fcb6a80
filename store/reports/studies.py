"""Studies that people have named; a report may be in several."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from store.core import audit, intakes
from store.core.errors import Conflict, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import RecordRow, StudyMember, StudyRow, now
from store.reviews import reviews


@dataclass(frozen=True, slots=True)
class StudyMembership:
    """A report in a study that a person named; ``record_id`` is the record that was added."""

    study_id: int
    name: str
    report_id: int
    record_id: int


def list_memberships(session: ReadSession, review_id: int) -> list[StudyMembership]:
    """The reports that are in named studies now."""
    rows = session.execute(
        select(StudyRow.id, StudyRow.name, RecordRow.report_id, RecordRow.id)
        .join(StudyMember, StudyMember.study_id == StudyRow.id)
        .join(RecordRow, RecordRow.id == StudyMember.record_id)
        .where(StudyRow.review_id == review_id, StudyMember.removed_at.is_(None))
        .order_by(StudyRow.name, RecordRow.id)
    )
    return [StudyMembership(*row) for row in rows]


def add_to_study(
    session: WriteSession, review_id: int, record_id: int, name: str, *, person_id: int
) -> int:
    """Add a record's report to a study, which is created if none has this name.

    Returns:
        The study's id.

    Raises:
        NotFound: the review has no such record.
        ValueError: the name is empty or too long.
        Conflict: the report is already in the study.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= 300:
        raise ValueError("a study needs a name of 1 to 300 characters")
    reviews.lock_review(session, review_id)
    record = session.get(RecordRow, record_id)
    if (
        record is None
        or record.review_id != review_id
        or intakes.is_hidden(session, record.intake_id)
    ):
        raise NotFound(f"there is no record {record_id} in this review")
    study = session.scalars(
        select(StudyRow).where(StudyRow.review_id == review_id, StudyRow.name == name)
    ).first()
    if study is None:
        study = StudyRow(review_id=review_id, name=name, person_id=person_id)
        session.add(study)
        session.flush()
    member_id = session.scalar(
        select(StudyMember.id)
        .join(RecordRow, RecordRow.id == StudyMember.record_id)
        .where(
            StudyMember.study_id == study.id,
            StudyMember.removed_at.is_(None),
            RecordRow.report_id == record.report_id,
        )
    )
    if member_id is not None:
        raise Conflict(f"the report is already in study {name!r}")
    session.add(StudyMember(study_id=study.id, record_id=record_id, person_id=person_id))
    audit.append_event(
        session,
        "study.joined",
        review_id=review_id,
        person_id=person_id,
        detail={"study": study.id, "name": name, "record": record_id},
    )
    return study.id


def remove_from_study(
    session: WriteSession, review_id: int, record_id: int, study_id: int, *, person_id: int
) -> None:
    """Remove a record's report from a study.

    Raises:
        NotFound: it is not in the study.
    """
    reviews.lock_review(session, review_id)
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
    audit.append_event(
        session,
        "study.left",
        review_id=review_id,
        person_id=person_id,
        detail={"study": study_id, "record": record_id},
    )
