"""Tags, notes and stars: whose they are, and who sees them."""

from __future__ import annotations

import pytest

from store import marks, records
from store.errors import NotAllowed, NotFound
from store.marks import Marked
from store.people import PersonInfo
from store.records import Filter
from store.reviews import ReviewInfo
from store.session import Store
from tests.store.made import add_records, join
from tests.store.test_plans import decide, plan


def add(
    store: Store, review: ReviewInfo, person: PersonInfo, report: int, kind: str, text: str = ""
) -> int:
    with store.write() as session:
        return marks.add(session, review.id, person.id, report, kind, text)


def seen(store: Store, review: ReviewInfo, person: PersonInfo, report: int) -> set[tuple[str, str]]:
    with store.read() as session:
        found = marks.on_reports(session, review.id, person.id, [report])
        return {(mark.kind, mark.text) for mark in found.get(report, [])}


def listed(
    store: Store, review: ReviewInfo, person: PersonInfo, *, tag: str = "", star: bool = False
) -> list[int]:
    with store.read() as session:
        wanted = Filter(marked=Marked(person.id, tag, star))
        total, found = records.listing(session, review.id, wanted, offset=0, limit=99)
        assert total == len(found)
        assert [each.report_id for each in found] == records.matching(session, review.id, wanted)
        return [each.report_id for each in found]


@pytest.fixture
def bo(store: Store, review: ReviewInfo) -> PersonInfo:
    with store.write() as session:
        return join(session, review.id, "bo")


def test_others_see_tags_and_notes_once_nobody_is_to_decide_and_never_stars(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    (one,) = add_records(store, review.id, 1)
    plan(store, review, person, dual_share=1.0)
    add(store, review, bo, one, "tag", "surely  in")
    add(store, review, bo, one, "note", "the Glasgow study")
    add(store, review, bo, one, "star")
    mine = {("tag", "surely in"), ("note", "the Glasgow study"), ("star", "")}
    decide(store, review, bo, one, "include")
    assert seen(store, review, bo, one) == mine
    # A lead sees as little as anybody.
    assert seen(store, review, person, one) == set()
    assert listed(store, review, person, tag="surely in") == []
    with store.read() as session:
        assert marks.tags(session, review.id, person.id) == []
        assert marks.tags(session, review.id, bo.id) == ["surely in"]
    decide(store, review, person, one, "include")
    assert seen(store, review, person, one) == mine - {("star", "")}
    assert listed(store, review, person, tag="surely in") == [one]
    assert listed(store, review, person, star=True) == []
    assert listed(store, review, bo, star=True) == [one]


def test_the_same_tag_again_is_the_one_that_is_there(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = add_records(store, review.id, 2)
    first = add(store, review, person, one, "tag", "x")
    assert add(store, review, person, one, "tag", " x ") == first
    assert add(store, review, person, two, "tag", "x") != first
    assert add(store, review, person, one, "note", "n") != add(
        store, review, person, one, "note", "n"
    )
    with store.write() as session:
        marks.remove(session, review.id, person.id, first)
    assert listed(store, review, person, tag="x") == [two]
    with store.write() as session, pytest.raises(NotFound):
        marks.remove(session, review.id, person.id, first)


def test_refusals(store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo) -> None:
    (one,) = add_records(store, review.id, 1)
    for kind, text in (("tag", " "), ("tag", "x" * 61), ("note", ""), ("flag", "x")):
        with pytest.raises(ValueError, match=r"a (mark|tag|note)"):
            add(store, review, person, one, kind, text)
    with pytest.raises(NotFound):
        add(store, review, person, 2**40, "tag", "x")
    note = add(store, review, bo, one, "note", "mine")
    tag = add(store, review, bo, one, "tag", "mine")
    with store.write() as session, pytest.raises(NotAllowed):
        marks.remove(session, review.id, person.id, note)
    with store.write() as session:
        viewer = join(session, review.id, "vi", "viewer")
        marks.remove(session, review.id, person.id, tag)
    with pytest.raises(NotAllowed):
        add(store, review, viewer, one, "tag", "x")
