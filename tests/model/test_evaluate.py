from __future__ import annotations

import dataclasses

import pytest

from model.evaluate import (
    EMPTY_NOTE,
    MATCHED,
    MISSING,
    NOT_MATCHED,
    OWN_INCLUDES_NOTE,
    RANKING_NOTE,
    SAME_FILE_NOTE,
    SEARCH_NOTE,
    Held,
    Known,
    Limits,
    Read,
    match,
    screening_recall,
    search_recall,
)

NONE = Limits()


def known(number: int = 1, **values: object) -> Known:
    base = Known(number, "T", "t", 2015, None, None, None, "validation", "held_out")
    return dataclasses.replace(base, **values)  # type: ignore[arg-type] # given by name


def held(report_id: int, **values: object) -> Held:
    base = Held(report_id, f"title{report_id}", 2015, f"10.1000/{report_id}", None, f"s{report_id}")
    return dataclasses.replace(base, **values)  # type: ignore[arg-type] # given by name


@pytest.mark.parametrize(
    ("record", "reports", "state", "how"),
    [
        (known(source_id="s1", title_key="x"), [held(1)], MATCHED, "same file and position"),
        (known(doi="10.1000/1", title_key="x"), [held(1)], MATCHED, "DOI"),
        (known(pmid="7", title_key="x"), [held(1, pmid="7")], MATCHED, "PMID"),
        (known(title_key="title1"), [held(1)], MATCHED, "title and year"),
        (known(title_key="title1", year=None), [held(1)], MATCHED, "title alone"),
        (known(title_key="title1"), [held(1, year=None)], MATCHED, "title alone"),
        (
            known(title_key="same", year=None),
            [held(1, title_key="same"), held(2, title_key="same")],
            NOT_MATCHED,
            "title stands 2 times, a year is missing",
        ),
        (known(title_key="title1", year=2001), [held(1)], NOT_MATCHED, "with another year"),
        (known(title_key="elsewhere"), [held(1)], MISSING, "not among the records"),
        (known(title=None, title_key="", doi="10.1/x"), [held(1)], MISSING, "id not among"),
        (
            known(title=None, title_key="", doi="10.1/x"),
            [held(1, doi=None)],
            NOT_MATCHED,
            "no title to look for",
        ),
        (known(title=None, title_key=""), [held(1)], NOT_MATCHED, "no title to look for"),
    ],
)
def test_records_match_in_the_stated_order_and_doubt_is_no_miss(
    record: Known, reports: list[Held], state: str, how: str
) -> None:
    (found,) = match([record], reports, NONE)
    assert found.state == state
    assert how in found.how


@pytest.mark.parametrize(
    ("year", "inside"), [(2010, False), (2011, True), (2022, True), (2023, False), (None, True)]
)
def test_outside_the_limits_is_out_of_scope_and_undated_is_inside(
    year: int | None, inside: bool
) -> None:
    (found,) = match([known(title_key="x", year=year)], [], Limits(2011, 2022))
    assert found.in_scope is inside
    assert found.dated is (year is not None)


def test_a_known_record_without_year_takes_that_of_its_match() -> None:
    (found,) = match([known(title_key="title1", year=None)], [held(1)], Limits(2016, None))
    assert (found.year, found.in_scope) == (2015, False)


def test_languages_and_types_limit_only_what_states_them() -> None:
    limits = Limits(languages=("en",), types=("journal article",))
    assert limits.allows(None, None, ())
    assert limits.allows(2000, "EN", ("Journal Article", "Review"))
    assert not limits.allows(2000, "de", ())
    assert not limits.allows(2000, None, ("Book",))


def test_search_recall_uses_validation_records_only() -> None:
    records = [
        known(1, title_key="title1"),
        known(2, title_key="gone"),
        known(3, title_key="title2", search_use="development"),
    ]
    found = search_recall(match(records, [held(1), held(2)], NONE))
    assert (found.recall, found.found, found.counted, found.note) == (0.5, 1, 2, None)
    assert [m.known.number for m in found.missing] == [2]


def test_search_recall_without_validation_records_has_no_headline() -> None:
    records = [known(1, title_key="title1", search_use="development")]
    found = search_recall(match(records, [held(1)], NONE))
    assert (found.recall, found.note, found.found, found.counted) == (None, SEARCH_NOTE, 1, 1)


def test_a_list_that_was_itself_imported_gives_no_search_recall() -> None:
    found = search_recall(match([known(title_key="title1")], [held(1)], NONE), same_file=True)
    assert (found.recall, found.note) == (None, SAME_FILE_NOTE)


def test_screening_recall_counts_held_out_records_and_seeds_leave_the_order() -> None:
    reports = [held(n) for n in range(1, 11)]
    records = [
        known(1, title_key="title3"),
        known(2, title_key="title5"),
        known(3, title_key="title1", ranking_use="seed"),
        known(4, title_key="title7", year=1990),
    ]
    records[3] = dataclasses.replace(records[3], doi="10.1000/7")
    order = [Read(1, "include"), Read(2, "exclude"), Read(3, "maybe"), Read(5, "exclude")]
    order += [Read(n, None) for n in (4, 6, 7, 8, 9, 10)]
    found = screening_recall(match(records, reports, Limits(2011, 2022)), order)
    assert (found.reports, found.seeds, found.read) == (9, 1, 3)
    assert (found.relevant, found.held_out, found.out_of_scope) == (2, 3, 1)
    assert (found.places, found.found, found.excluded) == ((2, 3), 1, (5,))
    assert found.recall_of_read == 0.5
    assert (found.reads_to_100, found.note) == (3, None)
    assert found.wss100 == pytest.approx(6 / 9)


def test_screening_recall_says_what_it_may_not_claim() -> None:
    reports = [held(1), held(2)]
    order = [Read(1, "include"), Read(2, None)]
    seeds = match([known(title_key="title1", ranking_use="seed")], reports, NONE)
    assert screening_recall(seeds, order).note == RANKING_NOTE
    own = match([known(title_key="title1", origin="own-includes")], reports, NONE)
    assert screening_recall(own, order).note == OWN_INCLUDES_NOTE
    assert screening_recall(own, [Read(1, "include"), Read(2, "exclude")]).note is None
    none = match([known(title_key="gone")], reports, NONE)
    assert screening_recall(none, order).note == EMPTY_NOTE
