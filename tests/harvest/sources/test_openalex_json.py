from __future__ import annotations

from harvest.sources.openalex_json import restore_abstract


def test_an_inverted_index_closes_gaps_and_keeps_order() -> None:
    assert restore_abstract({"b": [5, 1], "a": [0], "c": [9]}) == "a b b c"
    assert restore_abstract({}) is None
    assert restore_abstract(None) is None
    assert restore_abstract({"a": "0", "b": [None]}) is None
