"""Why a record stands where it does, kept for the pages and the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from api.services.ranking import Explained, Ranker
from store import answers, decisions, reviews
from store.session import ReadSession, Store

KIND = "explanation"
# Parts of a score in a reader's words.
NAMES = {
    "words": "words of title and abstract",
    "title-words": "words of the title",
    "embedding": "sentence vector",
    "form": "how it is written",
    "study-axes": "kind of study (axes learned on other reviews)",
    "study-language": "study language (learned on other reviews)",
    "question": "the protocol's question",
}


def as_json(explained: Explained | None, n_decisions: int) -> dict[str, Any]:
    """An explanation as JSON; near records by report and title."""
    if explained is None:
        return {"fitted": False, "n_decisions": n_decisions}
    return {
        "fitted": True,
        "n_decisions": n_decisions,
        "place": explained.place,
        "score": explained.explanation.score,
        "parts": [
            {
                "name": part.name,
                "what": NAMES.get(part.name, part.name),
                "adds": part.adds,
                "terms": [{"term": term, "adds": adds} for term, adds in part.terms],
                "nearest": [
                    {
                        "report": explained.reports.get(near.row),
                        "title": explained.titles[near.row],
                        "relevant": near.relevant,
                        "closeness": near.closeness,
                    }
                    for near in part.nearest
                ],
            }
            for part in explained.explanation.parts
        ],
    }


def explain(ranker: Ranker, store: Store, review_id: int, report_id: int) -> None:
    """Explain a report by the decisions as they are now, and keep it.

    Raises:
        NotFound: the review has no such report.
    """
    with store.read() as session:
        known = len(decisions.learned(session, review_id))
        revision = reviews.by_id(session, review_id).revision
    explained = ranker.explain(review_id, report_id)
    body = as_json(explained, known) | {"revision": revision}
    with store.write() as session:
        answers.keep(session, review_id, KIND, body, subject=report_id)


@dataclass(frozen=True, slots=True)
class Kept:
    """An explanation that was asked for, and whether decisions and records are as they were."""

    body: dict[str, Any]
    current: bool


def kept(session: ReadSession, review_id: int, report_id: int) -> Kept | None:
    """The explanation of a report that was asked for last; None where nobody asked."""
    found = answers.newest(session, review_id, KIND, subject=report_id)
    if found is None:
        return None
    revision = reviews.by_id(session, review_id).revision
    return Kept(dict(found.body), found.body["revision"] == revision)
