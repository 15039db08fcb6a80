"""Features of a review that two threads build at once."""

from __future__ import annotations

from typing import Any

import pytest

from api.services.ranking.feature_cache import FeatureCache
from api.services.ranking.waiting_texts import COMPLETE, WaitingTexts
from api.settings import Settings
from store.core.session import Store
from store.reviews.reviews import ReviewInfo
from tests.store.builders import add_records


@pytest.mark.usefixtures("quick_encoder")
def test_features_from_fewer_vectors_do_not_replace_those_from_more(
    store: Store, settings: Settings, review: ReviewInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_records(store, review.id, 6)
    waiting = WaitingTexts()
    cache = FeatureCache(store, settings, waiting)
    build, built = cache._build, []

    def build_slowly(*given: Any) -> Any:
        made = build(*given)
        if not built:
            built.append(made.step)
            # Meanwhile the texts are encoded, and another thread builds from all of them.
            while (piece := waiting.take(0)) is not None:
                cache.vectors.vectors(piece.texts)
                waiting.finish(piece)
            cache.prepare(review.id)
        return made

    monkeypatch.setattr(cache, "_build", build_slowly)
    assert cache.prepare(review.id)
    assert built[0] < COMPLETE
    assert cache.get_step(review.id) == COMPLETE
