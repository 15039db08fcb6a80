"""Plans: how many people decide a record, who sees what meanwhile, and how they settle it."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.protocol import ProtocolBody, RankingChoice, StagePlan
from store import (
    decisions,
    members,
    outcomes,
    people,
    pilots,
    queue,
    records,
    reviews,
    settlements,
)
from store.decisions import NewDecision
from store.errors import Conflict, NotAllowed
from store.people import PersonInfo
from store.plans import Plan, of_body
from store.reviews import ReviewInfo
from store.session import Store
from store.verdicts import INCLUDING, Line, outcome
from tests.store.made import add_records, join

HOUR = dt.timedelta(hours=1)
_numbers = itertools.count()
WORDS = ("include", "exclude", "maybe")


def plan(store: Store, review: ReviewInfo, person: PersonInfo, **values: Any) -> None:
    with store.write() as session:
        body = ProtocolBody(plans=(StagePlan(**values),))
        reviews.add_protocol(session, review.id, body.stored(), person_id=person.id)


def decide(
    store: Store, review: ReviewInfo, person: PersonInfo, report: int, word: str
) -> tuple[int, str]:
    """Decide, and say where the report stands then."""
    with store.write() as session:
        new = NewDecision(f"t{next(_numbers)}", report, word)
        number, _ = decisions.record(session, review.id, person.id, new)
    return number, state(store, report)


def state(store: Store, report: int) -> str:
    with store.read() as session:
        found = session.get(outcomes.Report, report)
        assert found is not None
        return found.state


def lease(
    store: Store, review: ReviewInfo, person: PersonInfo, ranked: list[int], number: int
) -> list[int]:
    with store.write() as session:
        dealt = queue.lease(session, review.id, person.id, ranked, number=number, valid=HOUR)
    return [place.report_id for place in dealt]


@pytest.fixture
def team(store: Store, review: ReviewInfo) -> list[PersonInfo]:
    """Two reviewers and an adjudicator."""
    with store.write() as session:
        return [
            join(session, review.id, "bo"),
            join(session, review.id, "cy"),
            join(session, review.id, "di", "adjudicator"),
        ]


@given(
    words=st.lists(st.tuples(st.integers(1, 3), st.sampled_from(WORDS)), max_size=6),
    needed=st.integers(1, 3),
)
def test_what_several_decisions_come_to(words: list[tuple[int, str]], needed: int) -> None:
    lines = [Line(at, who, word) for at, (who, word) in enumerate(words, start=1)]
    found = outcome(lines, lambda _: needed)
    own = dict(words)
    if not lines:
        assert (found.state, found.decision_id, found.first_id) == ("open", None, None)
        return
    assert found.first_id == 1
    if needed == 1:
        assert (found.state, found.decision_id) == ("settled", len(lines))
    elif len(own) < needed:
        assert (found.state, found.decision_id) == ("awaiting", None)
    elif len({word in INCLUDING for word in own.values()}) == 2:
        assert (found.state, found.decision_id) == ("conflict", None)
    else:
        assert found.state == "settled"
        assert found.decision_id is not None
        counted = words[found.decision_id - 1]
        assert counted[1] == ("include" if "include" in own.values() else counted[1])
        assert own[counted[0]] == counted[1]
    # Somebody else's word stands over theirs.
    settled = outcome([*lines, Line(99, 9, "exclude", "adjudication")], lambda _: needed)
    assert (settled.state, settled.decision_id) == ("settled", 99)


def test_a_share_is_drawn_by_the_report_and_by_nothing_else() -> None:
    some = Plan(dual_share=0.3, seed=4)
    drawn = [some.needed(report, word) for report in range(4000) for word in (None, "include")]
    assert drawn[::2] == drawn[1::2]
    assert 0.27 < sum(n == 2 for n in drawn[::2]) / 4000 < 0.33
    look = Plan(second_look=0.5)
    assert {look.needed(report, "include") for report in range(200)} == {1}
    assert 70 < sum(look.needed(report, "exclude") == 2 for report in range(200)) < 130
    assert Plan(second_look=1.0).needed(7, "exclude") == 2
    assert of_body({}) == Plan()
    assert Plan().single


def test_two_decide_each_without_seeing_the_other(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, di = team
    plan(store, review, person, dual_share=1.0)
    one, two, three = add_records(store, review.id, 3)
    ranked = [three, one, two]
    assert lease(store, review, bo, ranked, 3) == ranked
    assert decide(store, review, bo, two, "include")[1] == "awaiting"
    with store.read() as session:
        assert decisions.labels(session, review.id) == []
        assert records.counts(session, review.id).include == 0
        mine = list(decisions.log(session, review.id, seen_by=bo.id))
        assert [line.decision for line in mine] == ["include"]
        for other in (cy, di, person):
            assert list(decisions.log(session, review.id, seen_by=other.id)) == []
        assert queue.remaining(session, review.id, bo.id) == 2
        assert queue.remaining(session, review.id, cy.id) == 3
    # What awaits a second comes first; two hold a card, not three.
    assert lease(store, review, cy, ranked, 3) == [two, three, one]
    assert lease(store, review, di, ranked, 3) == []
    assert decide(store, review, cy, two, "include")[1] == "settled"
    with store.read() as session:
        (label,) = decisions.labels(session, review.id)
        assert (label.report_id, label.decision) == (two, "include")
        assert len(list(decisions.log(session, review.id, seen_by=di.id))) == 2


def test_maybe_beside_include_is_no_conflict_beside_exclude_it_is(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, _ = team
    plan(store, review, person, dual_share=1.0)
    one, two, three = add_records(store, review.id, 3)
    for report, words in ((one, "include maybe"), (two, "maybe exclude"), (three, "maybe maybe")):
        for who, word in zip((bo, cy), words.split(), strict=True):
            decide(store, review, who, report, word)
    assert [state(store, report) for report in (one, two, three)] == [
        "settled",
        "conflict",
        "settled",
    ]
    with store.read() as session:
        counts = records.counts(session, review.id)
        assert (counts.include, counts.maybe, counts.exclude) == (1, 1, 0)


def _settle(
    store: Store, review: ReviewInfo, who: PersonInfo, report: int, word: str, **values: Any
) -> int:
    with store.write() as session:
        new = NewDecision(f"t{next(_numbers)}", report, word, note=values.pop("note", "because"))
        return settlements.settle(session, review.id, who.id, new, **values)[0]


def test_a_conflict_is_settled_by_a_third_or_by_the_two(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, di = team
    plan(store, review, person, dual_share=1.0)
    one, two, three = add_records(store, review.id, 3)
    for report in (one, two):
        decide(store, review, bo, report, "include")
        assert decide(store, review, cy, report, "exclude")[1] == "conflict"
    decide(store, review, di, three, "include")
    assert decide(store, review, cy, three, "exclude")[1] == "conflict"
    with store.read() as session:
        _, found = settlements.unsettled(session, review.id)
    assert [each.report_id for each in found] == [one, two, three]
    assert [(d.person, d.decision) for d in found[0].decisions] == [
        ("bo", "include"),
        ("cy", "exclude"),
    ]
    for who, report, values, words in (
        (bo, one, {}, "As reviewer"),
        (di, three, {}, "their own conflict"),
        (bo, one, {"joint_with": di.id}, "two who decided"),
        (di, one, {"joint_with": cy.id}, "two who decided"),
        (bo, one, {"joint_with": bo.id}, "two who decided"),
    ):
        with pytest.raises(NotAllowed, match=words):
            _settle(store, review, who, report, "include", **values)
    with pytest.raises(ValueError, match="note"):
        _settle(store, review, di, one, "include", note=None)
    with pytest.raises(ValueError, match="include or exclude"):
        _settle(store, review, di, one, "maybe")
    settled = _settle(store, review, di, one, "exclude")
    _settle(store, review, cy, two, "include", joint_with=bo.id)
    _settle(store, review, person, three, "include")
    with store.read() as session:
        words = {label.report_id: label.decision for label in decisions.labels(session, review.id)}
        assert words == {one: "exclude", two: "include", three: "include"}
        assert settlements.unsettled(session, review.id) == (0, [])
    with pytest.raises(Conflict, match="in no conflict"):
        _settle(store, review, di, one, "include")
    # What settled it stands though one of the two decides again; taken back, they differ again.
    assert decide(store, review, bo, one, "maybe")[1] == "settled"
    with store.write() as session:
        decisions.undo(session, review.id, di.id, settled, token="back")
    assert state(store, one) == "conflict"


def test_a_second_person_looks_at_excludes(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, _ = team
    plan(store, review, person, second_look=1.0)
    one, two, three = add_records(store, review.id, 3)
    assert decide(store, review, bo, one, "include")[1] == "settled"
    assert decide(store, review, bo, two, "exclude")[1] == "awaiting"
    assert decide(store, review, bo, three, "exclude")[1] == "awaiting"
    assert decide(store, review, cy, two, "exclude")[1] == "settled"
    assert decide(store, review, cy, three, "maybe")[1] == "conflict"
    # Who excluded it first thinks again: now the two agree.
    assert decide(store, review, bo, three, "include")[1] == "settled"


def test_another_plan_reads_the_same_decisions_anew(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, _ = team
    one, two, three = add_records(store, review.id, 3)
    decide(store, review, bo, one, "include")
    decide(store, review, bo, two, "exclude")
    decide(store, review, cy, two, "include")
    assert [state(store, r) for r in (one, two, three)] == ["settled", "settled", "open"]
    plan(store, review, person, dual_share=1.0)
    assert [state(store, r) for r in (one, two, three)] == ["awaiting", "conflict", "open"]
    with store.read() as session:
        assert decisions.labels(session, review.id) == []
    plan(store, review, person)
    assert [state(store, r) for r in (one, two, three)] == ["settled", "settled", "open"]
    with store.read() as session:
        words = {label.report_id: label.decision for label in decisions.labels(session, review.id)}
    assert words == {one: "include", two: "include"}


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_more_people_hold_a_card_than_decide_it(
    store: Store, review: ReviewInfo, person: PersonInfo, share: float
) -> None:
    plan(store, review, person, dual_share=share)
    reports = add_records(store, review.id, 40)
    with store.write() as session:
        hands = [person, *(join(session, review.id, f"p{n}") for n in range(3))]
    held: dict[int, list[int]] = {}
    start = threading.Barrier(len(hands))

    def take(who: PersonInfo) -> None:
        start.wait(timeout=20)
        held[who.id] = lease(store, review, who, reports, 20 if share else 10)

    threads = [threading.Thread(target=take, args=(who,)) for who in hands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    holders = [report for cards in held.values() for report in cards]
    assert len(holders) == 40 * (1 + int(share))
    assert {holders.count(report) for report in reports} == {1 + int(share)}
    assert all(len(cards) == len(set(cards)) for cards in held.values())


def test_a_card_is_held_for_longer_and_given_up_only_to_others(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, _ = team
    one, two, three, four = add_records(store, review.id, 4)
    with store.write() as session:
        queue.lease(session, review.id, bo.id, [], number=4, valid=dt.timedelta(0))
    # They ran out; one is taken up by another, one decided by another, one by bo.
    assert lease(store, review, cy, [one], 1) == [one]
    decide(store, review, cy, two, "exclude")
    decide(store, review, bo, three, "exclude")
    with store.write() as session:
        lost = queue.extend(session, review.id, bo.id, [one, two, three, four], valid=HOUR)
    assert lost == {one, two}
    assert lease(store, review, cy, [four], 4) == [one]


def test_in_a_pilot_round_everybody_decides_the_same_records(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, di = team
    reports = add_records(store, review.id, 9)
    with store.write() as session:
        pilots.begin(session, review.id, 3, person_id=person.id, seed=5)
        late = join(session, review.id, "late")
        viewer = join(session, review.id, "viewer", "viewer")
    with store.write() as session, pytest.raises(Conflict, match="round is open"):
        pilots.begin(session, review.id, 3, person_id=person.id)
    with store.read() as session:
        (found,) = pilots.everything(session, review.id)
    drawn = list(found.report_ids)
    assert len(drawn) == 3
    assert {part.name for part in found.parts} == {"ada", "bo", "cy", "di"}
    for who in (person, bo, cy, di):
        assert sorted(lease(store, review, who, reports, 9)) == drawn
    # Who came later screens the rest.
    assert set(lease(store, review, late, reports, 9)) == set(reports) - set(drawn)
    assert viewer.id not in {part.person_id for part in found.parts}
    for report in drawn:
        for who in (bo, cy):
            assert decide(store, review, who, report, "include")[1] == "awaiting"
        decide(store, review, di, report, "exclude" if report == drawn[0] else "include")
    assert lease(store, review, bo, reports, 9) == []
    with store.read() as session:
        assert queue.remaining(session, review.id, bo.id) == 0
        assert queue.remaining(session, review.id, person.id) == 3
        assert settlements.unsettled(session, review.id) == (0, [])
    # The owner has no time for it: what three decided is compared all the same.
    with store.write() as session, pytest.raises(ValueError, match="what was learned"):
        pilots.close(session, review.id, person_id=person.id, note=" ")
    with store.write() as session:
        pilots.close(session, review.id, person_id=person.id, note="hubs count as services")
    assert [state(store, report) for report in drawn] == ["conflict", "settled", "settled"]
    assert len(lease(store, review, bo, reports, 9)) == 0, "late holds the others"
    with store.read() as session:
        (found,) = pilots.everything(session, review.id)
        assert (found.note, found.done) == ("hubs count as services", False)
    with store.write() as session, pytest.raises(Conflict, match="no pilot round is open"):
        pilots.close(session, review.id, person_id=person.id, note="x")


def test_who_leaves_keeps_no_pilot_round_waiting(
    store: Store, review: ReviewInfo, person: PersonInfo, team: list[PersonInfo]
) -> None:
    bo, cy, di = team
    add_records(store, review.id, 2)
    with store.write() as session, pytest.raises(ValueError, match="1 to 500"):
        pilots.begin(session, review.id, 0, person_id=person.id)
    with store.write() as session:
        pilots.begin(session, review.id, 50, person_id=person.id)
        (found,) = pilots.everything(session, review.id)
    assert len(found.report_ids) == 2
    for report in found.report_ids:
        for who in (bo, cy, person):
            assert decide(store, review, who, report, "include")[1] == "awaiting"
    with store.write() as session:
        members.remove(session, review.id, di.id, by=person.id)
    assert {state(store, report) for report in found.report_ids} == {"settled"}
    with store.read() as session:
        assert pilots.everything(session, review.id)[0].done
    with store.write() as session:
        pilots.close(session, review.id, person_id=person.id, note="nothing to mend")
    with store.write() as session, pytest.raises(Conflict, match="nobody has decided"):
        pilots.begin(session, review.id, 5, person_id=person.id)


_STEPS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 2), st.sampled_from((*WORDS, "undo"))), max_size=14
)


@settings(max_examples=20)
@given(steps=_STEPS, dual=st.sampled_from([0.0, 1.0]), look=st.sampled_from([0.0, 1.0]))
def test_after_any_history_states_are_what_the_log_says(
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    steps: list[tuple[int, int, str]],
    dual: float,
    look: float,
) -> None:
    plan(store, review, person, dual_share=dual, second_look=look, seed=next(_numbers))
    with store.write() as session:
        number = len(people.everyone(session))
        hands = [join(session, review.id, f"h{number}-{n}", "manager") for n in range(3)]
    reports = add_records(store, review.id, 2)
    model: dict[int, list[tuple[int, int, str]]] = {report: [] for report in reports}
    for at, who, word in steps:
        report, actor = reports[at], hands[who]
        if word != "undo":
            made, _ = decide(store, review, actor, report, word)
            model[report].append((made, actor.id, word))
        elif model[report]:
            made, _, _ = model[report].pop()
            with store.write() as session:
                token = f"u{next(_numbers)}"
                decisions.undo(session, review.id, actor.id, made, token=token)
    with store.read() as session:
        now = outcomes.asked_of(session, review.id)
        labels = {label.report_id: label for label in decisions.labels(session, review.id)}
        for report, known in model.items():
            row = session.get(outcomes.Report, report)
            assert row is not None
            standing = [Line(*line) for line in known]
            expected = outcome(standing, lambda lines, r=report: now.needed(r, lines))
            assert (row.state, row.decision_id) == (expected.state, expected.decision_id)
            assert (report in labels) == (expected.state == "settled")


def test_the_ranking_learns_from_what_is_settled_unless_the_protocol_says_otherwise(
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    team: list[PersonInfo],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bo, cy, _ = team
    one, two, three = add_records(store, review.id, 3)
    plan(store, review, person, dual_share=1.0)
    decide(store, review, bo, one, "include")
    decide(store, review, bo, two, "exclude")
    decide(store, review, cy, two, "exclude")

    def learned() -> dict[int, str]:
        with store.read() as session:
            return {each.report_id: each.decision for each in decisions.learned(session, review.id)}

    def revision() -> int:
        with store.read() as session:
            return reviews.by_id(session, review.id).revision

    assert learned() == {two: "exclude"}
    before = revision()
    decide(store, review, bo, three, "exclude")
    assert revision() == before, "a decision that does not count yet changes no order"
    body = ProtocolBody(plans=(StagePlan(dual_share=1.0),), ranking=RankingChoice(learn_from="all"))
    with store.write() as session:
        reviews.add_protocol(session, review.id, body.stored(), person_id=person.id)
    assert learned() == {two: "exclude"}, "two that wait are no batch"
    monkeypatch.setattr(decisions, "BATCH", 2)
    assert learned() == {one: "include", two: "exclude", three: "exclude"}
    before = revision()
    decide(store, review, cy, three, "include")
    assert revision() > before
    # What the other has decided is not in the order any more; it still comes first.
    assert lease(store, review, cy, [], 9) == [one]


def test_at_full_text_maybe_waits_for_a_final_word() -> None:
    def stands(*words: str, needed: int = 1) -> str:
        lines = [Line(at, at, word) for at, word in enumerate(words, start=1)]
        return outcome(lines, lambda _: needed, maybe_waits=True).state

    assert stands("maybe") == "awaiting"
    assert stands("maybe", "include") == "settled"
    assert stands("maybe", "maybe", needed=2) == "awaiting"
    assert stands("maybe", "exclude", needed=2) == "conflict"
    assert stands("maybe", "include", needed=2) == "settled"
    assert outcome([Line(1, 1, "maybe")], lambda _: 1).state == "settled"
