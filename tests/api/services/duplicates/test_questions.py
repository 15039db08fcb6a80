"""Questions are counted and found by their place as they are listed."""

from __future__ import annotations

import pytest

from api.services.duplicates import questions
from store.core.session import Store
from store.reports import pairs
from store.reports.pairs import NewPair
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.store.builders import add_records
from tests.store.deciding import decide


@pytest.fixture
def asked(store: Store, review: ReviewInfo, person: PersonInfo) -> list[int]:
    """Records of three questions: about an exclude, about unread records, about an include."""
    made = add_records(store, review.id, 6)
    decide(store, review, person, made[0], "exclude")
    decide(store, review, person, made[1], "exclude")
    decide(store, review, person, made[4], "include")
    new = [
        NewPair(a=one, b=other, label="ask", rule="title", reason="alike")
        for one, other in zip(made[::2], made[1::2], strict=True)
    ]
    with store.write() as session:
        pairs.replace_rule_pairs(session, review.id, made, new, version="1")
    return made


def test_a_question_is_found_by_its_place_in_the_list(
    store: Store, review: ReviewInfo, asked: list[int]
) -> None:
    with store.read() as session:
        listed = questions.list_questions(session, review.id)
        found = [questions.find_question(session, review.id, place) for place in (0, 1, 2, 9)]
        counts = questions.count_questions(session, review.id)
    assert [set(question.reports) for question in listed] == [
        {asked[4], asked[5]},
        {asked[2], asked[3]},
        {asked[0], asked[1]},
    ]
    assert [question.pair.reason for question in listed] == ["alike"] * 3
    # Past the end comes the last one.
    assert found == [(listed[place], place, 3) for place in (0, 1, 2, 2)]
    assert counts == {"ask": 3}


def test_without_questions_there_is_none_at_any_place(store: Store, review: ReviewInfo) -> None:
    with store.read() as session:
        assert questions.find_question(session, review.id, 4) == (None, 0, 0)
        assert questions.count_questions(session, review.id).total() == 0
