"""Why a record is where it is in the order, kept for the pages and the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import TypeAdapter

from api.services.ranking.ranker import Explained, Ranker
from model.explain import Part
from store.core import jobs
from store.core.session import ReadSession, Store
from store.reports import records
from store.reviews import reviews
from store.screening import decision_labels, model_answers

KIND = "explanation"
# Parts of a score in a reader's words.
NAMES: Final[Mapping[str, str]] = {
    "words": "words of title and abstract",
    "title-words": "words of the title",
    "embedding": "sentence vector",
    "form": "how it is written",
    "study-axes": "kind of study (axes learned on other reviews)",
    "study-language": "study language (learned on other reviews)",
    "question": "the protocol's question",
}


@dataclass(frozen=True, slots=True)
class TermShare:
    """What a term adds to a score, in standard deviations."""

    term: str
    adds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NearReport:
    """A decided report that is close to the one explained.

    Attributes:
        report: its id; None for a seed that is not a report of the review.
        closeness: cosine, -1 to 1.
    """

    report: int | None
    title: str
    relevant: bool
    closeness: float


@dataclass(frozen=True, slots=True)
class ScorePart:
    """What one view or head start adds to a score, in standard deviations.

    Attributes:
        name: the view's name.
        what: the same in a reader's words.
        terms: the terms that add or take most.
        nearest: the closest decided reports, for views without terms.
    """

    name: str
    what: str
    adds: float
    terms: tuple[TermShare, ...]
    nearest: tuple[NearReport, ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The parts of a report's score.

    Attributes:
        n_decisions: decisions that the model learned from.
        place: place among the unread, from 1; None if the report is decided.
        score: sum of the parts.
        revision: the review's revision.
    """

    fitted: Literal[True]
    n_decisions: int
    place: int | None
    score: float
    parts: tuple[ScorePart, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class NotFitted:
    """No model was fitted yet: the order is closeness to the protocol's texts."""

    fitted: Literal[False]
    n_decisions: int
    revision: int


StoredExplanation = Fitted | NotFitted
_JSON: TypeAdapter[StoredExplanation] = TypeAdapter(StoredExplanation)


@dataclass(frozen=True, slots=True)
class AskedExplanation:
    """A question to the worker: the report, and the job that answers."""

    report_id: int
    job: int


def ask_for_explanation(store: Store, review_id: int, record_id: int) -> AskedExplanation:
    """Start the job that will explain a record's report.

    Raises:
        NotFound: the review has no such record.
    """
    with store.write() as session:
        report_id = records.get_record(session, review_id, record_id).report_id
        return AskedExplanation(report_id, jobs.start_job(session, review_id, KIND))


def explain_report(ranker: Ranker, store: Store, review_id: int, report_id: int) -> None:
    """Explain a report by the decisions so far, and store the explanation.

    Raises:
        NotFound: the review has no such report.
    """
    with store.read() as session:
        n_decisions = len(decision_labels.list_training_labels(session, review_id))
        revision = reviews.get_review(session, review_id).revision
    explained = ranker.explain(review_id, report_id)
    explanation = (
        NotFitted(False, n_decisions, revision)
        if explained is None
        else _fitted(explained, n_decisions, revision)
    )
    body = _JSON.dump_python(explanation, mode="json")
    with store.write() as session:
        model_answers.store_answer(session, review_id, KIND, body, subject=report_id)


def _fitted(explained: Explained, n_decisions: int, revision: int) -> Fitted:
    return Fitted(
        fitted=True,
        n_decisions=n_decisions,
        place=explained.place,
        score=explained.explanation.score,
        parts=tuple(_part(part, explained) for part in explained.explanation.parts),
        revision=revision,
    )


def _part(part: Part, explained: Explained) -> ScorePart:
    return ScorePart(
        name=part.name,
        what=NAMES.get(part.name, part.name),
        adds=part.adds,
        terms=tuple(TermShare(term, adds) for term, adds in part.terms),
        nearest=tuple(
            NearReport(
                report=explained.reports.get(near.row),
                title=explained.titles[near.row],
                relevant=near.relevant,
                closeness=near.closeness,
            )
            for near in part.nearest
        ),
    )


@dataclass(frozen=True, slots=True)
class KeptExplanation:
    """A stored explanation.

    Attributes:
        current: whether decisions and records are still as they were.
    """

    body: StoredExplanation
    current: bool


def get_explanation(session: ReadSession, review_id: int, report_id: int) -> KeptExplanation | None:
    """The newest explanation of a report; None if nobody asked for one."""
    answer = model_answers.get_answer(session, review_id, KIND, subject=report_id)
    if answer is None:
        return None
    explanation = _JSON.validate_python(answer.body)
    revision = reviews.get_review(session, review_id).revision
    return KeptExplanation(explanation, explanation.revision == revision)
