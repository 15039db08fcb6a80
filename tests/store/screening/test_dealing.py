"""No card is dealt to more people than must still decide it, whatever happens in between."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest
from sqlalchemy import select, text

from store.core.errors import Conflict
from store.core.session import Store
from store.core.tables import Lease
from store.reports import screening_state
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.rules.agreed_decision import get_own_decisions
from store.screening import decision_log, decisions
from store.screening.decisions import NewDecision
from store.screening.queue import LeaseRequest
from store.screening.stage_queue import Screener
from tests.shared import on_postgresql
from tests.store import dealing
from tests.store.between import Between
from tests.store.builders import add_records
from tests.store.deciding import HOUR, decide, lease, plan

pytestmark = pytest.mark.both_databases

_numbers = itertools.count()


def _send(
    store: Store, review: ReviewInfo, who: PersonInfo, report: int, word: str, **values: Any
) -> int:
    """Decide without having seen what others did."""
    with store.write() as session:
        new = NewDecision(values.pop("token", f"s{next(_numbers)}"), report, word, **values)
        return decisions.record_decision(session, review.id, who.id, new)[0]


def _check(store: Store, review: ReviewInfo, reports: list[int]) -> None:
    """Nobody holds a card that needs no more decisions, and no card has too many holders."""
    with store.read() as session:
        required = screening_state.get_required_decisions(session, review.id)
        lines = screening_state.list_active_decisions(session, reports)
        for report in reports:
            holders = set(session.scalars(select(Lease.person_id).where(Lease.report_id == report)))
            decided = get_own_decisions(lines.get(report, []))
            needed = required.count_needed(report, lines.get(report, []))
            assert len(holders | decided.keys()) <= needed, (report, holders, decided)


@pytest.mark.case("service", 1)
@on_postgresql
@pytest.mark.parametrize(("dual", "own_card"), [(0.0, True), (0.0, False), (1.0, True)])
def test_a_decision_between_any_two_statements_of_a_deal_is_seen(
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    team: list[PersonInfo],
    dual: float,
    own_card: bool,
) -> None:
    plan(store, review, person, dual_share=dual)
    bo, cy, _ = team
    statements = 1
    for at in itertools.count(1):
        if at > statements:
            break
        reports = add_records(store, review.id, 3)
        if dual:
            decide(store, review, cy, reports[0], "include")

        def take_and_decide(reports: list[int] = reports) -> None:
            with store.write() as session:
                session.execute(text("SET LOCAL lock_timeout = '50ms'"))
                card = reports[0]
                if own_card:
                    request = LeaseRequest(number=1, valid=HOUR)
                    dealt = dealing.lease_cards(
                        session, Screener(review.id, bo.id), reports, request
                    )
                    card = dealt[0].report_id
            with store.write() as session:
                session.execute(text("SET LOCAL lock_timeout = '50ms'"))
                new = NewDecision(f"b{next(_numbers)}", card, "include")
                decisions.record_decision(session, review.id, bo.id, new)

        with Between(store, at, take_and_decide) as between:
            lease(store, review, person, reports, 2)
        statements = max(statements, between.seen)
        _check(store, review, reports)
        with store.write() as session:
            # The next round begins with no cards held.
            for who in (person, bo, cy):
                dealing.release_leases(session, Screener(review.id, who.id), keep=())
            for report in reports:
                for who in (bo, cy, person):
                    token = f"e{next(_numbers)}"
                    try:
                        new = NewDecision(token, report, "include")
                        decisions.record_decision(session, review.id, who.id, new)
                    except Conflict:
                        continue
    assert statements > 5


@pytest.mark.case("service", 1)
@pytest.mark.parametrize("dual", [0.0, 1.0])
def test_many_people_at_once_decide_each_record_as_often_as_it_needs(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo], dual: float
) -> None:
    plan(store, review, person, dual_share=dual)
    reports = add_records(store, review.id, 24)
    failed: list[BaseException] = []
    ready = threading.Barrier(4)

    def screen(who: PersonInfo) -> None:
        try:
            ready.wait()
            empty = 0
            while empty < 3:
                dealt = lease(store, review, who, reports, 2)
                empty = 0 if dealt else empty + 1
                for report in dealt:
                    _send(store, review, who, report, "include")
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=screen, args=(who,)) for who in (person, *team)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    # What a colleague held at the end of somebody's turn, that somebody may still have to decide.
    for who in (person, *team):
        for report in lease(store, review, who, reports, 24):
            _send(store, review, who, report, "include")
    with store.read() as session:
        lines = screening_state.list_active_decisions(session, reports)
    assert {report: len(lines[report]) for report in reports} == dict.fromkeys(
        reports, 2 if dual else 1
    )


@pytest.mark.case("service", 1)
def test_a_decision_over_an_unseen_one_is_refused_with_what_was_decided(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    (report,) = add_records(store, review.id, 1)
    first = _send(store, review, person, report, "include", token="a")
    with pytest.raises(Conflict, match=r"ada has decided this record .*\(include\)"):
        _send(store, review, bo, report, "exclude")
    # Sent again, the first is stored once; and a person may change their own decision.
    assert _send(store, review, person, report, "include", token="a") == first
    second = _send(store, review, person, report, "maybe")
    with pytest.raises(Conflict, match="maybe"):
        _send(store, review, bo, report, "exclude", replaces=first)
    third = _send(store, review, bo, report, "exclude", replaces=second, token="c")
    assert _send(store, review, bo, report, "exclude", token="c") == third
    # Now it is bo's decision that the first person has not seen.
    with pytest.raises(Conflict, match="bo has decided"):
        _send(store, review, person, report, "include")
    with store.write() as session:
        decisions.undo_decision(session, review.id, bo.id, third, token="undo")
        counting = decision_log.find_latest_active_decision(session, report)
    assert counting == second


@pytest.mark.case("service", 1)
def test_a_late_third_decision_is_refused_and_a_correction_is_not(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    plan(store, review, person, dual_share=1.0)
    bo, cy, _ = team
    (report,) = add_records(store, review.id, 1)
    for who in (person, bo):
        _send(store, review, who, report, "include")
    with pytest.raises(Conflict, match="bo has decided"):
        _send(store, review, cy, report, "exclude")
    _send(store, review, person, report, "maybe")
