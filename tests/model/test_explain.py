from __future__ import annotations

import numpy as np
import pytest

from api import resources
from model.features import Document, Features
from model.order import Evidence, PoolRanker
from model.pipeline import Pipeline
from tests.model.corpora import documents, features

NONE = np.array([], np.int64)


def _ranked(pipeline: Pipeline) -> tuple[PoolRanker, Features, np.ndarray, np.ndarray, Evidence]:
    made, y = documents(20, 60, np.random.default_rng(3))
    made.append(Document("integrated children social work and health care", ""))
    pool = features(made, pipeline)
    rows = np.array([*np.flatnonzero(y)[:4], *np.flatnonzero(~y)[:8]])
    unread = np.ones(81, bool)
    unread[[*rows, 80]] = False
    ranker = PoolRanker(pool, pipeline)
    return ranker, pool, y, rows, Evidence(rows, y[rows], unread, np.array([80]), NONE)


def test_the_parts_of_an_explanation_add_up_to_the_score() -> None:
    ranker, *_, evidence = _ranked(resources.pipeline("default"))
    assert ranker.explain(0) is None
    ranked = ranker.rank(evidence)
    for place in (0, 5, 30):
        row = int(ranked.order[place])
        found = ranker.explain(row)
        assert found is not None
        assert found.score == pytest.approx(float(ranked.scores[place]), rel=1e-5)
        assert sum(part.adds for part in found.parts) == pytest.approx(found.score)
    names = [part.name for part in found.parts]
    assert names == [
        *("words", "embedding", "title-words", "form", "study-axes"),
        *("study-language", "question"),
    ]


def test_terms_are_those_of_the_record_and_point_where_the_decisions_do() -> None:
    ranker, *_, evidence = _ranked(resources.pipeline("default"))
    ranked = ranker.rank(evidence)
    best, last = (ranker.explain(int(ranked.order[at])) for at in (0, -1))
    assert best is not None
    assert last is not None
    words = dict(best.parts[0].terms)
    assert words
    assert all(value > 0 for value in words.values())
    topic = {"children", "social", "work", "joint", "service", "team", "family", "integrated"}
    assert {word for term in words for word in term.split()} <= topic | {"health", "care"}
    assert all(value < 0 for value in dict(last.parts[0].terms).values())


def test_the_nearest_decided_records_are_named_of_either_kind() -> None:
    ranker, pool, y, rows, evidence = _ranked(resources.pipeline("default"))
    row = int(ranker.rank(evidence).order[0])
    found = ranker.explain(row)
    assert found is not None
    nearest = found.parts[1].nearest
    assert [near.relevant for near in nearest].count(True) == 3
    assert all(near.relevant == y[near.row] for near in nearest)
    assert {near.row for near in nearest} <= set(rows.tolist())
    close = pool["embedding"][rows] @ pool["embedding"][row]
    assert nearest[0].closeness == pytest.approx(float(close.max()), abs=1e-6)


def test_a_solver_that_keeps_no_fit_explains_nothing() -> None:
    ranker, *_, evidence = _ranked(resources.pipeline("elas-u4"))
    ranker.rank(evidence)
    with pytest.raises(ValueError, match="keeps no fit"):
        ranker.explain(0)
