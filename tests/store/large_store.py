"""Build a review of any size in seconds: the database itself makes the rows, past the rules."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, text, update

from api.protocol import ProtocolBody, StagePlan
from store.core.session import Store, WriteSession
from store.core.tables import Report, ReportState, Review
from store.reports import counters
from store.reviews import people, reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from store.screening import rankings
from store.screening.rankings import NewRanking
from tests.store.builders import join


@dataclass(frozen=True, slots=True)
class LargeReview:
    """A review in which two people decide each record, and one of them is far ahead.

    Attributes:
        ahead: has decided every record that awaits a second person.
        behind: has decided only the settled ones.
        settled, awaiting, open: reports in each state.
    """

    review: ReviewInfo
    ahead: PersonInfo
    behind: PersonInfo
    settled: Sequence[int]
    awaiting: Sequence[int]
    open: Sequence[int]


# Reports are decided in a mixed order, as a ranking would have it: in each block of ids some are
# settled, some await a second person, and the others are open.
_BLOCK = 100
_NUMBERS = (
    "WITH RECURSIVE number(n) AS (SELECT CAST(:first AS BIGINT) "
    "UNION ALL SELECT n + 1 FROM number WHERE n < :last)"
)
_KIND = "CASE WHEN n % 100 < :settled THEN 2 WHEN n % 100 < :decided THEN 1 ELSE 0 END"
_WORD = "CASE WHEN n % 20 = 0 THEN 'include' ELSE 'exclude' END"
_TITLE = "'A trial of treatment ' || n || ' for condition ' || n % 97"
_STATEMENTS = (
    "INSERT INTO report (id, review_id, active, out_of_range) "
    f"{_NUMBERS} SELECT n, :review, :yes, :no FROM number",
    "INSERT INTO record (id, review_id, report_id, own_report_id, paired, source, source_id, "
    "title, abstract, authors, year, urls, types, keywords, notes, flags, extra, title_key, "
    "search_text, notice, active, created_at) "
    f"{_NUMBERS} SELECT n, :review, n, n, :yes, 'made.csv', n, {_TITLE}, "
    f"{_TITLE} || '. Methods and results follow in some words, as abstracts have them.', '[]', "
    "2000 + n % 25, '[]', '[]', '[]', '[]', '[]', '{}', n, '', :no, :yes, '2026-01-01' FROM number",
    # The first decision on a report has its number, the second that and as many as there are.
    "INSERT INTO decision (id, review_id, report_id, record_id, person_id, stage, decision, "
    "protocol_version, token, recorded_at, kind, reasons, questions) "
    f"{_NUMBERS} SELECT n, :review, n, n, :ahead, 'title-abstract', {_WORD}, 1, "
    f"'a' || n, '2026-01-01', 'own', '[]', '[]' FROM number WHERE {_KIND} >= 1",
    "INSERT INTO decision (id, review_id, report_id, record_id, person_id, stage, decision, "
    "protocol_version, token, recorded_at, kind, reasons, questions) "
    f"{_NUMBERS} SELECT n + :all, :review, n, n, :behind, 'title-abstract', {_WORD}, 1, "
    f"'b' || n, '2026-01-01', 'own', '[]', '[]' FROM number WHERE {_KIND} = 2",
    "INSERT INTO report_state (report_id, stage, review_id, active, state, outcome, decision_id, "
    "first_decision_id, first_read_id, first_person_id, change) "
    f"{_NUMBERS} SELECT n, 'title-abstract', :review, :yes, "
    f"CASE {_KIND} WHEN 2 THEN 'settled' WHEN 1 THEN 'awaiting' ELSE 'open' END, "
    f"CASE {_KIND} WHEN 2 THEN {_WORD} WHEN 1 THEN 'awaiting' ELSE 'open' END, "
    f"CASE {_KIND} WHEN 2 THEN n + :all END, CASE WHEN {_KIND} >= 1 THEN n END, "
    f"CASE WHEN {_KIND} >= 1 THEN n END, CASE WHEN {_KIND} >= 1 THEN :ahead END, 0 FROM number",
)


_COUNTED = "UPDATE report SET records = 1, abstracts = 1 WHERE review_id = :review"


def build_large_review(store: Store, records: int, decisions: int, *, slug: str) -> LargeReview:
    """Make a review with this many records and decisions; a quarter of these await a second one."""
    body = ProtocolBody(plans=(StagePlan(dual_share=1.0),)).stored()
    with store.write() as session:
        ahead = people.create_person(session, f"ahead {slug}")
        review = reviews.create_review(session, NewReview(slug, slug, body), person_id=ahead.id)
        behind = join(session, review.id, f"behind {slug}")
        first = 1 + (session.scalar(select(func.max(Report.id))) or 0)
        n_settled = round(_BLOCK * 3 * decisions / 8 / records)
        values = {
            "review": review.id,
            "ahead": ahead.id,
            "behind": behind.id,
            "first": first,
            "last": first + records - 1,
            "settled": n_settled,
            "decided": n_settled + round(_BLOCK * decisions / 4 / records),
            "all": first + records,
            "yes": True,
            "no": False,
        }
        if store.dialect == "postgresql":
            # No triggers and no foreign keys for so many rows: they are counted afterwards.
            session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in _STATEMENTS:
            session.execute(text(statement), values)
        if store.dialect == "postgresql":
            session.execute(text(_COUNTED), values)
            session.execute(text("SET LOCAL session_replication_role = DEFAULT"))
            counters.repair_counts(session)
            # Rows written with their ids do not move the sequences.
            session.execute(
                text("SELECT setval('decision_id_seq', (SELECT max(id) FROM decision))")
            )
        states: dict[str, list[int]] = {"settled": [], "awaiting": [], "open": []}
        rows = session.execute(
            select(ReportState.state, ReportState.report_id)
            .where(ReportState.review_id == review.id)
            .order_by(ReportState.report_id)
        )
        for state, report_id in rows:
            states[state].append(report_id)
        # What was ranked highest has been decided by the one who is ahead.
        _rank(session, review.id, states["awaiting"] + states["open"])
    return LargeReview(review, ahead, behind, **states)


def _rank(session: WriteSession, review_id: int, reports: Sequence[int]) -> None:
    session.execute(update(Review).where(Review.id == review_id).values(revision=1))
    new = NewRanking(
        revision=1,
        pipeline="made",
        pipeline_hash="made",
        encoder=None,
        seed=0,
        n_decisions=0,
        n_include=0,
        last_decision_id=None,
        cold_start=False,
        warm=False,
        seconds=0.0,
        detail={},
        report_ids=array("q", reports),
        scores=array("f", [1.0] * len(reports)),
    )
    rankings.save_ranking(session, review_id, new)
