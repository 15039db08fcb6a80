from __future__ import annotations

import pytest

from model.evaluation.matching import (
    MATCHED,
    MISSING,
    NOT_MATCHED,
    HeldReport,
    Known,
    Limits,
    match,
)
from tests.model.evaluation.known_records import NO_LIMITS, held, known


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
            "2 reports have this title, and a year is missing",
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
    record: Known, reports: list[HeldReport], state: str, how: str
) -> None:
    (found,) = match([record], reports, NO_LIMITS)
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
    limits = Limits(languages=("English",), types=("Journal Article",))
    assert limits.allows(None, (), ())
    assert limits.allows(2000, ("French", "English"), ("Journal Article", "Review"))
    assert not limits.allows(2000, ("German",), ())
    assert not limits.allows(2000, (), ("Book",))
