"""What the ranking reads of a review: its texts as features, and its decisions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from api.protocol import ProtocolBody
from api.services.ranking.matching import held_from_text, known_from_gold
from api.services.reviews.protocols import get_protocol_body
from model.evaluation.matching import Limits, match
from model.evaluation.screening_recall import FOUND
from model.features import Document, Features
from model.order import Evidence, PoolRanker
from model.pipeline import Pipeline
from store.core.session import ReadSession
from store.reports import limits, record_texts
from store.reports.record_texts import RecordText
from store.reviews import reviews
from store.screening import decision_labels, decision_log
from store.screening.decision_labels import Label
from store.searching import batches, gold
from store.searching.gold import GoldInfo

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stamp:
    """Differs whenever the features of a review must be built again."""

    records: tuple[int, ...]
    protocol: int
    gold: int


def get_stamp(session: ReadSession, review_id: int) -> Stamp:
    """The stamp of a review as it is now."""
    return Stamp(
        batches.get_stamp(session, review_id),
        reviews.get_readable_protocol(session, review_id).version,
        hash(tuple(gold.list_gold(session, review_id))),
    )


@dataclass(frozen=True, slots=True)
class TrainingLabels:
    """What the ranking learns from, at one moment.

    Attributes:
        revision: the review's revision.
        last: id of the newest decision; None if there is none.
        out_of_range: reports that are not ranked, because they are left out.
    """

    revision: int
    labels: list[Label]
    last: int | None
    out_of_range: frozenset[int] = frozenset()


def get_training_labels(session: ReadSession, review_id: int) -> TrainingLabels:
    """What the ranking can learn from now."""
    return TrainingLabels(
        reviews.get_review(session, review_id).revision,
        decision_labels.list_training_labels(session, review_id),
        decision_log.get_last_decision_id(session, review_id),
        frozenset(limits.list_out_of_range(session, review_id)),
    )


@dataclass(frozen=True, slots=True)
class ReviewTexts:
    """What a review's features are built from: its records, protocol and known relevant records."""

    stamp: Stamp
    texts: list[RecordText]
    protocol: ProtocolBody
    gold: list[GoldInfo]


def get_review_texts(session: ReadSession, review_id: int, stamp: Stamp) -> ReviewTexts:
    """The texts of a review as they are now."""
    return ReviewTexts(
        stamp,
        record_texts.list_record_texts(session, review_id),
        get_protocol_body(session, review_id),
        gold.list_gold(session, review_id),
    )


@dataclass(frozen=True, slots=True)
class Documents:
    """A review's documents in the order of the rows of its features.

    First come the reports in the order of their ids, then the protocol's texts, then seeds that
    are not among the reports.

    Attributes:
        report_ids: shape (n_reports,).
        row_of: the row of each report.
        queries: rows of the protocol's texts.
        seeds: rows of known relevant records that the ranking may use.
    """

    documents: list[Document]
    report_ids: Index
    row_of: dict[int, int]
    queries: Index
    seeds: Index


def document_of(text: RecordText) -> Document:
    """What the model reads of a report."""
    return Document(text.title or "", text.abstract or "")


def order_documents(review: ReviewTexts) -> Documents:
    """The documents of a review, in the order of the rows of its features."""
    reports = record_texts.compose_report_texts(review.texts)
    documents = [document_of(text) for text in reports]
    row_of = {text.report_id: row for row, text in enumerate(reports)}
    query_texts = review.protocol.query_texts
    queries = range(len(documents), len(documents) + len(query_texts))
    documents += [Document(text, "") for text in query_texts]
    seeds: list[int] = []
    known = [known_from_gold(info) for info in review.gold if info.ranking_use == "seed"]
    abstracts = {info.id: info.abstract or "" for info in review.gold}
    for matched in match(known, [held_from_text(text) for text in review.texts], Limits()):
        if matched.report_id is not None:
            seeds.append(row_of[matched.report_id])
        elif matched.known.title:
            seeds.append(len(documents))
            abstract = abstracts.get(matched.known.number, "")
            documents.append(Document(matched.known.title, abstract))
    return Documents(
        documents=documents,
        report_ids=np.array([text.report_id for text in reports], np.int64),
        row_of=row_of,
        queries=np.array(queries, np.int64),
        seeds=np.unique(np.array(seeds, np.int64)),
    )


@dataclass(frozen=True, slots=True)
class Meaning:
    """How many of a review's reports have a vector, and what comes of it.

    Attributes:
        known: reports with a vector.
        of: all reports.
        used: whether the order uses the vectors that there are.
        complete: whether every text has a vector, those of the protocol too.
    """

    known: int
    of: int
    used: bool
    complete: bool


@dataclass(frozen=True, slots=True)
class ReviewFeatures:
    """A review as the model reads it.

    Attributes:
        stamp: of what the features were built from.
        rows: what the rows of the features are.
        ranker: the warm model; fits change it.
        seed: of the ranking's random draws.
        meaning: None if the pipeline reads no vectors.
        step: see ``waiting_texts.get_step``.
    """

    stamp: Stamp
    rows: Documents
    pipeline: Pipeline
    features: Features
    ranker: PoolRanker
    seed: int
    meaning: Meaning | None
    step: int

    def evidence_of(self, training: TrainingLabels) -> Evidence:
        """Decisions as the model reads them: in screening order, *maybe* as relevant."""
        rows = self.rows
        known = [label for label in training.labels if label.report_id in rows.row_of]
        labelled = np.array([rows.row_of[label.report_id] for label in known], np.int64)
        unread = np.zeros(len(rows.documents), bool)
        unread[: len(rows.report_ids)] = True
        unread[labelled] = False
        unread[[rows.row_of[id_] for id_ in training.out_of_range if id_ in rows.row_of]] = False
        return Evidence(
            rows=labelled,
            y=np.array([label.decision in FOUND for label in known], bool),
            unread=unread,
            queries=rows.queries,
            seeds=rows.seeds,
        )
