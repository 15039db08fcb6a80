from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.record import Record, Rejected
from store.core import raw
from store.core.errors import Conflict, NotFound
from store.core.session import Store
from store.reports import record_counts, record_listing, record_texts, records
from store.reports.record_listing import RecordFilter
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import decisions
from store.screening.decisions import NewDecision
from store.searching import batches, searches
from tests.shared import on_postgresql, on_sqlite
from tests.store.builders import content, store_content

pytestmark = pytest.mark.both_databases


def _batch(store: Store, review: ReviewInfo, batch_id: int) -> batches.BatchInfo:
    with store.read() as session:
        return batches.get_batch(session, review.id, batch_id)


def test_imported_entries_are_new_changed_the_same_or_unreadable(
    store: Store, review: ReviewInfo
) -> None:
    first = content(
        [
            Record(1, title="One", accession="a1"),
            Record(2, title="Two", accession="a2", abstract="x"),
        ],
        [Rejected(3, "no title", line=9, excerpt="…")],
    )
    batch = _batch(store, review, store_content(store, review.id, first, source="PsycINFO"))
    assert (batch.new, batch.changed, batch.same, batch.rejected, batch.read) == (2, 0, 0, 1, 3)
    second = content(
        [
            Record(1, title="One", accession="a1", abstract="now with an abstract"),
            Record(2, title="Two", accession="a2", abstract="another wording"),
            Record(3, title="Three", accession="a3"),
        ]
    )
    batch = _batch(store, review, store_content(store, review.id, second, source="PsycINFO"))
    assert (batch.new, batch.changed, batch.same, batch.rejected) == (1, 1, 1, 0)
    with store.read() as session:
        _, found = record_listing.list_records(
            session, review.id, RecordFilter(), offset=0, limit=10
        )
    # A missing field was filled; one that was there was not overwritten.
    assert [s.record.abstract for s in found] == ["now with an abstract", "x", None]
    assert "no-abstract" not in found[0].record.flags


def test_a_record_that_gains_a_title_is_found_and_compared(
    store: Store, review: ReviewInfo
) -> None:
    bare = content([Record(1, abstract="Only this", accession="a1")])
    store_content(store, review.id, bare, source="PsycINFO")
    long = "10.1000/" + "x" * 600
    full = content([Record(1, title="Family Hubs", accession="a1", doi=long)])
    batch = _batch(store, review, store_content(store, review.id, full, source="PsycINFO"))
    assert batch.changed == 1
    with store.read() as session:
        total, found = record_listing.list_records(
            session, review.id, RecordFilter(text="family"), offset=0, limit=9
        )
        (text,) = record_texts.list_report_texts(session, review.id)
    assert total == 1
    assert found[0].record.doi == long[:500]
    assert text.title_key == "familyhubs"


def test_two_titles_with_one_accession_number_are_both_kept(
    store: Store, review: ReviewInfo
) -> None:
    made = content([Record(1, title="One", accession="7"), Record(2, title="Two", accession="7")])
    store_content(store, review.id, made)
    again = content([Record(1, title="Three", accession="7")])
    store_content(store, review.id, again)
    with store.read() as session:
        total, found = record_listing.list_records(
            session, review.id, RecordFilter(), offset=0, limit=10
        )
    assert total == 3
    assert [s.source_id for s in found] == ["7", f"{made.sha256}#2", f"{again.sha256}#1"]


def test_an_accession_number_that_occurs_twice_in_a_file_makes_one_record(
    store: Store, review: ReviewInfo
) -> None:
    made = content([Record(1, title="One", accession="7"), Record(2, title="One", accession="7")])
    batch = _batch(store, review, store_content(store, review.id, made))
    assert (batch.new, batch.same) == (1, 1)


