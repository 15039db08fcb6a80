"""Admissions: records let into the review from the pool, all up to a day, or one by hand."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update

from store.core import audit
from store.core.chunks import CHUNK, batched
from store.core.errors import Conflict, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    Admission,
    Batch,
    BatchEntry,
    Completion,
    Identity,
    RecordRow,
    Search,
    now,
)
from store.reviews import reviews
from store.searching import batches, pool, searches


@dataclass(frozen=True, slots=True)
class AdmissionInfo:
    """Records that were admitted from the pool together.

    Attributes:
        kind: ``top-up`` of an unfinished version, or ``update`` after a completed one.
        number: counted from 1 within its kind.
        up_to: records of searches run on this day or before were admitted, YYYY-MM-DD.
        rule: the rule that admitted them; None if a lead did.
        records: entries admitted; ``reports`` counts those new to the review.
        read_in_full: few enough that all of its reports are read, whatever the plan says.
    """

    id: int
    kind: str
    number: int
    up_to: str
    rule: str | None
    records: int
    reports: int
    read_in_full: bool
    completion_id: int | None
    person: str | None
    admitted_at: dt.datetime

    @property
    def name(self) -> str:
        """Its name in pages and documents, such as ``top-up 2``."""
        return f"{self.kind} {self.number}"


def _list_batch_ids_up_to(session: ReadSession, review_id: int, up_to: str) -> list[int]:
    """Batches in the pool whose search was run on a day or before."""
    query = select(Batch.id).where(pool.pooled_condition(review_id), Batch.searched_on <= up_to)
    return list(session.scalars(query.order_by(Batch.id)))


def get_next_kind(session: ReadSession, review_id: int) -> tuple[str, int | None]:
    """The kind that the next admission will have, and the id of the completed version before it."""
    completion = session.execute(
        select(Completion.id, Completion.completed_at)
        .where(Completion.review_id == review_id)
        .order_by(Completion.id.desc())
        .limit(1)
    ).first()
    if completion is None:
        return "top-up", None
    n_updates = session.scalar(
        select(func.count())
        .select_from(Admission)
        .where(
            Admission.review_id == review_id,
            Admission.kind == "update",
            Admission.completion_id == completion[0],
        )
    )
    return ("top-up" if n_updates else "update"), completion[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAdmission:
    """An admission to be made.

    Attributes:
        up_to: admit records of searches run on this day or before.
        person_id: the lead; None for a rule.
        rule: the rule, in words.
        moment: when it is made; None for now.
    """

    up_to: dt.date
    person_id: int | None
    rule: str | None = None
    moment: dt.datetime | None = None


def create_admission(
    session: WriteSession, review_id: int, new: NewAdmission
) -> tuple[int, list[int]]:
    """Let the whole pool up to a day into the review.

    Returns:
        The admission's id, and the ids of the batches that were admitted.

    Raises:
        Conflict: nothing waits up to that day.
    """
    reviews.lock_review(session, review_id)
    up_to = new.up_to.isoformat()
    # Pages with nothing but records that the review already holds do not make a top-up.
    if not pool.count_by_search(session, review_id, up_to=up_to):
        raise Conflict(f"no incoming records are waiting from searches up to {up_to}")
    batch_ids = _list_batch_ids_up_to(session, review_id, up_to)
    kind, completion_id = get_next_kind(session, review_id)
    number = 1 + (
        session.scalar(
            select(func.max(Admission.number)).where(
                Admission.review_id == review_id, Admission.kind == kind
            )
        )
        or 0
    )
    row = Admission(
        review_id=review_id,
        kind=kind,
        number=number,
        up_to=up_to,
        rule=new.rule,
        completion_id=completion_id,
        person_id=new.person_id,
        admitted_at=new.moment or now(),
    )
    session.add(row)
    session.flush()
    for chunk in batched(batch_ids, CHUNK):
        session.execute(
            update(Batch).where(Batch.id.in_(chunk)).values(pooled=False, admission_id=row.id)
        )
    session.flush()
    for batch_id in batch_ids:
        batches.refresh_batch(session, batch_id)
    reviews.request_ranking(session, review_id)
    return row.id, batch_ids


def update_counts(
    session: WriteSession, admission_id: int, *, records: int, reports: int, most_in_full: int
) -> AdmissionInfo:
    """Store the counts of an admission, and whether all of its reports are read.

    Args:
        session: the transaction of the admission.
        admission_id: the admission.
        records: entries that were admitted.
        reports: how many of them are reports of their own.
        most_in_full: the most reports that are read in full, whatever the plan says.
    """
    row = session.get(Admission, admission_id)
    assert row is not None
    row.records, row.reports, row.read_in_full = records, reports, reports <= most_in_full
    session.flush()
    audit.append_event(
        session,
        "pool.admitted",
        review_id=row.review_id,
        person_id=row.person_id,
        detail={
            "admission": row.id,
            "name": f"{row.kind} {row.number}",
            "up_to": row.up_to,
            "rule": row.rule,
            "records": row.records,
            "reports": row.reports,
        },
    )
    return get_admission(session, row.review_id, row.id)


def _list_infos(session: ReadSession, condition: Any) -> list[AdmissionInfo]:
    rows = session.execute(
        select(Admission, Identity.name)
        .outerjoin(Identity, Identity.person_id == Admission.person_id)
        .where(condition)
        .order_by(Admission.id)
    )
    return [
        AdmissionInfo(
            id=row.id,
            kind=row.kind,
            number=row.number,
            up_to=row.up_to,
            rule=row.rule,
            records=row.records,
            reports=row.reports,
            read_in_full=row.read_in_full,
            completion_id=row.completion_id,
            person=person,
            admitted_at=row.admitted_at,
        )
        for row, person in rows
    ]


def list_admissions(session: ReadSession, review_id: int) -> list[AdmissionInfo]:
    """All admissions of a review, oldest first."""
    return _list_infos(session, Admission.review_id == review_id)


def get_admission(session: ReadSession, review_id: int, admission_id: int) -> AdmissionInfo:
    """One admission.

    Raises:
        NotFound: the review has no such admission.
    """
    admissions = _list_infos(
        session, (Admission.id == admission_id) & (Admission.review_id == review_id)
    )
    if not admissions:
        raise NotFound(f"there is no admission {admission_id} in this review")
    return admissions[0]


@dataclass(frozen=True, slots=True)
class UrgentRecord:
    """A record of the pool that cannot wait for the others.

    Attributes:
        route: how it was found, one of ``searches.ROUTES``.
        reason: why it cannot wait.
    """

    record_id: int
    route: str
    reason: str


def bring_in_record(
    session: WriteSession, review_id: int, urgent: UrgentRecord, *, person_id: int | None
) -> int:
    """Let one urgent record into the review, through a search of its own.

    The search that found it stays in the pool; when that is admitted, the record is a duplicate.

    Returns:
        The report, which is in the review now.

    Raises:
        ValueError: no reason is given, or the route is unknown.
        NotFound: no such record is in the pool.
    """
    record_id, reason = urgent.record_id, urgent.reason.strip()
    if not reason:
        raise ValueError("say why it cannot wait for the others")
    reviews.lock_review(session, review_id)
    row = session.get(RecordRow, record_id)
    in_pool = pool.waiting_records_query(review_id).where(BatchEntry.record_id == record_id)
    if row is None or row.review_id != review_id or session.scalar(in_pool.limit(1)) is None:
        raise NotFound(f"record {record_id} is not an incoming record of this review")
    moment = now()
    fields = {
        "source": "Added by hand",
        "route": urgent.route,
        "run_on": moment.date().isoformat(),
        "strategy": reason,
    }
    search_id = searches.create_search(
        session, review_id, kind="other", person_id=person_id, fields=fields
    )
    search = session.get(Search, search_id)
    assert search is not None
    search.assigned, search.assigned_reason = "review", reason
    text = f"record {record_id} of {row.source} {row.source_id}, brought on {moment.isoformat()}"
    batch = Batch(
        review_id=review_id,
        search_id=search_id,
        name=f"{row.source} {row.source_id}, added by hand",
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        size=0,
        format="by hand",
        columns={},
        notices=[],
        created_at=moment,
        created_by=person_id,
        searched_on=moment.date().isoformat(),
    )
    session.add(batch)
    session.flush()
    session.add(BatchEntry(batch_id=batch.id, position=1, record_id=record_id, fate="same"))
    session.flush()
    batches.refresh_batch(session, batch.id)
    reviews.request_ranking(session, review_id)
    audit.append_event(
        session,
        "pool.brought",
        review_id=review_id,
        person_id=person_id,
        detail={"record": record_id, "search": search_id, "route": urgent.route, "reason": reason},
    )
    return row.report_id
