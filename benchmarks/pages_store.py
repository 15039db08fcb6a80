"""Prepare a large review to measure its pages: files, copies, decisions, order, known studies.

What a page reads is written by the store's own functions, or by statements that leave the same
rows where those would take an hour: copies are merged and decisions added many at once.
"""

from __future__ import annotations

import datetime as dt
import random
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update

from api.protocol import ProtocolBody, ProtocolLimits, StagePlan
from api.services.reviews.opening import open_store
from api.services.searching.flow_counting import count_flow
from api.services.searching.indexing import build_search_index
from api.services.searching.record_keys import FileKeys
from api.settings import Settings
from harvest.record import Author, Record, Rejected
from store.core.session import Store, WriteSession
from store.core.tables import Decision, PairRow, RecordRow, Report
from store.reports import limits, screening_state
from store.reviews import members, people, reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from store.screening import rankings
from store.screening.rankings import NewRanking
from store.searching import gold, ingest, searches
from store.searching.gold import NewGold
from store.searching.ingest import BatchContent, FileInfo

SLUG = "large"
# Shares of the records, or of the reports.
DECIDED = 0.4
_COPIES = 0.1
_RELEVANT = 0.03
_WITHOUT_ABSTRACT = 0.08
# Of the decided reports, those that still await a second person, and those that a second decides
# otherwise.
_AWAITING = 0.1
_DIFFERING = 0.02
_QUESTIONS = 200
_KNOWN = 60
_SOURCES = ("PubMed", "Embase", "PsycINFO", "Scopus", "Web of Science", "CINAHL")
_PIECE = 5_000
# A word with this share of the records is searched for.
COMMON_WORD = "common"
_COMMON = 0.35
RARE_WORD = "seldom"
_RARE = 0.002


@dataclass(frozen=True, slots=True)
class LargeReview:
    """A review and its lead."""

    store: Store
    review: ReviewInfo
    lead: PersonInfo


def prepare(settings: Settings, number: int, *, say: Callable[[str], None]) -> LargeReview:
    """A review of this many records in a new store."""
    store = open_store(settings, create=True, first_person="lead").store
    rng = random.Random(number)
    with store.write() as session:
        (lead,) = people.list_people(session)
        body = ProtocolBody(
            plans=(StagePlan(dual_share=1.0),), limits=ProtocolLimits(year_from=1990)
        ).stored()
        review = reviews.create_review(
            session, NewReview(SLUG, "A large review", body), person_id=lead.id
        )
        team = [people.create_person(session, f"person {each}") for each in range(1, 5)]
        for person in team:
            members.add_member(session, review.id, person.id, "reviewer", by=lead.id)
    large = LargeReview(store, review, lead)
    _add_files(large, number, rng)
    say(f"stored {number:,} records")
    _merge_copies(large, rng)
    say("merged copies")
    _add_decisions(large, [person.id for person in team], rng)
    say("stored decisions")
    _add_order(large, rng)
    # As the worker does once nothing changes any more.
    build_search_index(store)
    count_flow(store, review.id)
    say("the store is ready")
    return large


def open_prepared(settings: Settings) -> LargeReview:
    """The review of a store that was prepared before."""
    store = open_store(settings, create=False).store
    with store.read() as session:
        review = reviews.get_review_by_slug(session, SLUG)
        lead = people.list_people(session)[0]
    return LargeReview(store, review, lead)


def _texts(number: int, rng: random.Random) -> Iterator[Record]:
    syllables = [a + b for a in "bcdfglmnprst" for b in "aeiou"]
    words = ["".join(rng.choices(syllables, k=rng.randint(2, 4))) for _ in range(6_000)]
    weights = [1 / (place + 3) for place in range(len(words))]
    for place in range(1, number + 1):
        text = rng.choices(words, weights, k=110)
        if rng.random() < _COMMON:
            text[rng.randrange(10, 110)] = COMMON_WORD
        if rng.random() < _RARE:
            text[rng.randrange(10, 110)] = RARE_WORD
        abstract = None if rng.random() < _WITHOUT_ABSTRACT else " ".join(text[12:])
        yield Record(
            position=place,
            title=f"{' '.join(text[:12])} {place}".capitalize(),
            abstract=abstract,
            authors=(Author(f"{text[12].capitalize()}, A"), Author(f"{text[13].capitalize()}, B")),
            year=rng.randint(1985, 2024),
            venue=" ".join(text[14:17]).capitalize(),
            pmid=str(place),
            language="eng",
            types=("Journal Article",),
        )


