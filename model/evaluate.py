"""Recall against a gold standard: what the search holds, what the ranking found, and what it means.

Two things are evaluated, so each known relevant record has two uses. A figure is headed as an
estimate only where it was computed from records that played no part in building what it judges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model import metrics
from model.bootstrap import drawn, ends, mean_interval
from model.breakdown import Subject

MATCHED, MISSING, NOT_MATCHED = "matched", "missing", "not matched"
# Decisions by which a record counts as found.
FOUND = ("include", "maybe")
SEARCH_NOTE = "used to build the search: not an estimate of recall"
RANKING_NOTE = "used to build the ranking: not an estimate of recall"
SAME_FILE_NOTE = "the list is a file that was imported: not an estimate of search recall"
OWN_INCLUDES_NOTE = "found by reading in ranked order: not an estimate"
EMPTY_NOTE = "no known relevant record is within the review's limits"


@dataclass(frozen=True, slots=True)
class Known:
    """A known relevant record; ``title_key`` is its folded title, "" where it has none.

    ``tags`` are other columns of its list, such as a study design; values are parted by ";".
    """

    number: int
    title: str | None
    title_key: str
    year: int | None
    doi: str | None
    pmid: str | None
    source_id: str | None
    search_use: str
    ranking_use: str
    origin: str = "list"
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """A report of the review, as far as matching and limits need it."""

    report_id: int
    title_key: str
    year: int | None
    doi: str | None
    pmid: str | None
    source_id: str
    language: str | None = None
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """The review's limits. Languages and types are folded; empty limits nothing."""

    year_from: int | None = None
    year_to: int | None = None
    languages: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    def allows(self, year: int | None, language: str | None, types: Sequence[str]) -> bool:
        """Whether a record is within the limits. What is not stated counts as within."""
        if year is not None:
            if self.year_from is not None and year < self.year_from:
                return False
            if self.year_to is not None and year > self.year_to:
                return False
        if self.languages and language and language.lower() not in self.languages:
            return False
        folded = {kind.lower() for kind in types}
        return not (self.types and folded and not folded & set(self.types))


@dataclass(frozen=True, slots=True)
class Match:
    """What became of one known relevant record."""

    known: Known
    state: str
    how: str
    report_id: int | None
    in_scope: bool
    year: int | None
    language: str | None = None
    types: tuple[str, ...] = ()

    @property
    def dated(self) -> bool:
        """Whether a year is known; without one it counts as in scope, and is flagged."""
        return self.year is not None


class _Index:
    """Reports of a review by each of the ways to match them."""

    def __init__(self, held: Sequence[Held]) -> None:
        self.by_source: dict[str, Held] = {}
        self.by_doi: dict[str, Held] = {}
        self.by_pmid: dict[str, Held] = {}
        self.by_title: dict[str, list[Held]] = {}
        self.without_ids = 0
        for report in held:
            self.by_source.setdefault(report.source_id, report)
            if report.doi:
                self.by_doi.setdefault(report.doi, report)
            if report.pmid:
                self.by_pmid.setdefault(report.pmid, report)
            if not report.doi and not report.pmid:
                self.without_ids += 1
            if report.title_key:
                self.by_title.setdefault(report.title_key, []).append(report)

    def find(self, known: Known) -> tuple[str, str, Held | None]:
        """State, how it was found (or why not), and the report."""
        for key, index, how in (
            (known.source_id, self.by_source, "same file and position"),
            (known.doi, self.by_doi, "DOI"),
            (known.pmid, self.by_pmid, "PMID"),
        ):
            if key and key in index:
                return MATCHED, how, index[key]
        if not known.title_key:
            if not (known.doi or known.pmid) or self.without_ids:
                return NOT_MATCHED, "no title to look for", None
            return MISSING, "id not among the records", None
        return self._by_title(known)

    def _by_title(self, known: Known) -> tuple[str, str, Held | None]:
        twins = self.by_title.get(known.title_key, [])
        if not twins:
            return MISSING, "title not among the records", None
        if known.year is not None:
            same_year = [twin for twin in twins if twin.year == known.year]
            if same_year:
                return MATCHED, "title and year", same_year[0]
        undated = [twin for twin in twins if twin.year is None or known.year is None]
        # Copies of one report stand for one.
        reports = len({twin.report_id for twin in twins})
        if reports == 1 and undated:
            return MATCHED, "title alone", twins[0]
        if undated:
            return NOT_MATCHED, f"title stands {reports} times, a year is missing", None
        return NOT_MATCHED, "title found, but with another year", None


def match(known: Sequence[Known], held: Sequence[Held], limits: Limits) -> list[Match]:
    """Match known relevant records to a review's reports, and judge which are in scope.

    In this order: same file and position, DOI, PMID, title and year; title alone where a side has
    no year and the title is unique in the review. What cannot be told is "not matched", never
    missed.
    """
    index = _Index(held)
    matches = []
    for record in known:
        state, how, report = index.find(record)
        year = record.year if record.year is not None else (report.year if report else None)
        language = report.language if report else None
        matches.append(
            Match(
                known=record,
                state=state,
                how=how,
                report_id=report.report_id if report else None,
                in_scope=limits.allows(year, language, report.types if report else ()),
                year=year,
                language=language,
                types=report.types if report else (),
            )
        )
    return matches