def test_importing_a_withdrawn_file_again_restores_its_decisions(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    made = content([Record(1, title="One")])
    batch = store_content(store, review.id, made)
    with store.write() as session:
        (report,) = records.get_reports_by_position(session, batch).values()
        decisions.record_decision(
            session, review.id, person.id, NewDecision("t", report, "include")
        )
        batches.withdraw_batch(session, review.id, batch, reason="wrong file", person_id=person.id)
    with store.read() as session:
        assert record_counts.count_reports(session, review.id).reports == 0
        assert batches.find_batch(session, review.id, made.sha256) is None
    store_content(store, review.id, made, source="stated now")
    with store.read() as session:
        counts = record_counts.count_reports(session, review.id)
    assert (counts.reports, counts.include) == (1, 1)


def test_a_record_in_two_files_stays_when_one_is_withdrawn(
    store: Store, review: ReviewInfo
) -> None:
    both = [Record(1, title="One", accession="a1"), Record(2, title="Two", accession="a2")]
    first = store_content(store, review.id, content(both), source="s")
    store_content(store, review.id, content(both[:1]), source="s")
    with store.write() as session:
        assert batches.withdraw_batch(session, review.id, first, reason="r", person_id=None) == 1
        with pytest.raises(Conflict, match="already been withdrawn"):
            batches.withdraw_batch(session, review.id, first, reason="r", person_id=None)
        with pytest.raises(NotFound):
            batches.withdraw_batch(session, review.id + 1, first, reason="r", person_id=None)


def test_raw_bytes_are_stored_unchanged(store: Store, review: ReviewInfo) -> None:
    batch = store_content(store, review.id, content([Record(1, title="One")]))
    data = bytes(range(256)) * 40_000
    with store.write() as session:
        raw.store_batch(session, batch, [data[:5_000_000], data[5_000_000:]])
    with store.read() as session:
        assert b"".join(raw.read_batch(session, batch)) == data


def test_a_gap_is_reported_until_it_is_explained(store: Store, review: ReviewInfo) -> None:
    batch = store_content(store, review.id, content([Record(1, title="One")]))
    with store.write() as session:
        search = batches.get_batch(session, review.id, batch).search_id
        assert searches.get_search(session, review.id, search).gap is None
        searches.update_search(session, review.id, search, {"reported": 3}, person_id=None)
    with store.read() as session:
        found = searches.get_search(session, review.id, search)
    assert (found.reported, found.received, found.gap) == (3, 1, 2)


def test_the_search_of_records_ignores_case_and_accents(store: Store, review: ReviewInfo) -> None:
    made = content(
        [
            Record(1, title="Hälsofam for families", year=2012),
            Record(2, title="50% of teams", year=2015, abstract="x"),
            Record(3, abstract="untitled", year=2020),
        ]
    )
    store_content(store, review.id, made)

    def titles(**wanted: object) -> list[str | None]:
        with store.read() as session:
            _, found = record_listing.list_records(
                session,
                review.id,
                RecordFilter(**wanted),
                offset=0,
                limit=10,  # type: ignore[arg-type] # given by name
            )
        return [stored.record.title for stored in found]

    assert titles(text="halsofam families") == ["Hälsofam for families"]
    assert titles(text="50%") == ["50% of teams"]
    assert titles(text="5_%") == []
    assert titles(flag="no-title") == [None]
    assert titles(flag="no-abstract") == ["Hälsofam for families"]
    assert titles(year_from=2015, year_to=2015) == ["50% of teams"]
    assert titles(decision="undecided", text="teams") == ["50% of teams"]


_RECORD = st.builds(
    Record,
    position=st.just(0),
    title=st.sampled_from(["One", "Two", None]),
    abstract=st.sampled_from(["x", None]),
    accession=st.sampled_from(["1", "2", None]),
)


def check_files(store: Store, review: ReviewInfo, files: Sequence[Sequence[Record]]) -> None:
    """Import the files, and compare the review's counts with theirs."""
    with store.read() as session:
        before = record_counts.count_reports(session, review.id).records
    new = 0
    for file in files:
        placed = [dataclasses.replace(r, position=n) for n, r in enumerate(file, start=1)]
        batch = _batch(store, review, store_content(store, review.id, content(placed)))
        assert batch.read == len(file) == batch.new + batch.changed + batch.same
        new += batch.new
    with store.read() as session:
        counts = record_counts.count_reports(session, review.id)
    assert counts.records == counts.reports == before + new


@on_sqlite
@settings(max_examples=20)
@given(files=st.lists(st.lists(_RECORD, min_size=1, max_size=5), min_size=1, max_size=4))
def test_the_sum_holds_over_any_files(
    store: Store, review: ReviewInfo, files: list[list[Record]]
) -> None:
    check_files(store, review, files)


@on_postgresql
def test_the_sum_holds_over_files_with_every_kind_of_record(
    store: Store, review: ReviewInfo
) -> None:
    kinds = [
        Record(0, title=title, abstract=abstract, accession=accession)
        for title in ("One", "Two", None)
        for abstract in ("x", None)
        for accession in ("1", "2", None)
    ]
    check_files(store, review, [kinds[:9], kinds[9:], kinds[::-1]])
