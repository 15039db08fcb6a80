"""Screening again what was decided under older criteria."""

from __future__ import annotations

import pytest

from api.protocol import ProtocolBody, Question, Reason, StagePlan
from api.services.reviews import protocols
from store.core import audit
from store.core.errors import Conflict, NotAllowed
from store.core.session import Store
from store.reports import record_counts, report_states
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, ReviewInfo
from store.rules.agreed_decision import UNDECIDED
from store.screening import decision_labels, decision_log, decisions, rescreens
from store.screening.queue import LeaseRequest
from store.screening.rescreens import NewRescreen, RescreenFilter
from store.screening.stage_queue import Screener
from tests.store import dealing
from tests.store.builders import add_records, join
from tests.store.deciding import HOUR, decide, start_round, state

OLD = ProtocolBody(
    inclusion=("children",),
    reasons=(Reason(key="r1", text="population"), Reason(key="r2", text="setting")),
)
NEW = OLD.model_copy(update={"inclusion": ("children", "young people to 25")})


def protocol(
    store: Store, review: ReviewInfo, person: PersonInfo, body: ProtocolBody, why: str | None
) -> int:
    new = NewProtocol(body.stored(), person.id, why)
    return protocols.save_protocol(store, review.id, new).version


def ask(store: Store, review: ReviewInfo, person: PersonInfo, pick: RescreenFilter) -> int:
    with store.write() as session:
        new = NewRescreen(pick, "wider")
        return rescreens.create_rescreen(session, review.id, new, by=person.id)


def exclude(
    store: Store, review: ReviewInfo, person: PersonInfo, report: int, *reasons: str
) -> None:
    with store.write() as session:
        new = decisions.NewDecision(f"x{report}", report, "exclude", reasons=reasons)
        decisions.record_decision(session, review.id, person.id, new)


def waiting(store: Store, review: ReviewInfo) -> set[int]:
    with store.read() as session:
        listed = rescreens.list_rescreened_reports(session, review.id)
        states = {id_: report_states.get_state(session, id_) for id_ in listed}
        return {id_ for id_, found in states.items() if found and found.state in UNDECIDED}


def labels(store: Store, review: ReviewInfo) -> dict[int, str]:
    with store.read() as session:
        return {
            each.report_id: each.decision
            for each in decision_labels.list_labels(session, review.id)
        }


@pytest.fixture
def reports(store: Store, review: ReviewInfo, person: PersonInfo) -> list[int]:
    """Six reports: one included, two excluded for the population, one for the setting, two open."""
    made = add_records(store, review.id, 6)
    protocol(store, review, person, OLD, None)
    decide(store, review, person, made[0], "include")
    exclude(store, review, person, made[1], "r1")
    exclude(store, review, person, made[2], "r1", "r2")
    exclude(store, review, person, made[3], "r2")
    return made


def test_decisions_under_older_criteria_are_listed_by_version_and_reason(
    store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]
) -> None:
    with store.read() as session:
        assert rescreens.count_older_decisions(session, review.id) == []
        before = reviews.get_protocol(session, review.id).version
    protocol(store, review, person, NEW, "wider")
    decide(store, review, person, reports[4], "exclude")
    with store.read() as session:
        (older,) = rescreens.count_older_decisions(session, review.id)
        assert (
            rescreens.find_matching_reports(session, review.id, RescreenFilter(reasons=("r1",)))
            == reports[1:3]
        )
        assert (
            rescreens.find_matching_reports(session, review.id, RescreenFilter("include"))
            == reports[:1]
        )
        assert (
            rescreens.find_matching_reports(session, review.id, RescreenFilter(version=before))
            == reports[:4]
        )
        assert (
            rescreens.find_matching_reports(session, review.id, RescreenFilter(text="no such word"))
            == []
        )
        (deviation,) = rescreens.list_deviations(session, review.id)
    assert older.version == before
    assert older.changed == ("inclusion criteria",)
    assert older.words == {"include": 1, "exclude": 3}
    assert older.reasons == {"r1": 2, "r2": 2}
    assert (deviation.reason, deviation.criteria, deviation.decisions) == ("wider", True, 4)


def test_after_decisions_the_criteria_change_only_with_a_reason(
    store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]
) -> None:
    assert reports
    with pytest.raises(ValueError, match="say why the criteria change"):
        protocol(store, review, person, NEW, None)
    # How many people screen is not a criterion.
    planned = OLD.model_copy(update={"plans": (StagePlan(dual_share=0.5),)})
    protocol(store, review, person, planned, None)
    with store.read() as session:
        (deviation,) = rescreens.list_deviations(session, review.id)
        assert rescreens.count_older_decisions(session, review.id) == []
    assert (deviation.changed, deviation.criteria) == (("who screens",), False)


