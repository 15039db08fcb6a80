"""Screening again what was decided under older criteria."""

from __future__ import annotations

import pytest

from api.protocol import ProtocolBody, Question, Reason, StagePlan
from store import audit, decisions, pilots, queue, records, rescreens, reviews
from store.errors import Conflict, NotAllowed
from store.people import PersonInfo
from store.rescreens import Pick
from store.reviews import ReviewInfo
from store.session import Store
from tests.store.made import add_records, join
from tests.store.test_plans import HOUR, decide, state

OLD = ProtocolBody(
    inclusion=("children",),
    reasons=(Reason(key="r1", text="population"), Reason(key="r2", text="setting")),
)
NEW = OLD.model_copy(update={"inclusion": ("children", "young people to 25")})


def protocol(
    store: Store, review: ReviewInfo, person: PersonInfo, body: ProtocolBody, why: str | None
) -> int:
    with store.write() as session:
        return reviews.add_protocol(
            session, review.id, body.stored(), person_id=person.id, reason=why
        )


def ask(store: Store, review: ReviewInfo, person: PersonInfo, pick: Pick) -> int:
    with store.write() as session:
        return rescreens.ask(session, review.id, pick, reason="wider", person_id=person.id)


def exclude(
    store: Store, review: ReviewInfo, person: PersonInfo, report: int, *reasons: str
) -> None:
    with store.write() as session:
        new = decisions.NewDecision(f"x{report}", report, "exclude", reasons=reasons)
        decisions.record(session, review.id, person.id, new)


def waiting(store: Store, review: ReviewInfo) -> set[int]:
    with store.read() as session:
        return rescreens.waiting(session, review.id)


def labels(store: Store, review: ReviewInfo) -> dict[int, str]:
    with store.read() as session:
        return {each.report_id: each.decision for each in decisions.labels(session, review.id)}


@pytest.fixture
def reports(store: Store, review: ReviewInfo, person: PersonInfo) -> list[int]:
    """Six: one included, two excluded for the population, one for the setting, two open."""
    made = add_records(store, review.id, 6)
    protocol(store, review, person, OLD, None)
    decide(store, review, person, made[0], "include")
    exclude(store, review, person, made[1], "r1")
    exclude(store, review, person, made[2], "r1", "r2")
    exclude(store, review, person, made[3], "r2")
    return made


def test_decisions_under_older_criteria_are_told_by_version_and_reason(
    store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]
) -> None:
    with store.read() as session:
        assert rescreens.older(session, review.id) == []
        before = reviews.protocol(session, review.id).version
    protocol(store, review, person, NEW, "wider")
    decide(store, review, person, reports[4], "exclude")
    with store.read() as session:
        (older,) = rescreens.older(session, review.id)
        assert rescreens.matching(session, review.id, Pick(reasons=("r1",))) == reports[1:3]
        assert rescreens.matching(session, review.id, Pick("include")) == reports[:1]
        assert rescreens.matching(session, review.id, Pick(version=before)) == reports[:4]
        assert rescreens.matching(session, review.id, Pick(text="no such word")) == []
        (deviation,) = rescreens.deviations(session, review.id)
    assert older.version == before
    assert older.changed == ("inclusion criteria",)
    assert older.words == {"include": 1, "exclude": 3}
    assert older.reasons == {"r1": 2, "r2": 2}
    assert (deviation.reason, deviation.criteria, deviation.decisions) == ("wider", True, 4)


def test_criteria_change_after_decisions_only_with_a_reason(
    store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]
) -> None:
    assert reports
    with pytest.raises(ValueError, match="say why the criteria change"):
        protocol(store, review, person, NEW, None)
    # How many people screen is no criterion.
    planned = OLD.model_copy(update={"plans": (StagePlan(dual_share=0.5),)})
    protocol(store, review, person, planned, None)
    with store.read() as session:
        (deviation,) = rescreens.deviations(session, review.id)
        assert rescreens.older(session, review.id) == []
    assert (deviation.changed, deviation.criteria) == (("who screens",), False)


