"""Stored counts stay equal to those counted again, whatever happens to a review's reports."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update

from api.protocol import ProtocolBody
from store.core.session import Store
from store.core.tables import ReportCount
from store.reports import counters, record_counts
from store.reviews import members, reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from store.rules.plans import FULL_TEXT, TITLE_ABSTRACT
from tests.api.histories import History
from tests.shared import on_postgresql, on_sqlite
from tests.store.between import Between
from tests.store.builders import add_records, join
from tests.store.deciding import decide

pytestmark = pytest.mark.both_databases

_numbers = itertools.count()

# Each step at least once, in an order in which it has something to change.
FIXED = (
    *("import", "compare", "import", "compare", "two people"),
    *("decide",) * 9,
    *("begin import", "settle", "settle", "end import", "judge", "judge", "undo judgement"),
    *("decide full text", "decide full text", "undo", "split", "one person", "rescreen"),
    *("years", "leave out", "decide", "begin import", "import", "keep", "cancel import"),
    *("begin run", "decide", "begin run", "end run", "compare"),
    *("withdraw rescreen", "leave out", "freeze", "import to the pool", "compare", "decide"),
    *("admit", "compare", "withdraw", "begin import", "end import", "undo", "withdraw", "judge"),
    *("import", "import", "decide by file", "decide in bulk", "decide", "undo bulk"),
)


@pytest.fixture
def history(store: Store, review: ReviewInfo, person: PersonInfo) -> History:
    with store.write() as session:
        others = [join(session, review.id, name) for name in ("bo", "cy")]
        adjudicator = join(session, review.id, "di", "adjudicator")
    return History(store, review, [person, *others, adjudicator])


def check(store: Store, step: str) -> None:
    with store.read() as session:
        assert counters.find_differences(session) == {}, step
        assert counters.find_wrong_reports(session) == {}, step


def test_a_history_of_every_kind_of_change_leaves_the_counts_right(history: History) -> None:
    assert set(FIXED) == set(history.steps())
    kinds, done = set(), set()
    for step in FIXED:
        if history.do(step):
            done.add(step)
        check(history.store, step)
        with history.store.read() as session:
            kinds |= set(counters.recount(session))
    assert done == set(FIXED)
    # All kinds occurred, so none is right only because it is always 0.
    outcomes = ("open", "awaiting", "conflict", "include", "exclude", "maybe")
    review = history.review.id
    assert {(review, TITLE_ABSTRACT, each) for each in outcomes} <= kinds
    assert {stage for _, stage, _ in kinds} == {TITLE_ABSTRACT, FULL_TEXT, counters.ALL}
    assert {kind for _, stage, kind in kinds if stage == counters.ALL} == {
        counters.RECORDS,
        counters.WITHOUT_ABSTRACT,
        counters.OUT_OF_RANGE,
    }


@on_sqlite
@settings(max_examples=25)
@given(seed=st.integers(0, 2**16), data=st.data())
def test_any_history_leaves_the_counts_right(
    history: History, seed: int, data: st.DataObject
) -> None:
    lead, *others = history.people
    with history.store.write() as session:
        new = NewReview(f"r{next(_numbers)}", "A review", ProtocolBody().stored())
        review = reviews.create_review(session, new, person_id=lead.id)
        for other in others:
            role = "adjudicator" if other is others[-1] else "reviewer"
            members.add_member(session, review.id, other.id, role, by=lead.id)
    lived = History(history.store, review, history.people, random.Random(seed))
    names = sorted(lived.steps())
    for step in ("import", *data.draw(st.lists(st.sampled_from(names), max_size=25))):
        lived.do(step)
        check(lived.store, step)


def test_the_counts_of_several_reviews_are_apart(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        new = NewReview("other", "Another review", {})
        other = reviews.create_review(session, new, person_id=person.id)
        empty = reviews.create_review(session, NewReview("e", "Empty", {}), person_id=person.id)
    (first, *_) = add_records(store, review.id, 3)
    add_records(store, other.id, 2)
    decide(store, review, person, first, "include")
    with store.read() as session:
        counts = record_counts.count_reports_by_review(session, [review.id, other.id, empty.id])
        assert counts[review.id] == record_counts.count_reports(session, review.id)
    found = {key: (each.reports, each.include, each.records) for key, each in counts.items()}
    assert found == {review.id: (3, 1, 3), other.id: (2, 0, 2), empty.id: (0, 0, 0)}


@on_postgresql
def test_two_transactions_that_change_counts_do_not_wait_for_each_other(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    add_records(store, review.id, 2)
    change = update(ReportCount).values(number=ReportCount.number + 0)
    with store.write() as session:
        session.execute(change)
        other = Store(str(store.engine.url.render_as_string(hide_password=False)), busy_seconds=5)
        # It would fail for want of a lock if it had to change the same rows.
        add_records(other, review.id, 2)
        other.close()
    check(store, "both")


@on_postgresql
def test_two_folds_at_the_same_moment_make_one_row(
    store: Store, database_url: str, review: ReviewInfo
) -> None:
    other = Store(database_url, busy_seconds=0.2)

    def fold(in_store: Store) -> None:
        with in_store.write() as session:
            counters.fold_counts(session)

    def add_and_fold() -> None:
        add_records(other, review.id, 1)
        fold(other)

    statements = 1
    for at in itertools.count(1):
        if at > statements:
            break
        # No row has been folded yet.
        with store.write() as session:
            session.execute(update(ReportCount).values(slot=7))
        with Between(store, at, add_and_fold) as between:
            fold(store)
        statements = max(statements, between.seen)
        check(store, f"statement {at}")
        fold(store)
        with store.read() as session:
            assert session.scalars(select(ReportCount.slot).distinct()).all() == [0]
    other.close()
    assert statements > 5


def test_folding_leaves_one_row_for_each_kind(history: History) -> None:
    for step in ("import", "begin import", "decide", "import"):
        history.do(step)
    with history.store.write() as session:
        session.execute(update(ReportCount).where(ReportCount.intake_id == 0).values(slot=7))
    history.do("decide")
    with history.store.read() as session:
        before = counters.get_counts(session)
    with history.store.write() as session:
        counters.fold_counts(session)
    with history.store.read() as session:
        assert counters.get_counts(session) == before
        assert session.scalars(select(ReportCount.slot).distinct()).all() == [0]
    # What the import hides stays apart until it has ended.
    history.do("end import")
    check(history.store, "end import")
    with history.store.write() as session:
        counters.fold_counts(session)
    with history.store.read() as session:
        assert session.scalar(select(func.max(ReportCount.intake_id))) == 0
    check(history.store, "folded")


def test_wrong_counts_are_found_and_repaired(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    add_records(store, review.id, 3)
    with store.write() as session:
        session.execute(update(ReportCount).where(ReportCount.kind == "open").values(number=5))
    wrong = {(review.id, TITLE_ABSTRACT, "open"): (5, 3)}
    with store.write() as session:
        assert counters.find_differences(session) == wrong
        assert counters.repair_counts(session) == wrong
        assert counters.find_differences(session) == {}


@on_postgresql
def test_no_count_compares_each_changed_row_with_each(store: Store) -> None:
    # A plan that was made for a few rows is kept, and a join would go on to compare all with all.
    with store.read() as session:
        found = session.execute(
            text("SELECT proname, prosrc FROM pg_proc WHERE proname LIKE 'count\\_%'")
        ).all()
    assert {"count_record_changed", "count_record_moved", "count_batch_changed"} <= {
        name for name, _ in found
    }
    assert [name for name, source in found if "JOIN" in source.upper()] == []