def test_records_to_be_screened_again_count_nowhere_until_they_are(
    store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]
) -> None:
    protocol(store, review, person, NEW, "wider")
    ask(store, review, person, RescreenFilter(reasons=("r1",)))
    assert waiting(store, review) == set(reports[1:3])
    assert labels(store, review) == {reports[0]: "include", reports[3]: "exclude"}
    with store.read() as session:
        counts = record_counts.count_reports(session, review.id)
        assert (counts.exclude, counts.undecided) == (1, 4)
        # The old decision stays in the log but no longer counts.
        (line,) = decision_log.list_log(session, review.id, seen_by=None, report_id=reports[1])
    assert not line.counts
    with store.write() as session:
        every = dealing.lease_cards(
            session, Screener(review.id, person.id), reports, LeaseRequest(number=9, valid=HOUR)
        )
        again = dealing.lease_cards(
            session,
            Screener(review.id, person.id),
            reports,
            LeaseRequest(number=9, valid=HOUR, again=True),
        )
        left = dealing.count_remaining(session, Screener(review.id, person.id))
        repeated = dealing.count_remaining(session, Screener(review.id, person.id), again=True)
    assert [place.report_id for place in every] == reports[4:]
    assert [place.report_id for place in again] == reports[1:3]
    assert (left, repeated) == (2, 2)
    _, now = decide(store, review, person, reports[1], "include")
    assert now == "settled"
    assert waiting(store, review) == {reports[2]}
    assert labels(store, review)[reports[1]] == "include"
    with store.read() as session:
        (found,) = rescreens.list_rescreens(session, review.id)
        (older,) = rescreens.count_older_decisions(session, review.id)
    assert (found.reports, found.left, found.reason) == (2, 1, "wider")
    assert older.words == {"include": 1, "exclude": 1}


def test_a_pilot_round_comes_before_records_to_be_screened_again(
    store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]
) -> None:
    protocol(store, review, person, NEW, "wider")
    ask(store, review, person, RescreenFilter(reasons=("r1",)))
    assert len(reports) == 6
    with store.write() as session:
        join(session, review.id, "bo")
    start_round(store, review, person, 1)
    with store.read() as session:
        assert dealing.count_remaining(session, Screener(review.id, person.id), again=True) == 0
        assert dealing.count_remaining(session, Screener(review.id, person.id)) == 1


def test_reviewers_do_not_see_earlier_decisions_on_records_they_screen_again(
    store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]
) -> None:
    with store.write() as session:
        bo = join(session, review.id, "bo")
    protocol(store, review, person, NEW, "wider")
    ask(store, review, person, RescreenFilter(reasons=("r1",)))
    with store.read() as session:
        assert not list(
            decision_log.list_log(session, review.id, seen_by=bo.id, report_id=reports[1])
        )


def test_withdrawing_a_request_restores_the_old_decisions(
    store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]
) -> None:
    before = labels(store, review)
    protocol(store, review, person, NEW, "wider")
    number = ask(store, review, person, RescreenFilter("exclude"))
    assert labels(store, review) == {reports[0]: "include"}
    decide(store, review, person, reports[1], "include")
    with store.write() as session:
        rescreens.withdraw_rescreen(session, review.id, number, by=person.id)
    assert labels(store, review) == {**before, reports[1]: "include"}
    assert waiting(store, review) == set()
    with store.write() as session, pytest.raises(Conflict):
        rescreens.withdraw_rescreen(session, review.id, number, by=person.id)
    with store.read() as session:
        actions = [each.action for each in audit.list_events(session, review.id)]
    assert {"rescreen.asked", "rescreen.withdrawn"} <= set(actions)


def test_restoring_an_old_wording_restores_the_decisions_made_under_it(
    store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]
) -> None:
    first = protocol(store, review, person, NEW, "wider")
    decide(store, review, person, reports[4], "exclude")
    back = protocol(store, review, person, OLD, "narrower again")
    assert back == first + 1
    with store.read() as session:
        (older,) = rescreens.count_older_decisions(session, review.id)
        assert rescreens.find_matching_reports(session, review.id, RescreenFilter()) == [reports[4]]
    assert (older.version, older.words) == (first, {"exclude": 1})


def test_a_dual_plan_asks_two_people_again_and_neither_sees_the_other(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        bo = join(session, review.id, "bo")
    differ, half = add_records(store, review.id, 2)
    plans = (StagePlan(dual_share=1.0),)
    protocol(store, review, person, OLD.model_copy(update={"plans": plans}), None)
    decide(store, review, person, differ, "include")
    decide(store, review, bo, differ, "exclude")
    decide(store, review, bo, half, "exclude")
    protocol(store, review, person, NEW.model_copy(update={"plans": plans}), "wider")
    with store.read() as session:
        (older,) = rescreens.count_older_decisions(session, review.id)
    assert older.words == {"conflict": 1, "awaiting": 1}
    # Nobody sees a decision on a record that needs another one, not even a lead who makes the list.
    assert older.reasons == {}
    ask(store, review, person, RescreenFilter("conflict"))
    assert state(store, differ) == "open"
    assert decide(store, review, bo, differ, "include")[1] == "awaiting"
    with store.read() as session:
        seen = list(decision_log.list_log(session, review.id, seen_by=person.id, report_id=differ))
    assert [(each.person, each.decision) for each in seen] == [(person.name, "include")]
    assert decide(store, review, person, differ, "include")[1] == "settled"
    assert labels(store, review) == {differ: "include"}


def test_refusals(store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]) -> None:
    with store.write() as session:
        bo = join(session, review.id, "bo")
    assert reports
    with pytest.raises(Conflict, match="no decision under older criteria"):
        ask(store, review, person, RescreenFilter())
    protocol(store, review, person, NEW, "wider")
    with pytest.raises(NotAllowed):
        ask(store, review, bo, RescreenFilter())
    with store.write() as session, pytest.raises(ValueError, match="say why"):
        new = NewRescreen(RescreenFilter(), " ")
        rescreens.create_rescreen(session, review.id, new, by=person.id)


def test_rewording_a_question_changes_the_criteria(
    store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]
) -> None:
    asked = OLD.model_copy(update={"questions": (Question(text="What works?"),)})
    protocol(store, review, person, asked, "asked more clearly")
    with store.read() as session:
        (older,) = rescreens.count_older_decisions(session, review.id)
    assert older.changed == ("questions",)
    assert sum(older.words.values()) == 4 == len(reports) - 2
