from __future__ import annotations

import numpy as np
import pytest

from model.form import FORM_NAMES, form


def test_columns_are_what_they_are_called() -> None:
    titles = ["Joint teams: a trial", "Why?", "Joint teams"]
    abstracts = ["METHODS: 20 of 31 (p < 0.05). RESULTS: 12", "We argue.", "No number at all here"]
    found, _ = form(titles, abstracts)
    assert found.shape == (3, len(FORM_NAMES))
    highest = dict(zip(FORM_NAMES, found.argmax(axis=0).tolist(), strict=True))
    assert highest == {
        "length of the abstract": 0,
        "numbers in the abstract": 0,
        "length of the title": 0,
        "a colon in the title": 0,
        "a question in the title": 1,
        "a structured abstract": 0,
        "comparisons such as p < 0.05": 0,
    }
    assert found.mean(axis=0) == pytest.approx(np.zeros(len(FORM_NAMES)), abs=1e-6)


def test_a_missing_abstract_says_nothing() -> None:
    found, _ = form(["a", "a", "a"], ["short", "a much longer one, 5 < 6", ""])
    of_abstracts = [FORM_NAMES.index(n) for n in FORM_NAMES if "title" not in n]
    assert found[2, of_abstracts] == pytest.approx(np.zeros(len(of_abstracts)), abs=1e-6)


@pytest.mark.parametrize("texts", [[], [""], ["x"], ["same", "same"]])
def test_texts_that_do_not_differ_give_zeros(texts: list[str]) -> None:
    found, _ = form(texts, texts)
    assert found.shape == (len(texts), len(FORM_NAMES))
    assert not found.any()