@dataclass(frozen=True, slots=True)
class SearchRecall:
    """What the search holds of the known relevant records.

    Attributes:
        recall: found / (found + missing) over the clean records; None where ``note`` forbids it.
        counted: records that the figures are over (in scope, matched or missing).
    """

    recall: float | None
    note: str | None
    use: str
    counted: int
    found: int
    missing: tuple[Match, ...]
    not_matched: tuple[Match, ...]
    out_of_scope: int
    undated: int


def search_recall(matches: Sequence[Match], *, same_file: bool = False) -> SearchRecall:
    """Search recall from records of use *validation*; from the others, figures but no headline."""
    clean = [m for m in matches if m.known.search_use == "validation"]
    note = None
    chosen, use = clean, "validation"
    if same_file:
        note = SAME_FILE_NOTE
    elif not clean and matches:
        chosen, use, note = list(matches), "development", SEARCH_NOTE
    inside = [m for m in chosen if m.in_scope]
    found = sum(m.state == MATCHED for m in inside)
    missing = tuple(m for m in inside if m.state == MISSING)
    counted = found + len(missing)
    if counted == 0 and note is None:
        note = EMPTY_NOTE
    return SearchRecall(
        recall=found / counted if counted and note is None else None,
        note=note,
        use=use,
        counted=counted,
        found=found,
        missing=missing,
        not_matched=tuple(m for m in inside if m.state == NOT_MATCHED),
        out_of_scope=len(chosen) - len(inside),
        undated=sum(not m.dated for m in inside),
    )


