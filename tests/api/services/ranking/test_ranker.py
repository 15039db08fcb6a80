"""The resident ranker: what changes its order."""

from __future__ import annotations

import numpy as np
import pytest

from api.services.ranking.ranker import Ranker
from api.services.screening import deciding
from api.settings import Settings
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import decision_log, rankings
from store.searching import batches, gold, searches
from tests.api.corpus import corpus, decide
from tests.store.builders import add_records


@pytest.mark.usefixtures("quick_encoder")
def test_decisions_change_the_order_and_the_ranking_counts_them(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    truth = corpus(store, review, person)
    ranker = Ranker(store, settings)
    assert ranker.due() == [review.id]
    first = ranker.rank(review.id)
    assert first is not None
    assert (first.cold_start, first.size, first.n_decisions) == (True, 80, 0)
    assert ranker.due() == []
    picked = [next(r for r in truth if truth[r]), next(r for r in truth if not truth[r])]
    for report in picked:
        decide(store, review, person, report, relevant=truth[report])
    assert ranker.due() == [review.id]
    second = ranker.rank(review.id)
    assert second is not None
    assert (second.cold_start, second.size, second.n_decisions, second.n_include) == (
        False,
        78,
        2,
        1,
    )
    with store.read() as session:
        order = rankings.get_order(session, review.id, second.id).report_ids
    assert not set(picked) & set(order)
    assert np.mean([truth[report] for report in order[:19]]) > 0.9


@pytest.mark.usefixtures("quick_encoder")
def test_a_new_ranker_gives_the_same_order_from_the_same_decisions(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    truth = corpus(store, review, person)
    resident = Ranker(store, settings)
    resident.rank(review.id)
    for report in list(truth)[:12]:
        decide(store, review, person, report, relevant=truth[report])
    one, other = resident.rank(review.id), Ranker(store, settings).rank(review.id)
    assert one is not None
    assert other is not None
    assert one.order_hash == other.order_hash


@pytest.mark.usefixtures("quick_encoder")
def test_new_records_seeds_and_withdrawals_reach_a_running_ranker(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    ranker = Ranker(store, settings)
    assert ranker.rank(review.id) is None
    add_records(store, review.id, 3)
    assert (made := ranker.rank(review.id)) is not None
    assert made.size == 3
    add_records(store, review.id, 2, name="wrong")
    assert (made := ranker.rank(review.id)) is not None
    assert made.size == 5
    with store.write() as session:
        gold.add_gold(
            session,
            review.id,
            [gold.NewGold("Somewhere else", ranking_use="seed")],
            list_name="l",
            person_id=None,
        )
        (batch,) = [
            b
            for s in searches.list_searches(session, review.id)
            for b in s.batches
            if b.name == "wrong"
        ]
        batches.withdraw_batch(session, review.id, batch.id, reason="r", person_id=None)
    assert (made := ranker.rank(review.id)) is not None
    assert made.size == 3


@pytest.mark.usefixtures("quick_encoder")
def test_an_undone_record_is_ranked_again(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    one, _ = add_records(store, review.id, 2)
    ranker = Ranker(store, settings)
    decide(store, review, person, one, relevant=True)
    assert (made := ranker.rank(review.id)) is not None
    assert made.size == 1
    with store.read() as session:
        held = decision_log.find_latest_active_decision(session, one)
    assert held
    deciding.undo_decision(store, review.id, person.id, held, "u")
    assert (made := ranker.rank(review.id)) is not None
    assert made.size == 2
