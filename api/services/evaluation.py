"""Recall of a review against its gold list, or against a file that someone brings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from api.documents.exports import WINNOW_NOTE
from api.protocol import ProtocolBody
from api.services import search_check
from api.services.importing import gold_of
from api.services.matching import held_of, known_of
from harvest.files.read import FileContent, read_file
from model import drift as model_drift
from model.breakdown import Kind, breakdown
from model.evaluate import (
    FOUND,
    Known,
    Match,
    Read,
    ScreeningRecall,
    SearchRecall,
    match,
    screening_recall,
    search_recall,
    subjects,
)
from store import decisions, gold, rankings, records, reviews, searches
from store.session import ReadSession

# Records over which a ranking's expectation is checked.
_SPAN = 50


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Both recalls of a review, over one list of known relevant records.

    Attributes:
        order: where the order of the unread comes from.
        kinds: both recalls by source, years, language, type and the list's own columns.
        drift: the ranking beside what replays of finished reviews lead one to expect.
    """

    list_name: str
    records: int
    order: str
    matches: tuple[Match, ...]
    search: SearchRecall
    screening: ScreeningRecall
    kinds: tuple[Kind, ...]
    drift: Drift


@dataclass(frozen=True, slots=True)
class Drift:
    """The ranking beside what was expected of it.

    Attributes:
        bands: recall of the known relevant beside replays of finished reviews, as far as is read.
        foreseen: relevant records that the rankings expected, beside those that came.
    """

    bands: tuple[model_drift.Band, ...]
    foreseen: model_drift.Foreseen | None


def drift(session: ReadSession, review_id: int, screening: ScreeningRecall) -> Drift:
    """Compare a review's curve, and its rankings' own expectations, with what came."""
    labels = np.zeros(screening.reports, bool)
    labels[np.array(screening.places, int) - 1] = True
    decided = [label.decision in FOUND for label in decisions.labels(session, review_id)]
    expectations = rankings.expectations(session, review_id, str(_SPAN))
    return Drift(
        bands=model_drift.bands(labels, model_drift.load(), read=screening.read)
        if labels.any() and screening.note is None
        else (),
        foreseen=model_drift.foreseen(expectations, np.array(decided, bool), span=_SPAN),
    )


def gold_file(
    stream: BinaryIO, *, search_use: str, ranking_use: str
) -> tuple[list[gold.NewGold], str]:
    """Known relevant records of a file: those labelled relevant, or all where none is labelled.

    Returns:
        The records, and the file's SHA-256.

    Raises:
        UnreadableFile: the file cannot be read.
        ValueError: a use is unknown.
    """
    if search_use not in gold.SEARCH_USES or ranking_use not in gold.RANKING_USES:
        raise ValueError(
            f"uses must be of {gold.SEARCH_USES} and {gold.RANKING_USES}, "
            f"not {search_use!r} and {ranking_use!r}"
        )
    content = read_file(stream)
    own = _is_own_export(content)
    labelled = any(record.label for record in content.records)
    chosen = [
        gold_of(
            record,
            f"{content.sha256}#{record.position}",
            search_use=search_use,
            ranking_use=ranking_use,
            origin="own-includes" if own else "list",
        )
        for record in content.records
        if record.label == "include" or not labelled
    ]
    return chosen, content.sha256


def _is_own_export(content: FileContent) -> bool:
    """Whether Winnow wrote the file: its includes were found by reading in ranked order."""
    if "n_decisions_ranking" in content.unused_columns:
        return True
    return any(
        "decided_by" in record.extra or any(note.startswith(WINNOW_NOTE) for note in record.notes)
        for record in content.records
    )


def own_includes(session: ReadSession, review_id: int) -> list[gold.NewGold]:
    """This review's own includes as a list of known relevant records.

    They were found by this search and in this order, so no figure from them is an estimate while
    records are unread.
    """
    included = {
        label.report_id
        for label in decisions.labels(session, review_id)
        if label.decision == "include"
    }
    return [
        gold.NewGold(
            title=text.title,
            year=text.year,
            doi=text.doi,
            pmid=text.pmid,
            source_id=text.source_id,
            search_use="development",
            ranking_use="held_out",
            origin="own-includes",
        )
        for text in records.texts(session, review_id)
        if text.report_id in included
    ]


