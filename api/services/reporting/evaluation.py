"""A review against known relevant records: its own list of them, or another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from api.services.ranking.matching import list_known
from api.services.reporting.known_matches import count_by_source, match_known
from api.wording import count_noun
from model.evaluation import drift as model_drift
from model.evaluation.breakdown import Kind, breakdown, list_subjects
from model.evaluation.known_outcome import KnownOutcome, find_outcome
from model.evaluation.matching import MATCHED, MISSING, Known, Match
from model.evaluation.screening_recall import (
    FOUND,
    Read,
    ScreeningRecall,
    find_judged,
    screening_recall,
)
from model.evaluation.search_recall import SearchRecall, choose_for_search, search_recall
from model.evaluation.shares import Share
from store.core.session import ReadSession
from store.reports.reports import list_active_reports
from store.screening import decision_labels, rankings
from store.screening.decision_labels import ReadReport
from store.searching import gold

# Records over which a ranking's expectation is checked.
_SPAN = 50


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What became of known relevant records: found by the search, reached by the order, included.

    Attributes:
        outcome: from end to end.
        sources: what each source brought, of the records behind ``search``.
        order: where the order of the unread comes from, in words.
        kinds: both recalls by source, years, language, type and the list's own columns.
        drift: how the ranking compares with replays of finished reviews.
    """

    list_name: str
    records: int
    order: str
    matches: tuple[Match, ...]
    outcome: KnownOutcome
    search: SearchRecall
    sources: Mapping[str, Share]
    screening: ScreeningRecall
    kinds: tuple[Kind, ...]
    drift: Drift


@dataclass(frozen=True, slots=True)
class Drift:
    """How a ranking compares with what was expected of it.

    Attributes:
        bands: recall of the known relevant records and that of replays of finished reviews, as far
            as the team has read.
        foreseen: relevant records that the rankings expected, and those that were found.
        left_out: records read in another order, such as those of pilot rounds.
    """

    bands: tuple[model_drift.Band, ...]
    foreseen: model_drift.ExpectationCheck | None
    left_out: int


def measure_drift(
    session: ReadSession,
    review_id: int,
    matches: Sequence[Match],
    order: Sequence[Read],
    *,
    note: str | None,
) -> Drift:
    """Compare a review's order and its rankings' own expectations with what was found.

    Only records read in ranked order say something about it: pilot rounds, bulk actions and
    imported decisions are left out.

    Args:
        session: a reading session.
        review_id: the review.
        matches: known relevant records.
        order: reports in screening order.
        note: why the known records cannot judge the order; None if they can.
    """
    kept, relevant_ids = find_judged(matches, order)
    in_order = [entry for entry in kept if entry.ranked]
    labels = np.array([entry.report_id in relevant_ids for entry in in_order], bool)
    settled = [entry for entry in order if entry.decision is not None]
    ranked = np.array([entry.ranked for entry in settled], bool)
    found = np.array([entry.decision in FOUND for entry in settled], bool)
    # How many records had been read in ranked order when a number of decisions had been made.
    before = np.concatenate([[0], np.cumsum(ranked)])
    expectations = [
        (int(before[min(learned_from, len(settled))]), expected)
        for learned_from, expected in rankings.list_expectations(session, review_id, str(_SPAN))
    ]
    return Drift(
        bands=model_drift.compare_recall(
            labels, model_drift.load(), read=sum(entry.read for entry in in_order)
        )
        if labels.any() and note is None
        else (),
        foreseen=model_drift.compare_expectations(expectations, found[ranked], span=_SPAN),
        left_out=sum(not entry.ranked for entry in kept) + sum(entry.imported for entry in order),
    )


def list_screening_order(
    session: ReadSession, review_id: int, read: Sequence[ReadReport]
) -> list[Read]:
    """Reports in screening order: those read, then the newest ranking, then the unranked."""
    order = [
        Read(
            report.report_id,
            report.decision,
            started=True,
            ranked=report.ranked,
            imported=report.imported,
        )
        for report in read
    ]
    seen = {entry.report_id for entry in order}
    newest = rankings.get_newest_ranking(session, review_id)
    ranked = rankings.get_order(session, review_id, newest.id).report_ids if newest else ()
    active = list_active_reports(session, review_id)
    counting = set(active)
    for report_id in [*ranked, *sorted(active)]:
        if report_id not in seen and report_id in counting:
            seen.add(report_id)
            order.append(Read(report_id, None))
    return order


@dataclass(frozen=True, slots=True)
class GivenList:
    """Known relevant records to evaluate against, in place of the review's own list.

    Attributes:
        name: what the list is called in the result.
    """

    records: Sequence[gold.NewGold]
    name: str = "gold list"


def evaluate(
    session: ReadSession,
    review_id: int,
    given: GivenList | None = None,
    *,
    depths: Sequence[int] = (),
) -> Evaluation:
    """Evaluate a review against its list of known relevant records.

    Args:
        session: a reading session.
        review_id: the review.
        given: another list; None for the review's own.
        depths: numbers of records after which to give recall, besides the usual ones.
    """
    known = _list_known(session, review_id, given)
    found = match_known(session, review_id, known)
    matches = found.matches
    read = decision_labels.list_read_reports(session, review_id)
    order = list_screening_order(session, review_id, read)
    screening = screening_recall(matches, order, depths=depths)
    chosen, _, _ = choose_for_search(matches)
    counted = [m for m in chosen if m.in_scope and m.state in (MATCHED, MISSING)]
    kinds = list_subjects(matches, order, found.brought)
    return Evaluation(
        list_name=given.name if given else "the review's known studies",
        records=len(known),
        order=_describe_order(rankings.get_newest_ranking(session, review_id)),
        matches=matches,
        outcome=find_outcome(
            matches,
            {report.report_id: report.outcome for report in read},
        ),
        search=search_recall(matches),
        sources=count_by_source(found, counted),
        screening=screening,
        kinds=breakdown(kinds, reports=screening.reports),
        drift=measure_drift(session, review_id, matches, order, note=screening.note),
    )


def match_own_list(session: ReadSession, review_id: int) -> tuple[Match, ...]:
    """The review's own list of known relevant records, matched with its reports."""
    return match_known(session, review_id, _list_known(session, review_id, None)).matches


def _list_known(session: ReadSession, review_id: int, given: GivenList | None) -> list[Known]:
    records = gold.list_gold(session, review_id) if given is None else given.records
    return list_known(session, review_id, records)


def _describe_order(newest: rankings.RankingInfo | None) -> str:
    if newest is None:
        return "no ranking yet: the unread are in the order in which they arrived"
    if newest.cold_start:
        return f"ranking {newest.id} ({newest.pipeline}), from the protocol and the seeds"
    return (
        f"ranking {newest.id} ({newest.pipeline}), from "
        f"{count_noun(newest.n_decisions, 'decision')}"
    )
