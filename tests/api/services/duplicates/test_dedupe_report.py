"""The report on duplicates: expected errors by calibration."""

from __future__ import annotations

import pytest

from api.services.duplicates.dedupe_report import (
    RuleCount,
    estimate_false_merges,
    estimate_missed_copies,
    load_calibration,
)
from harvest.dedupe.compare import VERSION
from harvest.dedupe.rules import SAME


def test_the_calibration_was_made_with_these_rules() -> None:
    known = load_calibration()
    assert known["version"] == VERSION
    named = {rule.name for rule in SAME}
    assert known["rules"].keys() <= named
    assert all(rule["false"] <= rule["pairs"] for rule in known["rules"].values())


def test_expected_errors_grow_with_uncertainty() -> None:
    sure = (RuleCount("doi", 1000, 10_000, 0),)
    unsure = (RuleCount("doi", 1000, 10, 0),)
    assert estimate_false_merges(()) == (0.0, 0.0)
    mean, bound = estimate_false_merges(sure)
    assert 0 < mean < bound < 1
    assert estimate_false_merges(unsure)[0] > 20 * mean
    sets = [{"merged": 100, "left": 1}, {"merged": 900, "left": 0}]
    assert estimate_missed_copies(500, sets) == pytest.approx((0.5, 0.0, 5.0))
    assert estimate_missed_copies(500, []) == (0.0, 0.0, 0.0)