def _add_files(large: LargeReview, number: int, rng: random.Random) -> None:
    """Files of ten searches, with a few entries that cannot be read."""
    texts = _texts(number, rng)
    with large.store.write() as session:
        of_source = [
            searches.create_search(
                session,
                large.review.id,
                kind="file",
                person_id=large.lead.id,
                fields={"source": source, "run_on": "2026-01-01", "reported": number // 6},
            )
            for source in _SOURCES
        ]
    for place, start in enumerate(range(0, number, _PIECE)):
        piece = [
            record for record, _ in zip(texts, range(min(_PIECE, number - start)), strict=False)
        ]
        search = place % len(_SOURCES)
        digest = f"{place:064x}"
        keys = FileKeys(digest, "csv", _SOURCES[search])
        rejected = [
            Rejected(position=each, line=each, reason="no title", excerpt=f"{place} {each}")
            for each in range(1, 4)
        ]
        file = FileInfo(
            name=f"part-{place + 1}.csv",
            sha256=digest,
            size=1,
            format="csv",
            columns={},
            notices=(),
        )
        with large.store.write() as session:
            ingest.add_batch(
                session,
                of_source[search],
                file,
                BatchContent(map(keys.of, piece), rejected),
                person_id=large.lead.id,
            )


def _merge_copies(large: LargeReview, rng: random.Random) -> None:
    """Make one record in ten a copy of another, and leave some pairs to a person."""
    review_id = large.review.id
    with large.store.write() as session:
        rows = session.execute(
            select(RecordRow.id, RecordRow.report_id).where(RecordRow.review_id == review_id)
        )
        report_of = {row[0]: row[1] for row in rows}
        ids = rng.sample(sorted(report_of), int(len(report_of) * _COPIES) * 2 + 2 * _QUESTIONS)
        pairs = [(min(pair), max(pair)) for pair in zip(ids[::2], ids[1::2], strict=True)]
        merged, asked = pairs[_QUESTIONS:], pairs[:_QUESTIONS]
        _add_pairs(session, review_id, merged, "same", "doi")
        _add_pairs(session, review_id, asked, "ask", "title")
        moves = [{"id": later, "report_id": report_of[first]} for first, later in merged]
        session.execute(update(RecordRow), moves)
        session.execute(
            update(RecordRow).where(RecordRow.review_id == review_id).values(paired=True)
        )
    reports = sorted({report_of[each] for pair in merged for each in pair})
    for start in range(0, len(reports), 500):
        with large.store.write() as session:
            limits.refresh_reports(session, review_id, reports[start : start + 500])


def _add_pairs(
    session: WriteSession, review_id: int, pairs: Sequence[tuple[int, int]], label: str, rule: str
) -> None:
    session.execute(
        insert(PairRow),
        [
            {
                "review_id": review_id,
                "a_id": first,
                "b_id": later,
                "label": label,
                "rule": rule,
                "reason": "made",
                "version": "1",
            }
            for first, later in pairs
        ],
    )


def _add_decisions(large: LargeReview, team: Sequence[int], rng: random.Random) -> None:
    """Two people's decisions on a share of the reports."""
    with large.store.read() as session:
        rows = session.execute(
            select(Report.id, RecordRow.id)
            .join(RecordRow, RecordRow.own_report_id == Report.id)
            .where(Report.review_id == large.review.id, Report.active.is_(True))
            .order_by(Report.id)
        ).all()
    chosen = rng.sample(rows, int(len(rows) * DECIDED))
    at = dt.datetime.now(dt.UTC) - dt.timedelta(days=9)
    made: list[dict[str, Any]] = []
    relevant: list[int] = []
    for place, (report, record) in enumerate(chosen):
        word = "include" if rng.random() < _RELEVANT else "exclude"
        if word == "include":
            relevant.append(record)
        pair = [team[(place + more) % len(team)] for more in (0, 1)]
        for person in pair[: 1 if rng.random() < _AWAITING else 2]:
            other = person == pair[1] and rng.random() < _DIFFERING
            made.append(
                {
                    "review_id": large.review.id,
                    "report_id": report,
                    "record_id": record,
                    "person_id": person,
                    "stage": "title-abstract",
                    "decision": ("exclude" if word == "include" else "include") if other else word,
                    "protocol_version": 1,
                    "token": f"made-{len(made)}",
                    "recorded_at": at + dt.timedelta(seconds=len(made)),
                }
            )
    for start in range(0, len(made), _PIECE):
        with large.store.write() as session:
            session.execute(insert(Decision), made[start : start + _PIECE])
    with large.store.read() as session:
        required = screening_state.get_required_decisions(session, large.review.id)
    for start in range(0, len(chosen), _PIECE):
        with large.store.write() as session:
            part = [report for report, _ in chosen[start : start + _PIECE]]
            screening_state.update_states_of(session, part, required)
    _add_known_studies(large, relevant[:_KNOWN])


def _add_known_studies(large: LargeReview, record_ids: Sequence[int]) -> None:
    with large.store.write() as session:
        rows = session.scalars(select(RecordRow).where(RecordRow.id.in_(record_ids)))
        known = [NewGold(row.title, row.abstract, row.year, pmid=row.pmid) for row in rows]
        gold.add_gold(
            session, large.review.id, known, list_name="known.csv", person_id=large.lead.id
        )


def _add_order(large: LargeReview, rng: random.Random) -> None:
    """An order of the reports that are not settled, by chance: nothing is fitted here."""
    with large.store.write() as session:
        reviews.request_ranking(session, large.review.id)
        revision = reviews.get_review(session, large.review.id).revision
        left = list(
            session.scalars(
                select(Report.id).where(
                    Report.review_id == large.review.id, Report.active.is_(True)
                )
            )
        )
        rng.shuffle(left)
        rankings.save_ranking(
            session,
            large.review.id,
            NewRanking(
                revision=revision,
                pipeline="elas-u4",
                pipeline_hash="made",
                encoder=None,
                seed=1,
                n_decisions=1000,
                n_include=30,
                last_decision_id=None,
                cold_start=False,
                warm=False,
                seconds=1.0,
                detail={},
                report_ids=array("q", left),
                scores=array("f", [1.0 - place / len(left) for place in range(len(left))]),
            ),
        )
