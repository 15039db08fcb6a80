"""Plots as SVG."""

from __future__ import annotations

from api.documents import plots
from api.services.reporting import evaluation
from api.services.reviews.sample import load_sample
from api.services.screening.progress import ProgressPoint
from store.core.session import Store
from store.reviews.people import PersonInfo


def test_plots_are_svg_without_scripts(store: Store, person: PersonInfo) -> None:
    review, _ = load_sample(store, person.id)
    with store.read() as session:
        result = evaluation.evaluate(session, review.id)
    for svg in (plots.recall(result.screening), plots.progress([ProgressPoint(0, 0)])):
        assert svg.startswith("<svg")
        assert "<script" not in svg
        assert "records" in svg
