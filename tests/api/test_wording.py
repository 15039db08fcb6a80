from __future__ import annotations

import re

import pytest
from sqlalchemy import CheckConstraint

from api.wording import (
    RUN_STATES,
    count_noun,
    describe_expected,
    describe_removed,
    describe_run_state,
    describe_screened,
    name_run_state,
)
from store.core.tables import Run
from store.rules.limits import YearLimits
from store.searching.flow import Flow


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 studies"), (1, "1 study"), (2, "2 studies"), (1200, "1,200 studies")],
)
def test_a_number_has_the_right_noun(number: int, words: str) -> None:
    assert count_noun(number, "study", "studies") == words


def test_an_s_makes_the_plural_unless_another_is_given() -> None:
    assert [count_noun(number, "record") for number in (1, 2)] == ["1 record", "2 records"]


@pytest.mark.parametrize(
    ("removed", "words"),
    [
        ({}, "none"),
        ({"duplicates": 1}, "1 duplicate"),
        ({"filtered": 3}, "3 marked as ineligible by automation tools"),
        (
            {"filtered": 3, "notices": 1},
            "3 marked as ineligible by automation tools (of which 1 notice about another report, "
            "such as a retraction)",
        ),
        # The years are named only if a record was removed by them, and so is what is unreadable.
        ({"rejected": 2}, "2 for other reasons (unreadable)"),
        ({"out_of_range": 4}, "4 for other reasons (outside the protocol's years, 2011 and later)"),
        (
            {"duplicates": 1200, "rejected": 2, "out_of_range": 4},
            "1,200 duplicates, 6 for other reasons (2 unreadable; 4 outside the protocol's years, "
            "2011 and later)",
        ),
    ],
)
def test_only_what_was_removed_before_screening_is_named(
    removed: dict[str, int], words: str
) -> None:
    said = describe_removed(Flow(identified=1300, **removed), YearLimits(2011, None))
    assert said == f"1,300 records identified. Records removed before screening: {words}."


def test_records_that_wait_for_their_run_are_named_apart() -> None:
    assert describe_screened(Flow(screened=3, not_screened=2)) == (
        "Records screened: 3; not screened yet: 2."
    )
    assert describe_screened(Flow(screened=3, not_screened=2, waiting=1)) == (
        "Records screened: 3; not screened yet: 2, of which 1 waits until the run of the search "
        "has ended or a lead lets its records in."
    )


def test_a_small_expected_number_is_not_nought() -> None:
    assert [describe_expected(each) for each in (0, 0.006, 0.05, 12.34)] == [
        *("0.0", "0.006", "0.1", "12.3")
    ]


def test_every_state_of_a_run_has_words() -> None:
    (check,) = (
        str(each.sqltext)
        for each in Run.__table__.constraints
        if isinstance(each, CheckConstraint) and "'blocked'" in str(each.sqltext)
    )
    assert set(re.findall(r"'(\w+)'", check)) == set(RUN_STATES)
    for state in RUN_STATES:
        assert name_run_state(state, None)
        assert describe_run_state(state, None)


def test_a_run_that_is_not_complete_says_how_many_hits_are_missing() -> None:
    assert name_run_state("incomplete", 1200) == "1,200 short"
    assert name_run_state("incomplete", 0) == "not complete"
    assert describe_run_state("incomplete", 1) == "incomplete (1 hit missing)"
    assert describe_run_state("incomplete", None) == "incomplete"
