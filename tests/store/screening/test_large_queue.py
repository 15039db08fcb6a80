"""What a card and a decision cost does not grow: the same few statements, each by an index."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import pytest
from sqlalchemy import Connection, create_engine, event, select, text

from api.services.screening import cards, deciding
from api.services.screening.cards import CardHand, CardRequest, Queues
from store.core.session import Store
from store.core.tables import Decision, ReportState
from store.reviews.people import PersonInfo
from store.screening import assignments
from store.screening.assignments import HandOver
from store.screening.decisions import NewDecision
from tests.store.large_store import LargeReview, build_large_review

pytestmark = pytest.mark.both_databases

_SMALL, _LARGE = (2_000, 800), (100_000, 40_000)
# Reads a whole table, or all rows of a review, perhaps those in one state.
_SHARED = r"(review_id|stage|active|state|outcome)=\?"
_WHOLE = re.compile(
    r"SCAN \w+|"
    r"(record|decision|report|report_state) USING (COVERING )?INDEX \w+ "
    rf"\({_SHARED}( AND {_SHARED})*\)"
)
# PostgreSQL's plans have the condition of a scan on the line below it.
_PG_SCAN = re.compile(
    r"(?:Seq Scan|Scan using \w+|Scan Backward using \w+|Bitmap Heap Scan)"
    r" on (?:record|decision|report|report_state)\b[^\n]*"
    r"(?:\n +(?:Index|Recheck) Cond: ([^\n]*))?"
)
_PG_COLUMN = re.compile(r"\((\w+)\)?(?:::text)? [=<>]")
_PG_SHARED = {"review_id", "stage", "active", "state", "outcome"}
# Few rows, whatever the size: of a review, of its people, or of rounds.
_SHORT = re.compile(r"SCAN (intake|pilot|pilot_person|pilot_report|CONSTANT ROW)\b")
_numbers = itertools.count()

Statements: TypeAlias = list[tuple[str, Any]]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def large_stores(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[tuple[Store, LargeReview]]]:
    """A store with a small review, and one with a large one; PostgreSQL has counted its rows."""
    made = []
    for name, (records, decisions) in {"small": _SMALL, "large": _LARGE}.items():
        if request.param == "sqlite":
            path = tmp_path_factory.mktemp(name) / "winnow.db"
            path.write_bytes(request.getfixturevalue("sqlite_template"))
            url = f"sqlite:///{path}"
        else:
            prefix = request.getfixturevalue("postgres_url")
            url = f"{prefix}queue_{name}"
            server = create_engine(f"{prefix}postgres", isolation_level="AUTOCOMMIT")
            with server.connect() as connection:
                connection.execute(text(f"CREATE DATABASE queue_{name} TEMPLATE template_winnow"))
            server.dispose()
        store = Store(url)
        made.append((store, build_large_review(store, records, decisions, slug="large")))
        if request.param == "postgresql":
            with store.engine.begin() as connection:
                connection.execute(text("ANALYZE"))
    yield made
    for store, _ in made:
        store.close()


@contextmanager
def _statements(store: Store) -> Iterator[Statements]:
    """The statements that are run meanwhile."""
    seen: Statements = []

    def see(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        seen.append((" ".join(statement.split()), values))

    event.listen(store.engine, "before_cursor_execute", see)
    yield seen
    event.remove(store.engine, "before_cursor_execute", see)


class _Reviewer:
    """A person who screens a large review, with a process that remembers its queue."""

    def __init__(self, store: Store, large: LargeReview, person: PersonInfo) -> None:
        self.store, self.review_id, self.person_id = store, large.review.id, person.id
        self.queues = Queues()
        awaiting = (
            select(Decision.report_id, Decision.decision)
            .join(ReportState, ReportState.first_decision_id == Decision.id)
            .where(ReportState.review_id == self.review_id, ReportState.state == "awaiting")
        )
        with store.read() as session:
            self.said = {row[0]: row[1] for row in session.execute(awaiting)}

    def ask(self, number: int = 1, keep: tuple[int, ...] = ()) -> CardHand:
        request = CardRequest(number, lease_minutes=30, keep=keep)
        return cards.lease_next_cards(
            self.store, self.queues, self.review_id, self.person_id, request
        )

    def decide(self, hand: CardHand) -> None:
        assert hand.ranking is not None
        card = hand.cards[0]
        new = NewDecision(
            f"l{next(_numbers)}",
            card.report_id,
            # As the other person decided: a conflict takes other statements than an agreement.
            self.said.get(card.report_id, "exclude"),
            ranking_id=hand.ranking.id,
            place=card.place,
        )
        deciding.record_decision(self.store, self.review_id, self.person_id, new)


def _cost(
    stores: list[tuple[Store, LargeReview]], who: str, act: Callable[[_Reviewer], None]
) -> list[list[str]]:
    """The statements of an act in the small and in the large review, without their values."""
    found = []
    for store, large in stores:
        reviewer = _Reviewer(store, large, getattr(large, who))
        # What comes first reads the queue, and empties the caches of statements.
        reviewer.decide(reviewer.ask())
        reviewer.ask(number=0)
        with _statements(store) as seen:
            act(reviewer)
        found.append([statement for statement, _ in seen])
    return found


@pytest.mark.case("service", 2)
@pytest.mark.case("service", 9)
@pytest.mark.parametrize("who", ["ahead", "behind"])
def test_a_card_takes_the_same_few_statements_at_every_size(
    large_stores: list[tuple[Store, LargeReview]], who: str
) -> None:
    small, large = _cost(large_stores, who, lambda reviewer: reviewer.ask() and None)
    assert small == large
    assert len(large) <= 12
    # Again, the card is theirs already: nothing is written.
    small, large = _cost(
        large_stores, who, lambda reviewer: reviewer.ask() and reviewer.ask() and None
    )
    assert small == large
    if large_stores[0][0].dialect == "sqlite":
        assert large.count("BEGIN IMMEDIATE") == 1


@pytest.mark.case("service", 9)
@pytest.mark.parametrize("who", ["ahead", "behind"])
def test_a_decision_takes_the_same_few_statements_at_every_size(
    large_stores: list[tuple[Store, LargeReview]], who: str
) -> None:
    small, large = _cost(large_stores, who, lambda reviewer: reviewer.decide(reviewer.ask()))
    assert small == large
    assert len(large) <= 34


@pytest.mark.case("service", 2)
def test_every_query_of_cards_and_decisions_uses_an_index(
    large_stores: list[tuple[Store, LargeReview]],
) -> None:
    store, large = large_stores[1]
    for person in (large.ahead, large.behind):
        reviewer = _Reviewer(store, large, person)
        with _statements(store) as first:
            reviewer.ask()
        with _statements(store) as later:
            hand = reviewer.ask(20)
            reviewer.ask(1, keep=tuple(card.report_id for card in hand.cards))
            reviewer.decide(hand)
            reviewer.ask(5)
            card = HandOver(reviewer.ask().cards[0].report_id)
            with store.write() as session:
                assignments.hand_over_card(session, large.review.id, person.id, card)
            reviewer.ask()
        with store.engine.connect() as connection:
            assert _find_whole_readings(connection, later) == set()
            # A process that has just started reads all undecided reports, once.
            assert _find_whole_readings(connection, first) != set()


@pytest.mark.parametrize(
    ("statement", "whole"),
    [
        ("SELECT count(*) FROM record", True),
        ("SELECT year FROM record WHERE active", True),
        ("SELECT id, active FROM report WHERE review_id = 1 AND active", True),
        ("SELECT count(*) FROM decision WHERE review_id = 1 AND decision = 'maybe'", True),
        ("SELECT year FROM record WHERE id = 7", False),
        ("SELECT state FROM report_state WHERE report_id = 7", False),
        ("SELECT d.id FROM decision d JOIN record r ON r.id = d.record_id WHERE r.id = 7", False),
    ],
)
def test_a_statement_that_reads_all_rows_is_told_from_one_that_looks_up_a_few(
    large_stores: list[tuple[Store, LargeReview]], statement: str, whole: bool
) -> None:
    for hint in ("on", "off") if large_stores[1][0].dialect == "postgresql" else ("on",):
        with large_stores[1][0].engine.connect() as connection:
            # Without them, its planner takes an index for all rows of a review.
            if hint == "off":
                connection.execute(text("SET LOCAL enable_seqscan = off"))
            found = _find_whole_readings(connection, [(statement, ())])
        assert bool(found) == whole


def _find_whole_readings(connection: Connection, statements: Statements) -> set[str]:
    """Statements that read a whole table, or all rows of a review, says the planner."""
    whole = set()
    for statement, values in dict(statements).items():
        if not statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            continue
        if connection.dialect.name == "postgresql":
            rows = connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars()
            plan = "\n".join(rows)
            conditions = _PG_SCAN.findall(plan)
            if any(set(_PG_COLUMN.findall(each)) <= _PG_SHARED for each in conditions):
                whole.add(f"{plan}: {statement}")
            continue
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
        steps = [row[3] for row in plan if _WHOLE.search(row[3])]
        if any(not _SHORT.search(step) for step in steps):
            whole.add(f"{steps}: {statement}")
    return whole
