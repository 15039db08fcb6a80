"""Explanations: why a record is where it is in the order."""

from __future__ import annotations

import pytest

from api.services.ranking import explaining
from api.services.ranking.explaining import Fitted
from api.services.ranking.ranker import Ranker
from api.services.screening import deciding
from api.settings import Settings
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening.decisions import NewDecision
from tests.api.corpus import corpus, decide


@pytest.mark.usefixtures("quick_encoder")
def test_an_explanation_adds_up_and_names_decided_records(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    truth = corpus(store, review, person)
    relevant = [report for report in truth if truth[report]]
    other = [report for report in truth if not truth[report]]
    for report in [*relevant[:4], *other[:6]]:
        decide(store, review, person, report, relevant=truth[report])
    ranker = Ranker(store, settings)
    explaining.explain_report(ranker, store, review.id, relevant[5])
    with store.read() as session:
        found = explaining.get_explanation(session, review.id, relevant[5])
    assert found is not None
    body = found.body
    assert isinstance(body, Fitted)
    assert sum(part.adds for part in body.parts) == pytest.approx(body.score)
    assert body.place is not None
    assert 1 <= body.place <= 16
    nearest = next(part.nearest for part in body.parts if part.name == "embedding")
    assert {near.report for near in nearest} <= {*relevant[:4], *other[:6]}
    assert {near.relevant for near in nearest} == {True, False}
    assert next(part.terms for part in body.parts if part.name == "words")
    assert found.current
    # As many decisions as before, but one of them differs.
    deciding.record_decision(
        store, review.id, person.id, NewDecision("turned", relevant[0], "exclude")
    )
    with store.read() as session:
        turned = explaining.get_explanation(session, review.id, relevant[5])
    assert turned is not None
    assert not turned.current
