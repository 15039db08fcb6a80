"""JSON of an evaluation: recall from known relevant records."""

from __future__ import annotations

from pydantic import AliasPath, Field

from api.schemas.base import Out
from api.services.reporting.evaluation import Drift
from api.services.reporting.stored_results import WorkedOut
from model.evaluation.breakdown import Kind
from model.evaluation.known_outcome import KnownOutcome
from model.evaluation.screening_recall import ScreeningRecall
from model.evaluation.shares import Share


class KnownRecordOut(Out):
    """A known relevant record that the search missed, or that could not be matched, and why."""

    title: str | None = Field(validation_alias=AliasPath("known", "title"))
    year: int | None = Field(validation_alias=AliasPath("known", "year"))
    doi: str | None = Field(validation_alias=AliasPath("known", "doi"))
    pmid: str | None = Field(validation_alias=AliasPath("known", "pmid"))
    why: str = Field(validation_alias="how")


class SearchRecallOut(Out):
    """How many known relevant records the searches found; ``note`` says why it is no estimate."""

    recall: float | None
    interval: tuple[float, float] | None
    note: str | None
    use: str
    counted: int
    found: int
    missing: tuple[KnownRecordOut, ...]
    not_matched: tuple[KnownRecordOut, ...]
    out_of_scope: int
    undated: int


class EvaluationOut(Out):
    """What became of known relevant records: the searches, the order, the decisions.

    ``outcome`` is from end to end: included, included or still undecided, and reached, each of all
    known records. See docs/evaluation.md for each figure.
    """

    list: str = Field(validation_alias="list_name")
    records: int
    order: str
    outcome: KnownOutcome
    search: SearchRecallOut
    sources: dict[str, Share]
    screening: ScreeningRecall
    kinds: tuple[Kind, ...]
    drift: Drift
    worked_out: WorkedOut | None = None