@dataclass(frozen=True, slots=True)
class Read:
    """A report in screening order. ``decision`` is None for one that is not read yet."""

    report_id: int
    decision: str | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval, by bootstrap over the known relevant records.

    Attributes:
        low: lower end. Where all or none of the records are reached every draw is alike, so
            there it is Wilson's.
        random: what a random order would have on average.
    """

    value: float
    low: float
    high: float
    random: float


@dataclass(frozen=True, slots=True)
class Late:
    """A known relevant record that nobody has read yet."""

    report_id: int
    place: int


@dataclass(frozen=True, slots=True)
class ScreeningRecall:
    """What screening has found, and what the order would find.

    Attributes:
        note: why the figures are no estimate of recall; None where they are.
        relevant: held-out known records among the review's reports and in scope.
        seeds: seeds taken out of the order; they never count as found.
        reports: reports in the order, seeds left out.
        read: decided reports among them.
        found: relevant ones that were read and included (or *maybe*).
        excluded: relevant ones that were read and excluded.
        places: places of the relevant in the order, from 1.
        recall_at: recall after a number of records ("100") or a share of them ("10%").
        atd: mean share of the records read when a relevant one is reached.
        late: relevant ones that are not read, the last first.
    """

    note: str | None
    relevant: int
    held_out: int
    out_of_scope: int
    undated: int
    unplaced: int
    seeds: int
    reports: int
    read: int
    found: int
    excluded: tuple[int, ...]
    places: tuple[int, ...]
    recall_at: Mapping[str, Estimate]
    wss95: Estimate | None
    wss100: float | None
    atd: Estimate | None
    reads_to_95: int | None
    reads_to_100: int | None
    late: tuple[Late, ...]

    @property
    def recall_of_read(self) -> float | None:
        """Share of the relevant that is read and included by now."""
        return self.found / self.relevant if self.relevant else None


_DEPTHS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_SHARES = (0.05, 0.1, 0.2, 0.5)


def screening_recall(
    matches: Sequence[Match], order: Sequence[Read], *, depths: Sequence[int] = ()
) -> ScreeningRecall:
    """Screening recall of an order: the decided as decided, then the current ranking.

    Figures come from *held out* records; seeds leave the order altogether.

    Args:
        matches: known relevant records.
        order: reports in screening order.
        depths: numbers of records at which recall is wanted besides the usual ones.
    """
    clean = [m for m in matches if m.known.ranking_use == "held_out"]
    note = None
    if not clean and matches:
        note = RANKING_NOTE
    inside = [m for m in clean if m.in_scope]
    kept, wanted = _without_seeds(matches, order)
    labels = np.array([entry.report_id in wanted for entry in kept], dtype=bool)
    unread = any(entry.decision is None for entry in kept)
    if any(m.known.origin == "own-includes" for m in clean) and unread:
        note = OWN_INCLUDES_NOTE
    read = [entry for entry in kept if entry.decision is not None]
    relevant = int(labels.sum())
    if relevant == 0 and note is None:
        note = EMPTY_NOTE
    places = np.flatnonzero(labels) + 1
    return ScreeningRecall(
        note=note,
        relevant=relevant,
        held_out=len(clean),
        out_of_scope=len(clean) - len(inside),
        undated=sum(not m.dated for m in inside),
        unplaced=len(inside) - relevant,
        seeds=len(order) - len(kept),
        reports=len(kept),
        read=len(read),
        found=sum(e.report_id in wanted and e.decision in FOUND for e in read),
        excluded=tuple(
            e.report_id for e in read if e.report_id in wanted and e.decision == "exclude"
        ),
        places=tuple(places.tolist()),
        recall_at=_recalls(places, len(kept), depths) if relevant else {},
        wss95=_wss95(places, len(kept)) if relevant else None,
        wss100=metrics.wss_at(labels, 1.0) if relevant else None,
        atd=_atd(places, len(kept)) if relevant else None,
        reads_to_95=metrics.reads_to(labels, 0.95) if relevant else None,
        reads_to_100=metrics.reads_to(labels, 1.0) if relevant else None,
        late=tuple(
            Late(kept[place - 1].report_id, place)
            for place in places.tolist()[::-1]
            if kept[place - 1].decision is None
        ),
    )


def _without_seeds(matches: Sequence[Match], order: Sequence[Read]) -> tuple[list[Read], set[int]]:
    """The order without seeds, and the reports that it is judged by."""
    seeds = {m.report_id for m in matches if m.known.ranking_use == "seed" and m.report_id}
    wanted = {
        m.report_id
        for m in matches
        if m.known.ranking_use == "held_out" and m.in_scope and m.report_id is not None
    }
    return [entry for entry in order if entry.report_id not in seeds], wanted - seeds


def subjects(
    matches: Sequence[Match], order: Sequence[Read], sources: Mapping[int, tuple[str, ...]]
) -> list[Subject]:
    """Known relevant records within the limits, as recall by kind reads them.

    Kinds: source (of those among the records), five years, language, publication type, and the
    list's own columns. Several copies of one report in a list count once for the order.

    Args:
        matches: known relevant records.
        order: reports in screening order.
        sources: of each report.
    """
    kept, wanted = _without_seeds(matches, order)
    places = {entry.report_id: place for place, entry in enumerate(kept, start=1)}
    found = {entry.report_id for entry in kept if entry.decision in FOUND}
    clean_search = any(m.known.search_use == "validation" for m in matches)
    told: list[Subject] = []
    placed: set[int] = set()
    for m in matches:
        if not m.in_scope:
            continue
        searched = m.state in (MATCHED, MISSING) and (
            m.known.search_use == "validation" or not clean_search
        )
        place = None
        if m.report_id in wanted and m.report_id not in placed:
            placed.add(m.report_id)
            place = places.get(m.report_id)
        told.append(
            Subject(
                kinds=_kinds(m, sources.get(m.report_id or 0, ())),
                held=(m.state == MATCHED) if searched else None,
                place=place,
                found=m.report_id in found,
            )
        )
    return told


def _kinds(m: Match, sources: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    kinds: dict[str, tuple[str, ...]] = {}
    if m.year is not None:
        first = m.year - m.year % 5
        kinds["years"] = (f"{first} to {first + 4}",)
    if m.language:
        kinds["language"] = (m.language,)
    if m.types:
        kinds["publication type"] = m.types
    if sources:
        kinds["source"] = sources
    for name, text in m.known.tags.items():
        values = tuple(value.strip() for value in text.split(";") if value.strip())
        if values:
            kinds[name] = values
    return kinds


def _recalls(places: NDArray[np.int64], reports: int, wanted: Sequence[int]) -> dict[str, Estimate]:
    """Recall at fixed depths below the end, at those wanted, and at shares of the records."""
    samples = drawn(places)
    usual = [k for k in _DEPTHS if k < reports]
    found = {str(k): k for k in sorted({*usual, *(min(k, reports) for k in wanted)})}
    found |= {f"{share:.0%}": int(share * reports) for share in _SHARES}
    recalls = {}
    for name, depth in found.items():
        reached = int((places <= depth).sum())
        value = reached / len(places)
        low, high = ends((samples <= depth).mean(axis=1))
        if reached in (0, len(places)):
            low, high = metrics.wilson(reached, len(places)) or (low, high)
        recalls[name] = Estimate(value, low, high, random=depth / reports)
    return recalls


def _wss95(places: NDArray[np.int64], reports: int) -> Estimate:
    last = int(np.ceil(0.95 * len(places) - 1e-9)) - 1
    reads = np.sort(drawn(places), axis=1)[:, last]
    value = 0.95 - float(places[last]) / reports
    low, high = ends(0.95 - reads / reports)
    return Estimate(value, low, high, random=0.0)


def _atd(places: NDArray[np.int64], reports: int) -> Estimate:
    shares = places / reports
    low, high = mean_interval(shares)
    return Estimate(float(shares.mean()), low, high, random=(reports + 1) / (2 * reports))
