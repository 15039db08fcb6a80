"""JSON of explanations: why a record is where it is in the order."""

from __future__ import annotations

from typing import Literal

from api.schemas.base import Out
from api.services.ranking.explaining import ScorePart


class ExplanationOut(Out):
    """The parts of a report's score; ``place`` is null if the report is decided."""

    report: int
    current: bool
    fitted: Literal[True]
    n_decisions: int
    place: int | None
    score: float
    parts: tuple[ScorePart, ...]
    revision: int


class NotFittedOut(Out):
    """No model was fitted yet: the order is closeness to the protocol's texts."""

    report: int
    current: bool
    fitted: Literal[False]
    n_decisions: int
    revision: int
