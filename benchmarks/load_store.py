"""Prepare a store for the load test: records, people, decisions in pairs, and an order."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update

from api.protocol import ProtocolBody, StagePlan
from api.services.ranking.ranker import Ranker
from api.services.reviews.opening import open_store
from api.settings import Settings, load
from harvest.record import Record
from store.core.session import Store
from store.core.tables import Decision, RecordRow
from store.reports import records, screening_state
from store.reviews import members, people, reviews
from store.reviews.reviews import NewReview
from tests.store.builders import content, store_content

SLUG = "load"
# Words alone: no encoder takes the processor from the server.
PIPELINE = "elas-u4"
_STAGE = "title-abstract"
_RELEVANT = 0.05
# Of the decided reports, those that still await a second person.
_AWAITING = 0.25
_PIECE = 5_000
_WORDS = 6_000


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the store is.

    Attributes:
        decisions: stored before anybody begins, most of them two on a record.
        people: who screen.
    """

    records: int
    decisions: int
    people: int


@dataclass
class Prepared:
    """What the clients need to know about a store.

    Attributes:
        tokens: of the people who screen.
        decided: by report, ids of the people who have decided it.
        relevant: reports that people include.
    """

    review_id: int
    tokens: Sequence[str]
    people: Sequence[int]
    decided: dict[int, set[int]] = field(default_factory=dict)
    relevant: frozenset[int] = frozenset()


def get_settings(data: Path, database_url: str) -> Settings:
    """The settings of a server on a data folder; SQLite if the URL is empty."""
    return load(data_dir=data, database_url=database_url or None)


def prepare(settings: Settings, sizes: Sizes, *, say: Callable[[str], None]) -> Prepared:
    """Make a review with two people for each record, and put its records in order."""
    began = time.monotonic()
    store = open_store(settings, create=True, first_person="lead").store
    found = create_team(store, sizes.people)
    reports = _add_records(store, found.review_id, sizes.records, say)
    rng = random.Random(1)
    found.relevant = frozenset(each for each in reports if rng.random() < _RELEVANT)
    _add_decisions(store, found, rng.sample(reports, len(reports)), sizes.decisions)
    say(f"stored {sizes.decisions:,} decisions")
    with store.write() as session:
        required = screening_state.get_required_decisions(session, found.review_id)
        screening_state.update_states_of(session, list(found.decided), required)
    Ranker(store, settings).rank(found.review_id)
    store.close()
    say(f"the store is ready after {time.monotonic() - began:.0f} s")
    return found


def rank_now_and_then(data: Path, database_url: str, review_id: int, seconds: float) -> None:
    """Rank the review again and again, as the worker would; runs until the process is ended."""
    settings = get_settings(data, database_url)
    store = open_store(settings, create=False).store
    ranker = Ranker(store, settings)
    while True:
        began = time.monotonic()
        ranker.rank(review_id)
        print(f"{time.monotonic() - began:.1f}", flush=True)
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))


def create_team(store: Store, number: int, *, dual_share: float = 1.0) -> Prepared:
    """Make a review, and people who screen it.

    Args:
        store: with its first person alone, who leads the review.
        number: of people.
        dual_share: of the records that two people decide, 0 to 1.
    """
    with store.write() as session:
        (lead,) = people.list_people(session)
        body = ProtocolBody(plans=(StagePlan(dual_share=dual_share),)).stored()
        review = reviews.create_review(
            session, NewReview(SLUG, "Under load", body), person_id=lead.id
        )
        team = [people.create_person(session, f"person {each}") for each in range(1, number + 1)]
        for person in team:
            members.add_member(session, review.id, person.id, "reviewer", by=lead.id)
        tokens = [people.create_token(session, person.id, "load")[1] for person in team]
    return Prepared(review.id, tokens, [person.id for person in team])


def _add_records(
    store: Store, review_id: int, number: int, say: Callable[[str], None]
) -> list[int]:
    """Records with invented words, as frequent as words are in texts."""
    rng = random.Random(2)
    words = [
        "".join(rng.choice("bcdfglmnprst") + rng.choice("aeiou") for _ in range(rng.randint(2, 4)))
        for _ in range(_WORDS)
    ]
    weights = [1 / (place + 3) for place in range(_WORDS)]
    reports: list[int] = []
    for start in range(0, number, _PIECE):
        texts = [rng.choices(words, weights, k=90) for _ in range(min(_PIECE, number - start))]
        made = content(
            [
                Record(
                    position=place,
                    title=f"{' '.join(text[:10])} {start + place}",
                    abstract=" ".join(text[10:]),
                    year=2000 + place % 25,
                )
                for place, text in enumerate(texts, start=1)
            ]
        )
        batch = store_content(store, review_id, made, name=f"part-{start // _PIECE + 1}.csv")
        with store.read() as session:
            reports += records.get_reports_by_position(session, batch).values()
        say(f"stored {len(reports):,} of {number:,} records")
    with store.write() as session:
        # They are no copies of each other; comparing them is not what is measured here.
        session.execute(
            update(RecordRow).where(RecordRow.review_id == review_id).values(paired=True)
        )
    return reports


def _add_decisions(store: Store, found: Prepared, reports: Sequence[int], number: int) -> None:
    """Decisions of changing pairs on as many reports as the number is enough for."""
    with store.read() as session:
        placed = session.execute(
            select(RecordRow.report_id, RecordRow.id).where(RecordRow.review_id == found.review_id)
        )
        record_of = {row[0]: row[1] for row in placed}
    rows: list[dict[str, Any]] = []
    at = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    for place, report in enumerate(reports):
        if len(rows) >= number:
            break
        pair = [found.people[(place + more) % len(found.people)] for more in (0, 1)]
        for person in pair[: 1 if place % round(1 / _AWAITING) == 0 else 2]:
            rows.append(
                {
                    "review_id": found.review_id,
                    "report_id": report,
                    "record_id": record_of[report],
                    "person_id": person,
                    "stage": _STAGE,
                    "decision": "include" if report in found.relevant else "exclude",
                    "protocol_version": 1,
                    "token": f"before-{len(rows)}",
                    "recorded_at": at + dt.timedelta(seconds=len(rows)),
                }
            )
            found.decided.setdefault(report, set()).add(person)
    with store.write() as session:
        for start in range(0, len(rows), _PIECE):
            session.execute(insert(Decision), rows[start : start + _PIECE])
