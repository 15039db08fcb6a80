"""The state of a report, which follows from its decisions and the current plan."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.core.session import Store
from store.reports import report_states, screening_state
from store.reviews import people
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.rules.agreed_decision import ActiveDecision, find_outcome
from store.screening import decision_labels, decisions
from tests.shared import on_postgresql, on_sqlite
from tests.store.builders import add_records, join
from tests.store.deciding import DECISIONS, decide, plan, state

_numbers = itertools.count()


def test_a_second_person_checks_excludes(
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
    # The person who excluded it changes their mind: now the two agree.
    assert decide(store, review, bo, three, "include")[1] == "settled"


def test_a_new_plan_is_applied_to_earlier_decisions(
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
        assert decision_labels.list_labels(session, review.id) == []
    plan(store, review, person)
    assert [state(store, r) for r in (one, two, three)] == ["settled", "settled", "open"]
    with store.read() as session:
        words = {
            label.report_id: label.decision
            for label in decision_labels.list_labels(session, review.id)
        }
    assert words == {one: "include", two: "include"}


_STEPS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 2), st.sampled_from((*DECISIONS, "undo"))),
    max_size=14,
)
_SHARE = st.sampled_from([0.0, 1.0])


def check_history(
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    steps: Sequence[tuple[int, int, str]],
    *,
    dual: float,
    look: float,
) -> list[str]:
    """Take the steps under a plan, and compare the reports' states with what the log says.

    Each step is the place of a report, that of a person, and what the person decides; *undo* undoes
    the latest decision on the report, no matter who made it. Returns the states at the end.
    """
    plan(store, review, person, dual_share=dual, second_look=look, seed=next(_numbers))
    with store.write() as session:
        number = len(people.list_people(session))
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
                decisions.undo_decision(session, review.id, actor.id, made, token=token)
    states = []
    with store.read() as session:
        now = screening_state.get_required_decisions(session, review.id)
        labels = {
            label.report_id: label for label in decision_labels.list_labels(session, review.id)
        }
        for report, known in model.items():
            row = report_states.get_state(session, report)
            assert row is not None
            standing = [ActiveDecision(*line) for line in known]
            expected = find_outcome(standing, lambda lines, r=report: now.count_needed(r, lines))
            assert (row.state, row.decision_id) == (expected.state, expected.decision_id)
            assert (report in labels) == (expected.state == "settled")
            states.append(row.state)
    return states


@on_sqlite
@settings(max_examples=20)
@given(steps=_STEPS, dual=_SHARE, look=_SHARE)
def test_in_any_history_states_follow_from_the_log(
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    steps: list[tuple[int, int, str]],
    dual: float,
    look: float,
) -> None:
    check_history(store, review, person, steps, dual=dual, look=look)


@on_postgresql
@pytest.mark.parametrize(
    ("dual", "look", "states"),
    [
        (0.0, 0.0, ["settled", "settled"]),
        (1.0, 0.0, ["conflict", "awaiting"]),
        (0.0, 1.0, ["settled", "awaiting"]),
        (1.0, 1.0, ["conflict", "awaiting"]),
    ],
)
def test_in_a_history_of_every_step_states_follow_from_the_log(
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    dual: float,
    look: float,
    states: list[str],
) -> None:
    steps = list(itertools.product((0, 1), (0, 1, 2), (*DECISIONS, "undo")))
    # In the end the first report has an include and then two excludes, and the other has one
    # exclude: a single person has undone what everybody had decided on it.
    steps += [(0, 0, "include"), (0, 1, "exclude"), (0, 2, "exclude")]
    steps += [(1, 2, "undo")] * len(steps)
    steps += [(1, 0, "exclude")]
    assert check_history(store, review, person, steps, dual=dual, look=look) == states
