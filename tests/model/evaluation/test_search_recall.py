from __future__ import annotations

from model.evaluation.matching import match
from model.evaluation.metrics import wilson
from model.evaluation.search_recall import OWN_SEARCH_NOTE, SEARCH_NOTE, search_recall
from tests.model.evaluation.known_records import NO_LIMITS, held, known


def test_search_recall_uses_validation_records_only() -> None:
    records = [
        known(1, title_key="title1"),
        known(2, title_key="gone"),
        known(3, title_key="title2", search_use="development"),
    ]
    found = search_recall(match(records, [held(1), held(2)], NO_LIMITS))
    assert (found.recall, found.found, found.counted, found.note) == (0.5, 1, 2, None)
    assert [m.known.number for m in found.missing] == [2]


def test_search_recall_without_validation_records_has_no_headline() -> None:
    records = [known(1, title_key="title1", search_use="development")]
    found = search_recall(match(records, [held(1)], NO_LIMITS))
    assert (found.recall, found.note, found.found, found.counted) == (None, SEARCH_NOTE, 1, 1)


def test_records_of_own_searches_give_no_estimate_of_the_searches() -> None:
    own = [
        known(1, title_key="title1", origin="own-search"),
        known(2, title_key="title2", origin="own-includes"),
    ]
    reports = [held(n) for n in range(1, 5)]
    found = search_recall(match(own, reports, NO_LIMITS))
    assert (found.recall, found.note, found.found) == (None, OWN_SEARCH_NOTE, 2)
    outside = [known(3, title_key="title3"), known(4, title_key="gone")]
    found = search_recall(match([*own, *outside], reports, NO_LIMITS))
    assert (found.recall, found.note, found.counted) == (0.5, None, 2)
    assert found.interval == wilson(1, 2)


def test_a_report_that_a_list_has_twice_counts_once() -> None:
    twice = [known(1, title_key="title1"), known(2, doi="10.1000/1", title_key="another title")]
    found = search_recall(match([*twice, known(3, title_key="gone")], [held(1)], NO_LIMITS))
    assert (found.found, found.counted) == (1, 2)
