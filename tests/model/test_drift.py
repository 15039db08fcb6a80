from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.drift import SHARES, Replayed, bands, expected_of, foreseen, load, save
from model.pipeline import Pipeline, View
from model.simulate import Effort, Plan, measure


def replayed(prevalence: float, recall: float) -> Replayed:
    return Replayed(f"p{prevalence}", 1000, prevalence, (recall,) * len(SHARES))


def labels(*places: int, size: int = 100) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    found = np.zeros(size, bool)
    found[np.array(places) - 1] = True
    return found


def test_a_review_is_compared_with_replays_of_its_own_prevalence_as_far_as_it_is_read() -> None:
    alike = [replayed(0.02 + 0.0001 * n, 0.5 + 0.01 * n) for n in range(15)]
    unlike = [replayed(0.5, 0.0) for _ in range(15)]
    found = bands(labels(5, 90), [*unlike, *alike], read=20)
    assert [band.share for band in found] == [0.01, 0.02, 0.05, 0.1, 0.2]
    assert [band.recall for band in found] == [0, 0, 0.5, 0.5, 0.5]
    assert found[0].middle == pytest.approx(0.57)
    assert found[0].low == pytest.approx(0.514)
    assert [band.below for band in found] == [True] * 5
    assert not bands(labels(1, 2), alike, read=20)[-1].below


def test_spans_do_not_overlap_and_only_full_ones_count() -> None:
    decided = labels(1, 2, 3, 30, size=40)
    expectations = [(0, 3.0), (5, 9.0), (12, 1.0), (25, 4.0), (35, 99.0)]
    found = foreseen(expectations, decided, span=10)
    assert found is not None
    assert (found.records, found.expected, found.found) == (30, 8.0, 4)
    # Of a Poisson count with mean 8, 2.5 % lie below 3 and 97.5 % at or below 14.
    assert (found.low, found.high) == (3, 14)
    assert not found.off
    assert foreseen([(35, 1.0)], decided, span=10) is None
    far = foreseen([(0, 30.0)], labels(1, size=50), span=50)
    assert far is not None
    assert far.off


def test_expectations_come_from_runs_and_survive_their_file(tmp_path: Path) -> None:
    y = labels(3, 4, size=10)
    runs = [
        measure(
            "set",
            Pipeline("p", (View("words"),)),
            Plan(0, priors=False),
            y=y,
            order=order,
            effort=Effort(1, 0.0),
        )
        for order in ([2, 3], [0, 2, 3])
    ]
    (found,) = expected_of(runs)
    assert (found.name, found.records, found.prevalence) == ("set", 10, 0.2)
    assert dict(zip(SHARES, found.recall, strict=True))[0.1] == 0.25
    assert dict(zip(SHARES, found.recall, strict=True))[0.2] == 0.75
    save([found], tmp_path / "e.json")
    assert load(tmp_path / "e.json") == (found,)
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(ValueError, match="no expected curves"):
        load(tmp_path / "bad.json")


def test_the_shipped_expectations_are_of_finished_reviews() -> None:
    found = load()
    assert len(found) == 41
    for each in found:
        assert 0 < each.prevalence < 0.5
        assert list(each.recall) == sorted(each.recall)
        assert each.recall[-1] > 0.9
