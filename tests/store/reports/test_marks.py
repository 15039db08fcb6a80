"""Tags, notes and stars: whose they are, and who sees them."""

from __future__ import annotations

import pytest

from store.core.errors import NotAllowed, NotFound
from store.core.session import Store
from store.reports import marks, record_listing
from store.reports.marks import MarkFilter, NewMark
from store.reports.record_listing import RecordFilter
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.store.builders import add_records, join
from tests.store.deciding import decide, plan


def add(
    store: Store, review: ReviewInfo, person: PersonInfo, report: int, kind: str, text: str = ""
) -> int:
    with store.write() as session:
        return marks.add_mark(session, review.id, person.id, report, NewMark(kind, text))


def seen(store: Store, review: ReviewInfo, person: PersonInfo, report: int) -> set[tuple[str, str]]:
    with store.read() as session:
        found = marks.list_marks_by_report(session, review.id, person.id, [report])
        return {(mark.kind, mark.text) for mark in found.get(report, [])}


def listed(
    store: Store, review: ReviewInfo, person: PersonInfo, *, tag: str = "", star: bool = False
) -> list[int]:
    with store.read() as session:
        wanted = RecordFilter(marked=MarkFilter(person.id, tag, star))
        total, found = record_listing.list_records(session, review.id, wanted, offset=0, limit=99)
        assert total == len(found)
        assert [each.report_id for each in found] == record_listing.find_matching_reports(
            session, review.id, wanted
        )
        return [each.report_id for each in found]


def test_others_see_tags_and_notes_after_the_last_decision_and_stars_never(
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
    # A lead sees no more than anybody else.
    assert seen(store, review, person, one) == set()
    assert listed(store, review, person, tag="surely in") == []
    with store.read() as session:
        assert marks.list_tags(session, review.id, person.id) == []
        assert marks.list_tags(session, review.id, bo.id) == ["surely in"]
    decide(store, review, person, one, "include")
    assert seen(store, review, person, one) == mine - {("star", "")}
    assert listed(store, review, person, tag="surely in") == [one]
    assert listed(store, review, person, star=True) == []
    assert listed(store, review, bo, star=True) == [one]


def test_adding_a_tag_twice_keeps_one(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    one, two = add_records(store, review.id, 2)
    first = add(store, review, person, one, "tag", "x")
    assert add(store, review, person, one, "tag", " x ") == first
    assert add(store, review, person, two, "tag", "x") != first
    assert add(store, review, person, one, "note", "n") != add(
        store, review, person, one, "note", "n"
    )
    with store.write() as session:
        marks.remove_mark(session, review.id, person.id, first)
    assert listed(store, review, person, tag="x") == [two]
    with store.write() as session, pytest.raises(NotFound):
        marks.remove_mark(session, review.id, person.id, first)


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
        marks.remove_mark(session, review.id, person.id, note)
    with store.write() as session:
        viewer = join(session, review.id, "vi", "viewer")
        marks.remove_mark(session, review.id, person.id, tag)
    with pytest.raises(NotAllowed):
        add(store, review, viewer, one, "tag", "x")