def screening_order(session: ReadSession, review_id: int) -> list[Read]:
    """Reports in screening order: the decided as decided, the newest ranking, then the unranked."""
    order = [
        Read(label.report_id, label.decision) for label in decisions.labels(session, review_id)
    ]
    seen = {entry.report_id for entry in order}
    newest = rankings.newest(session, review_id)
    ranked = rankings.order(session, review_id, newest.id).report_ids if newest else ()
    live = [text.report_id for text in records.texts(session, review_id)]
    alive = set(live)
    for report_id in [*ranked, *live]:
        if report_id not in seen and report_id in alive:
            seen.add(report_id)
            order.append(Read(report_id, None))
    return order


def evaluate(
    session: ReadSession,
    review_id: int,
    *,
    brought: Sequence[gold.NewGold] | None = None,
    brought_sha256: str | None = None,
    list_name: str = "gold list",
    depths: Sequence[int] = (),
) -> Evaluation:
    """Evaluate a review against its stored gold list, or against one that was brought.

    Args:
        session: a transaction.
        review_id: the review.
        brought: known relevant records of a file; None takes the review's gold list.
        brought_sha256: hash of that file, to tell one that was imported.
        list_name: what the list is called in the result.
        depths: numbers of records at which recall is wanted besides the usual ones.
    """
    known: list[Known]
    if brought is None:
        known = [known_of(info) for info in gold.everything(session, review_id)]
    else:
        known = [known_of(info, number) for number, info in enumerate(brought, start=1)]
    texts = records.copies(session, review_id)
    limits = ProtocolBody.model_validate(reviews.protocol(session, review_id).body).scope
    matches = match(known, [held_of(text) for text in texts], limits)
    same = bool(
        brought_sha256 and searches.find_batch(session, review_id, brought_sha256) is not None
    )
    order = screening_order(session, review_id)
    screening = screening_recall(matches, order, depths=depths)
    return Evaluation(
        list_name=list_name,
        records=len(known),
        order=_order_words(rankings.newest(session, review_id)),
        matches=tuple(matches),
        search=search_recall(matches, same_file=same),
        screening=screening,
        kinds=breakdown(
            subjects(matches, order, _sources(session, review_id)), reports=screening.reports
        ),
        drift=drift(session, review_id, screening),
    )


def _sources(session: ReadSession, review_id: int) -> dict[int, tuple[str, ...]]:
    """Sources of each report, in the order of their searches."""
    titles = {
        info.id: info.source or search_check.NO_SOURCE.format(info.id)
        for info in searches.everything(session, review_id)
    }
    found: dict[int, dict[str, None]] = {}
    for item in records.brought(session, review_id):
        if not item.filtered:
            found.setdefault(item.text.report_id, {})[titles[item.search_id]] = None
    return {report: tuple(names) for report, names in found.items()}


def _order_words(newest: rankings.RankingInfo | None) -> str:
    if newest is None:
        return "no ranking yet: the unread stand in the order they came"
    if newest.cold_start:
        return f"ranking {newest.id} ({newest.pipeline}), from the protocol and the seeds"
    return f"ranking {newest.id} ({newest.pipeline}), from {newest.n_decisions} decisions"


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation as JSON: matches by title, no nested copies of the list."""
    search = dataclasses.asdict(evaluation.search)
    search["missing"] = [_listed(m) for m in evaluation.search.missing]
    search["not_matched"] = [_listed(m) for m in evaluation.search.not_matched]
    return {
        "list": evaluation.list_name,
        "records": evaluation.records,
        "order": evaluation.order,
        "search": search,
        "screening": dataclasses.asdict(evaluation.screening),
        "kinds": [dataclasses.asdict(kind) for kind in evaluation.kinds],
        "drift": dataclasses.asdict(evaluation.drift),
    }


def _listed(found: Match) -> dict[str, Any]:
    return {
        "title": found.known.title,
        "year": found.known.year,
        "doi": found.known.doi,
        "pmid": found.known.pmid,
        "why": found.how,
    }
