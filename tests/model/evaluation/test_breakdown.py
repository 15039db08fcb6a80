from __future__ import annotations

import pytest

from model.evaluation.breakdown import Subject, breakdown


def subject(design: str | None, place: int | None, *, held: bool | None = True) -> Subject:
    kinds = {} if design is None else {"study design": (design,)}
    return Subject(kinds, held, place, found=place is not None and place < 50)


def test_an_order_that_finds_trials_and_leaves_qualitative_studies_to_the_end_shows_it() -> None:
    trials = [subject("trial", place) for place in range(1, 21)]
    others = [subject("qualitative", place) for place in range(400, 410)]
    qualitative, trial = breakdown([*trials, *others], reports=1000)
    assert (qualitative.value, trial.value) == ("qualitative", "trial")
    assert qualitative.order_behind
    assert not trial.order_behind
    assert (trial.found, trial.relevant, trial.recall_at["5%"]) == (20, 20, 1.0)
    assert qualitative.recall_at == {"5%": 0, "10%": 0, "20%": 0, "50%": 1}
    assert qualitative.mean_place == pytest.approx(0.4045)
    low, high = qualitative.place_interval or (0, 0)
    assert low < 0.4045 < high
    assert not qualitative.search_behind


def test_a_search_that_holds_fewer_of_a_kind_shows_it() -> None:
    trials = [subject("trial", None) for _ in range(20)]
    others = [subject("qualitative", None, held=False) for _ in range(10)]
    qualitative, trial = breakdown([*trials, *others], reports=1000)
    assert qualitative.search_behind
    assert not trial.search_behind
    assert (qualitative.held, qualitative.counted) == (0, 10)
    assert qualitative.mean_place is None
    assert qualitative.recall_at == {}


def test_a_difference_that_chance_makes_is_not_called_one() -> None:
    mixed = [subject("trial" if place % 2 else "other", place) for place in range(1, 41)]
    assert not any(kind.order_behind or kind.search_behind for kind in breakdown(mixed, reports=99))


def test_what_does_not_group_is_left_out_and_what_is_not_stated_is_a_kind() -> None:
    alone = [subject("trial", place) for place in range(1, 5)]
    assert breakdown(alone, reports=10) == ()
    numbered = [subject(f"id {place}", place) for place in range(1, 31)]
    assert breakdown(numbered, reports=40) == ()
    gone = subject("trial", None, held=None)
    assert breakdown([subject("other", 1), gone], reports=40) == ()
    values = [kind.value for kind in breakdown([*alone, subject(None, 7)], reports=10)]
    assert values == ["not stated", "trial"]
    assert breakdown([], reports=0) == ()