def test_what_is_screened_again_counts_nowhere_until_it_is(
    store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]
) -> None:
    protocol(store, review, person, NEW, "wider")
    ask(store, review, person, Pick(reasons=("r1",)))
    assert waiting(store, review) == set(reports[1:3])
    assert labels(store, review) == {reports[0]: "include", reports[3]: "exclude"}
    with store.read() as session:
        counts = records.counts(session, review.id)
        assert (counts.exclude, counts.undecided) == (1, 4)
        # The old decision stays in the log and counts no more.
        (line,) = decisions.log(session, review.id, seen_by=None, report_id=reports[1])
    assert not line.counts
    with store.write() as session:
        every = queue.lease(session, review.id, person.id, reports, number=9, valid=HOUR)
        again = queue.lease(
            session, review.id, person.id, reports, number=9, valid=HOUR, again=True
        )
        left = queue.remaining(session, review.id, person.id)
        repeated = queue.remaining(session, review.id, person.id, again=True)
    assert [place.report_id for place in every] == reports[4:]
    assert [place.report_id for place in again] == reports[1:3]
    assert (left, repeated) == (2, 2)
    _, now = decide(store, review, person, reports[1], "include")
    assert now == "settled"
    assert waiting(store, review) == {reports[2]}
    assert labels(store, review)[reports[1]] == "include"
    with store.read() as session:
        (found,) = rescreens.everything(session, review.id)
        (older,) = rescreens.older(session, review.id)
    assert (found.reports, found.left, found.reason) == (2, 1, "wider")
    assert older.words == {"include": 1, "exclude": 1}


def test_a_pilot_round_comes_before_what_is_screened_again(
    store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]
) -> None:
    protocol(store, review, person, NEW, "wider")
    ask(store, review, person, Pick(reasons=("r1",)))
    assert len(reports) == 6
    with store.write() as session:
        join(session, review.id, "bo")
        pilots.begin(session, review.id, 1, person_id=person.id)
    with store.read() as session:
        assert queue.remaining(session, review.id, person.id, again=True) == 0
        assert queue.remaining(session, review.id, person.id) == 1


def test_others_do_not_see_what_was_decided_before(
    store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]
) -> None:
    with store.write() as session:
        bo = join(session, review.id, "bo")
    protocol(store, review, person, NEW, "wider")
    ask(store, review, person, Pick(reasons=("r1",)))
    with store.read() as session:
        assert not list(decisions.log(session, review.id, seen_by=bo.id, report_id=reports[1]))


def test_taken_back_the_old_decisions_stand_again(
    store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]
) -> None:
    before = labels(store, review)
    protocol(store, review, person, NEW, "wider")
    number = ask(store, review, person, Pick("exclude"))
    assert labels(store, review) == {reports[0]: "include"}
    decide(store, review, person, reports[1], "include")
    with store.write() as session:
        rescreens.withdraw(session, review.id, number, person_id=person.id)
    assert labels(store, review) == {**before, reports[1]: "include"}
    assert waiting(store, review) == set()
    with store.write() as session, pytest.raises(Conflict):
        rescreens.withdraw(session, review.id, number, person_id=person.id)
    with store.read() as session:
        actions = [each.action for each in audit.events(session, review.id)]
    assert {"rescreen.asked", "rescreen.withdrawn"} <= set(actions)


def test_going_back_to_an_old_wording_goes_back_to_what_was_decided_under_it(
    store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]
) -> None:
    first = protocol(store, review, person, NEW, "wider")
    decide(store, review, person, reports[4], "exclude")
    back = protocol(store, review, person, OLD, "narrower again")
    assert back == first + 1
    with store.read() as session:
        (older,) = rescreens.older(session, review.id)
        assert rescreens.matching(session, review.id, Pick()) == [reports[4]]
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
        (older,) = rescreens.older(session, review.id)
    assert older.words == {"conflict": 1, "awaiting": 1}
    # What somebody has said of a record that waits is told to nobody, a lead who picks included.
    assert older.reasons == {}
    ask(store, review, person, Pick("conflict"))
    assert state(store, differ) == "open"
    assert decide(store, review, bo, differ, "include")[1] == "awaiting"
    with store.read() as session:
        seen = list(decisions.log(session, review.id, seen_by=person.id, report_id=differ))
    assert [(each.person, each.decision) for each in seen] == [(person.name, "include")]
    assert decide(store, review, person, differ, "include")[1] == "settled"
    assert labels(store, review) == {differ: "include"}


def test_refusals(store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]) -> None:
    with store.write() as session:
        bo = join(session, review.id, "bo")
    assert reports
    with pytest.raises(Conflict, match="no decision under older criteria"):
        ask(store, review, person, Pick())
    protocol(store, review, person, NEW, "wider")
    with pytest.raises(NotAllowed):
        ask(store, review, bo, Pick())
    with store.write() as session, pytest.raises(ValueError, match="say why"):
        rescreens.ask(session, review.id, Pick(), reason=" ", person_id=person.id)


def test_a_question_that_changes_its_words_changes_the_criteria(
    store: Store, review: ReviewInfo, person: PersonInfo, reports: list[int]
) -> None:
    asked = OLD.model_copy(update={"questions": (Question(text="What works?"),)})
    protocol(store, review, person, asked, "asked more clearly")
    with store.read() as session:
        (older,) = rescreens.older(session, review.id)
    assert older.changed == ("questions",)
    assert sum(older.words.values()) == 4 == len(reports) - 2
