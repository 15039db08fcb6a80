from __future__ import annotations

from harvest.dedupe.prepare import family_name


def test_names_are_understood_whichever_way_they_are_written() -> None:
    for name in ("Zuna, R E", "Zuna RE", "Zuna R. E.", "R. E. Zuna", "Rosemary Zuna", "ZUNA R.E."):
        assert family_name(name)[0] == "zuna", name
    assert family_name("Ludwig van Beethoven")[0] == "vanbeethoven"
    assert family_name("van Beethoven, Ludwig")[0] == "vanbeethoven"
