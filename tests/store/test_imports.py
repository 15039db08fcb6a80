from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.record import Record, Rejected
from store import decisions, raw, records, searches
from store.decisions import NewDecision
from store.errors import Conflict, NotFound
from store.people import PersonInfo
from store.records import Filter
from store.reviews import ReviewInfo
from store.session import Store
from tests.store.made import content, store_content


def _batch(store: Store, review: ReviewInfo, batch_id: int) -> searches.BatchInfo:
    with store.read() as session:
        return searches.batch(session, review.id, batch_id)


def test_what_came_in_is_new_changed_same_or_rejected(store: Store, review: ReviewInfo) -> None:
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
        _, found = records.listing(session, review.id, Filter(), offset=0, limit=10)
    # A missing field was filled; one that was there was not overwritten.
    assert [s.record.abstract for s in found] == ["now with an abstract", "x", None]
    assert "no-abstract" not in found[0].record.flags


def test_a_title_that_came_later_is_found_and_compared(store: Store, review: ReviewInfo) -> None:
    bare = content([Record(1, abstract="Only this", accession="a1")])
    store_content(store, review.id, bare, source="PsycINFO")
    long = "10.1000/" + "x" * 600
    full = content([Record(1, title="Family Hubs", accession="a1", doi=long)])
    batch = _batch(store, review, store_content(store, review.id, full, source="PsycINFO"))
    assert batch.changed == 1
    with store.read() as session:
        total, found = records.listing(session, review.id, Filter(text="family"), offset=0, limit=9)
        (text,) = records.texts(session, review.id)
    assert total == 1
    assert found[0].record.doi == long[:500]
    assert text.title_key == "familyhubs"


def test_one_accession_number_for_two_titles_loses_neither(
    store: Store, review: ReviewInfo
) -> None:
    made = content([Record(1, title="One", accession="7"), Record(2, title="Two", accession="7")])
    store_content(store, review.id, made)
    again = content([Record(1, title="Three", accession="7")])
    store_content(store, review.id, again)
    with store.read() as session:
        total, found = records.listing(session, review.id, Filter(), offset=0, limit=10)
    assert total == 3
    assert [s.source_id for s in found] == ["7", f"{made.sha256}#2", f"{again.sha256}#1"]


def test_an_accession_number_twice_in_a_file_is_one_record(
    store: Store, review: ReviewInfo
) -> None:
    made = content([Record(1, title="One", accession="7"), Record(2, title="One", accession="7")])
    batch = _batch(store, review, store_content(store, review.id, made))
    assert (batch.new, batch.same) == (1, 1)


def test_a_withdrawn_file_comes_back_with_its_decisions(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    made = content([Record(1, title="One")])
    batch = store_content(store, review.id, made)
    with store.write() as session:
        (report,) = records.reports_of_batch(session, batch).values()
        decisions.record(session, review.id, person.id, NewDecision("t", report, "include"))
        searches.withdraw(session, review.id, batch, reason="wrong file", person_id=person.id)
    with store.read() as session:
        assert records.counts(session, review.id).reports == 0
        assert searches.find_batch(session, review.id, made.sha256) is None
    store_content(store, review.id, made, source="stated now")
    with store.read() as session:
        counts = records.counts(session, review.id)
    assert (counts.reports, counts.include) == (1, 1)


def test_a_record_that_another_file_brought_too_stays_when_one_is_withdrawn(
    store: Store, review: ReviewInfo
) -> None:
    both = [Record(1, title="One", accession="a1"), Record(2, title="Two", accession="a2")]
    first = store_content(store, review.id, content(both), source="s")
    store_content(store, review.id, content(both[:1]), source="s")
    with store.write() as session:
        assert searches.withdraw(session, review.id, first, reason="r", person_id=None) == 1
        with pytest.raises(Conflict, match="withdrawn already"):
            searches.withdraw(session, review.id, first, reason="r", person_id=None)
        with pytest.raises(NotFound):
            searches.withdraw(session, review.id + 1, first, reason="r", person_id=None)


def test_raw_bytes_are_kept_as_they_came(store: Store, review: ReviewInfo) -> None:
    batch = store_content(store, review.id, content([Record(1, title="One")]))
    data = bytes(range(256)) * 40_000
    with store.write() as session:
        raw.keep_batch(session, batch, [data[:5_000_000], data[5_000_000:]])
    with store.read() as session:
        assert b"".join(raw.of_batch(session, batch)) == data


def test_a_gap_is_told_until_it_is_explained(store: Store, review: ReviewInfo) -> None:
    batch = store_content(store, review.id, content([Record(1, title="One")]))
    with store.write() as session:
        search = searches.batch(session, review.id, batch).search_id
        assert searches.by_id(session, review.id, search).gap is None
        searches.edit(session, review.id, search, {"reported": 3}, person_id=None)
    with store.read() as session:
        found = searches.by_id(session, review.id, search)
    assert (found.reported, found.received, found.gap) == (3, 1, 2)


def test_the_record_list_is_searched_without_case_and_accents(
    store: Store, review: ReviewInfo
) -> None:
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
            _, found = records.listing(
                session,
                review.id,
                Filter(**wanted),
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


@settings(max_examples=20)
@given(files=st.lists(st.lists(_RECORD, min_size=1, max_size=5), min_size=1, max_size=4))
def test_the_sum_holds_over_any_files(
    store: Store, review: ReviewInfo, files: list[list[Record]]
) -> None:
    with store.read() as session:
        before = records.counts(session, review.id).records
    new = 0
    for file in files:
        placed = [dataclasses.replace(r, position=n) for n, r in enumerate(file, start=1)]
        batch = _batch(store, review, store_content(store, review.id, content(placed)))
        assert batch.read == len(file) == batch.new + batch.changed + batch.same
        new += batch.new
    with store.read() as session:
        counts = records.counts(session, review.id)
    assert counts.records == counts.reports == before + new
