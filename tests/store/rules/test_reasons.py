"""Reasons for exclusion in a protocol."""

from __future__ import annotations

import pytest

from store.rules import reasons
from tests.store.protocols import REASONS


def test_reasons_come_from_the_protocol_in_its_order() -> None:
    assert reasons.validate_reasons(REASONS, "exclude", ["design", "population"]) == [
        "population",
        "design",
    ]
    assert reasons.find_only_reason(REASONS, ["design", "design"]) == "No study"
    assert reasons.find_only_reason(REASONS, ["design", "population"]) is None
    assert reasons.find_only_reason(REASONS, []) is None
    assert reasons.validate_reasons(REASONS, "include", []) == []
    assert reasons.validate_reasons({}, "exclude", []) == []
    for decision, given, words in (
        ("exclude", ["outcome"], "not one of the protocol's reasons: population, design"),
        ("include", ["design"], "only an exclude"),
        ("exclude", [], "asks for a reason"),
    ):
        with pytest.raises(ValueError, match=words):
            reasons.validate_reasons(REASONS, decision, given)
    with pytest.raises(ValueError, match="it has none"):
        reasons.validate_reasons({}, "exclude", ["design"])
    # A reason is required only if there are reasons to choose from.
    assert not reasons.requires_reason({"plans": REASONS["plans"]})
