"""Pilot rounds: their records are drawn at random and every reviewer decides all of them."""

from __future__ import annotations

import numpy as np

from store.core.session import Store
from store.rules.plans import TITLE_ABSTRACT
from store.screening import pilots
from store.screening.pilots import RoundCandidates, RoundRequest


def start_round(store: Store, review_id: int, request: RoundRequest, *, person_id: int) -> int:
    """Draw records at random from those that nobody has decided, and open a round with them.

    Returns:
        The round's id.

    Raises:
        Conflict: a round is open, fewer than two people screen, or nothing is left to decide.
        ValueError: the size is out of range.
    """

    def draw(candidates: RoundCandidates) -> list[int]:
        generator = np.random.default_rng([request.seed, candidates.number])
        places = generator.permutation(len(candidates.report_ids))[: request.size]
        return [candidates.report_ids[place] for place in places.tolist()]

    with store.write() as session:
        return pilots.create_round(session, review_id, request, draw, person_id=person_id)


def close_round(
    store: Store, review_id: int, *, note: str, person_id: int, stage: str = TITLE_ABSTRACT
) -> None:
    """Close the open round; the records that people differ on become conflicts.

    Raises:
        Conflict: no round is open.
        ValueError: the note is empty.
    """
    with store.write() as session:
        pilots.close_round(session, review_id, person_id=person_id, note=note, stage=stage)
