"""Records of one report in several forms, and their arrival in a review."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from api.services.duplicates import judging
from api.services.duplicates.deduplicating import compare_new_records
from api.services.duplicates.judging import Judgement
from harvest.record import Author, Record
from store.core.session import Store
from store.core.tables import RecordRow
from store.reports import (
    records,
    reports,
)
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import decisions
from store.screening.decisions import NewDecision
from tests.store.builders import content, store_content

A = Record(
    position=1,
    title="Integrating social work into primary health care for children",
    authors=(Author("Smith, Jane A"), Author("Okafor, Chidi")),
    year=2014,
    venue="Journal of Integrated Care",
    volume="22",
    issue="3",
    pages="101-112",
)
A_AGAIN = replace(A, venue="J Integr Care", doi="10.1000/abcdef", pages="101-12")
A_BARE = Record(1, title=A.title, authors=A.authors, year=2014)
ERRATUM = replace(A, title=f"Erratum: {A.title}", pages="200")
B = replace(A, title="Home visiting for families with young children in two cities", pages="1-9")


def arrive(store: Store, review: ReviewInfo, *found: Record, compare: bool = True) -> list[int]:
    """Store records from one file, compare them, and return their ids."""
    made = content([replace(record, position=n) for n, record in enumerate(found, start=1)])
    batch = store_content(store, review.id, made)
    if compare:
        compare_new_records(store, review.id)
    with store.read() as session:
        places = records.get_reports_by_position(session, batch)
        rows = session.execute(
            select(RecordRow.id, RecordRow.own_report_id).where(RecordRow.review_id == review.id)
        )
        own = {row[1]: row[0] for row in rows}
    return sorted(own.values())[-len(places) :]


def report_of(store: Store, record_id: int) -> int:
    with store.read() as session:
        return reports.get_report_by_record(session, [record_id])[record_id]


def decide(
    store: Store, review: ReviewInfo, person: PersonInfo, record_id: int, word: str, token: str = ""
) -> int:
    new = NewDecision(token or f"t{record_id}{word}", report_of(store, record_id), word)
    with store.write() as session:
        return decisions.record_decision(session, review.id, person.id, new)[0]


def judge(
    store: Store,
    review: ReviewInfo,
    a: int,
    b: int,
    label: str,
    *,
    reason: str = "",
    decision: str | None = None,
) -> None:
    """Let the first person say how two records are related."""
    judgement = Judgement(a=a, b=b, label=label, reason=reason, decision=decision)
    judging.record_judgement(store, review.id, judgement, person_id=1)
