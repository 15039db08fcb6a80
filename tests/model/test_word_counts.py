"""Words and pairs are counted as in scikit-learn."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from model.features import tfidf, title_tfidf
from model.prior import WORD, term_rows
from model.word_counts import count_given_terms, count_terms, singular

# Letters of several scripts, what ends a word, what lower case changes in length, and signs that
# no encoding has.
_TEXT = st.text(st.sampled_from("abAB éßİſ文字1_-'.,\n\t\u00a0\U0001f600\ud800"), max_size=60)


@given(st.lists(_TEXT, min_size=1, max_size=12), st.integers(1, 3), st.sampled_from([0.5, 1.0]))
def test_columns_and_counts_are_sklearns(texts: list[str], min_df: int, max_df: float) -> None:
    ours, terms = count_terms(texts, min_df=min_df, max_df=max_df)
    theirs = CountVectorizer(ngram_range=(1, 2), min_df=min_df, max_df=max_df)
    try:
        table = theirs.fit_transform(texts)
    except ValueError:
        assert len(terms) == 0
        assert ours.nnz == 0
        return
    names = theirs.get_feature_names_out().tolist()
    assert [terms[at] for at in range(len(terms))] == names
    assert (ours != table).nnz == 0


def test_weights_are_sklearns() -> None:
    rng = np.random.default_rng(3)
    words = np.array(["care", "social", "work", "of", "child", "adult", "the"])
    texts = [" ".join(rng.choice(words, rng.integers(1, 30))) for _ in range(40)]
    ours, _ = tfidf(texts)
    theirs = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_df=0.95)
    np.testing.assert_allclose(ours.toarray(), theirs.fit_transform(texts).toarray(), atol=1e-12)


def test_titles_are_weighed_as_sklearn_weighs_single_words() -> None:
    titles = ["Care of children", "Child care: cares", "Foster homes", "The foster home", ""]
    ours, terms = title_tfidf(titles)
    theirs = TfidfVectorizer(
        tokenizer=lambda text: [singular(word) for word in re.findall(r"\w\w+", text)],
        token_pattern=None,
        sublinear_tf=True,
        min_df=2,
        max_df=0.95,
    )
    np.testing.assert_allclose(ours.toarray(), theirs.fit_transform(titles).toarray(), atol=1e-12)
    assert [terms[at] for at in range(len(terms))] == theirs.get_feature_names_out().tolist()
    assert [terms[at] for at in range(len(terms))] == ["care", "foster", "home"]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("studies", "study"),
        ("homes", "home"),
        ("carers", "carer"),
        ("services", "service"),
        ("status", "status"),
        ("process", "process"),
        ("shoes", "shoe"),
        ("trees", "tree"),
        ("was", "was"),
    ],
)
def test_plurals_are_folded_as_harman_does(word: str, found: str) -> None:
    assert singular(word) == found


def test_given_words_are_weighed_as_sklearn_does() -> None:
    vocabulary = ["randomized", "well-being", "trial", "absent"]
    texts = ["A Randomized trial of well-being; trial 2", "", "well being randomized"]
    theirs = TfidfVectorizer(
        vocabulary={word: at for at, word in enumerate(vocabulary)},
        token_pattern=WORD,
        sublinear_tf=True,
    )
    rows = term_rows(texts, vocabulary).toarray()
    np.testing.assert_allclose(rows, theirs.fit_transform(texts).toarray(), atol=1e-12)


@pytest.mark.parametrize("texts", [[], [""], ["a b", "!"]])
def test_texts_without_a_word_have_no_column(texts: list[str]) -> None:
    table, terms = count_terms(texts)
    assert table.shape == (len(texts), 0)
    assert len(terms) == 0


@given(
    texts=st.lists(st.text("ab es.é", max_size=12), max_size=8),
    stem=st.sampled_from([None, singular]),
    pairs=st.booleans(),
    most=st.sampled_from([0.5, 1.0]),
)
def test_a_texts_own_words_are_counted_again(
    texts: list[str], stem: object, pairs: bool, most: float
) -> None:
    table, terms = count_terms(texts, max_df=most, pairs=pairs, stem=stem)  # type: ignore[arg-type] # either of the two
    again = count_given_terms(texts, terms, stem=stem)  # type: ignore[arg-type] # either of the two
    assert (again.toarray() == table.toarray()).all()


def test_words_that_the_pool_has_not_count_nothing() -> None:
    _, terms = count_terms(["care home", "home care visit"])
    found = count_given_terms(["care zebra home", "", "zebra"], terms).toarray()
    assert dict(zip(map(terms.__getitem__, range(len(terms))), found[0], strict=True)) == {
        "care": 1,
        "care home": 0,
        "care visit": 0,
        "home": 1,
        "home care": 0,
        "visit": 0,
    }
    assert not found[1:].any()
