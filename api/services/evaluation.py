"""Recall of a review against its gold list, or against a file that someone brings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from api.documents.exports import WINNOW_NOTE
from api.protocol import ProtocolBody
from api.services.importing import gold_of
from api.services.matching import held_of, known_of
from harvest.files.read import FileContent, read_file
from model.evaluate import (
    Known,
    Match,
    Read,
    ScreeningRecall,
    SearchRecall,
    match,
    screening_recall,
    search_recall,
)
from store import decisions, gold, rankings, records, reviews, searches
from store.session import ReadSession


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Both recalls of a review, over one list of known relevant records.

    Attributes:
        order: where the order of the unread comes from.
    """

    list_name: str
    records: int
    order: str
    matches: tuple[Match, ...]
    search: SearchRecall
    screening: ScreeningRecall


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
) -> Evaluation:
    """Evaluate a review against its stored gold list, or against one that was brought."""
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
    return Evaluation(
        list_name=list_name,
        records=len(known),
        order=_order_words(rankings.newest(session, review_id)),
        matches=tuple(matches),
        search=search_recall(matches, same_file=same),
        screening=screening_recall(matches, screening_order(session, review_id)),
    )


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
    screening = dataclasses.asdict(evaluation.screening)
    screening["recall_at"] = dict(evaluation.screening.recall_at)
    return {
        "list": evaluation.list_name,
        "records": evaluation.records,
        "order": evaluation.order,
        "search": search,
        "screening": screening,
    }


def _listed(found: Match) -> dict[str, Any]:
    return {
        "title": found.known.title,
        "year": found.known.year,
        "doi": found.known.doi,
        "pmid": found.known.pmid,
        "why": found.how,
    }
