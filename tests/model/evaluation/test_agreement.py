from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score, f1_score, jaccard_score

from model.evaluation.agreement import agreement, alpha

WORDS = ("include", "maybe", "exclude")
PAIRS = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(WORDS)), min_size=1)


@given(PAIRS)
def test_kappa_is_sklearns(pairs: list[tuple[str, str]]) -> None:
    first, second = zip(*pairs, strict=True)
    found = agreement(first, second, WORDS)
    assert found.records == len(pairs)
    assert found.raw.value == pytest.approx(np.mean([a == b for a, b in pairs]))
    if found.kappa.value is None:
        assert len({*first, *second}) == 1
    else:
        theirs = cohen_kappa_score(first, second, labels=WORDS)
        assert found.kappa.value == pytest.approx(theirs)
        if found.kappa.low is not None and found.kappa.high is not None:
            assert found.kappa.low < found.kappa.high


@given(PAIRS)
def test_agreement_on_includes_is_f1_and_jaccard_of_scikit_learn(
    pairs: list[tuple[str, str]],
) -> None:
    ones, others = zip(*pairs, strict=True)
    first, second = (np.array([word == "include" for word in each]) for each in (ones, others))
    found = agreement(ones, others, WORDS)
    assert (found.in_common.found, found.in_common.counted) == (
        int((first & second).sum()),
        int((first | second).sum()),
    )
    if found.in_common.value is not None:
        assert found.positive.value == pytest.approx(f1_score(first, second))
        assert found.in_common.value == pytest.approx(jaccard_score(first, second))
    else:
        assert found.positive.value is None
    if not (first & second).all():
        assert found.negative.value == pytest.approx(f1_score(~first, ~second, zero_division=0))
    scipys = binomtest(int(sum(a == b for a, b in pairs)), len(pairs)).proportion_ci(
        method="wilson"
    )
    assert (found.raw.low, found.raw.high) == (
        pytest.approx(scipys.low, abs=1e-12),
        pytest.approx(scipys.high, abs=1e-12),
    )


def test_perfect_agreement_has_wilsons_interval_and_none_by_bootstrap() -> None:
    words = ["include"] * 4 + ["exclude"] * 16
    found = agreement(words, words, ("include", "exclude"))
    assert (found.in_common.found, found.in_common.counted) == (4, 4)
    # 4 / (4 + 1.96^2), and 20 / (20 + 1.96^2).
    assert found.in_common.low == pytest.approx(4 / (4 + 1.959964**2), abs=1e-6)
    assert found.raw.low == pytest.approx(20 / (20 + 1.959964**2), abs=1e-6)
    assert (found.kappa.value, found.kappa.low, found.kappa.high) == (1.0, None, None)
    assert (found.positive.value, found.positive.low) == (1.0, None)
    assert found.adjusted.low == pytest.approx(2 * 20 / (20 + 1.959964**2) - 1, abs=1e-6)


def test_kappa_is_low_where_few_are_relevant_and_adjusted_is_not() -> None:
    # Feinstein and Cicchetti's paradox: 85 of 100 alike, on almost all of which both exclude.
    first = ["include"] * 5 + ["include"] * 10 + ["exclude"] * 85
    second = ["include"] * 5 + ["exclude"] * 10 + ["include"] * 5 + ["exclude"] * 80
    found = agreement(first, second, ("include", "exclude"))
    assert found.table == ((5, 10), (5, 80))
    assert found.raw.value == pytest.approx(0.85)
    assert found.kappa.value == pytest.approx(0.318, abs=0.001)
    assert found.adjusted.value == pytest.approx(0.70)


def test_intervals_cover_what_is_true_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for at in range(200):
        truth = rng.random(150) < 0.3
        said = [truth ^ (rng.random(150) < 0.1) for _ in range(2)]
        first, second = (["include" if yes else "exclude" for yes in each] for each in said)
        found = agreement(first, second, ("include", "exclude"), seed=at)
        # Two who are each wrong on a tenth: 0.82 alike; 0.5068 were expected by chance, by
        # P(include) = 0.34.
        expected = (0.82 - (0.34**2 + 0.66**2)) / (1 - (0.34**2 + 0.66**2))
        assert found.kappa.low is not None
        assert found.kappa.high is not None
        covered += found.kappa.low <= expected <= found.kappa.high
    assert covered >= 180


def test_alpha_is_krippendorffs() -> None:
    # Example A of Krippendorff 2011: two observers, binary; alpha = 0.095.
    first = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    second = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    pairs = [f"{a}{b}" for a, b in zip(first, second, strict=True)]
    assert alpha(pairs, "01").value == pytest.approx(0.095, abs=0.0005)
    # Example C: four observers, five words, some missing; alpha = 0.743.
    rows = (
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    )
    units = [
        [word for word in unit if word != "."]
        for unit in zip(*(row.split() for row in rows), strict=True)
    ]
    found = alpha(units, "12345")
    assert found.value == pytest.approx(0.743, abs=0.0005)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.743 < found.high


def test_what_does_not_vary_or_is_not_there_has_no_coefficient() -> None:
    assert agreement([], [], WORDS).kappa.value is None
    assert agreement([], [], WORDS).raw.value is None
    same = agreement(["exclude"] * 9, ["exclude"] * 9, WORDS)
    assert (same.raw.value, same.kappa.value) == (1.0, None)
    assert alpha([], WORDS).value is None
    assert alpha([["include"]], WORDS).value is None
    assert alpha([["include", "include"]] * 3, WORDS).value is None
    with pytest.raises(ValueError, match="not one of"):
        agreement(["yes"], ["include"], WORDS)
    with pytest.raises(ValueError, match="argument"):
        agreement(["include"], [], WORDS)
