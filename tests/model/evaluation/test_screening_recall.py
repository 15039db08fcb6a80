from __future__ import annotations

import dataclasses

import pytest

from model.evaluation.matching import EMPTY_NOTE, Limits, match
from model.evaluation.screening_recall import (
    OWN_INCLUDES_NOTE,
    RANKING_NOTE,
    Read,
    screening_recall,
)
from tests.model.evaluation.known_records import NO_LIMITS, held, known


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
    assert (found.reads_to_100, found.note) == (3, None)
    assert found.wss100 == pytest.approx(6 / 9)


def test_screening_recall_says_what_it_may_not_claim() -> None:
    reports = [held(1), held(2)]
    order = [Read(1, "include"), Read(2, None)]
    seeds = match([known(title_key="title1", ranking_use="seed")], reports, NO_LIMITS)
    assert screening_recall(seeds, order).note == RANKING_NOTE
    own = match([known(title_key="title1", origin="own-includes")], reports, NO_LIMITS)
    assert screening_recall(own, order).note == OWN_INCLUDES_NOTE
    assert screening_recall(own, [Read(1, "include"), Read(2, "exclude")]).note is None
    none = match([known(title_key="gone")], reports, NO_LIMITS)
    assert screening_recall(none, order).note == EMPTY_NOTE
