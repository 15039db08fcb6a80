"""Match known relevant records to a review's reports, and say which are within its limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

MATCHED, MISSING, NOT_MATCHED = "matched", "missing", "not matched"
# Where known records come from: somebody's list, which this review played no part in; the labels of
# a file that was imported as one of its searches; or its own includes.
LIST, OWN_SEARCH, OWN_INCLUDES = "list", "own-search", "own-includes"
# Shown in place of a recall when no known record can be counted.
EMPTY_NOTE = "no known study is within the review's limits"


@dataclass(frozen=True, slots=True)
class Known:
    """A known relevant record, from a list or from this review's own includes.

    Attributes:
        title_key: its folded title; "" if it has none.
        origin: ``LIST``, or how this review itself came by it.
        tags: other columns of its list, such as study design; a cell can hold several values,
            separated by ";".
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
    origin: str = LIST
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeldReport:
    """A report of the review: the fields that matching and limits need."""

    report_id: int
    title_key: str
    year: int | None
    doi: str | None
    pmid: str | None
    source_id: str
    languages: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """The review's limits; an empty tuple sets no limit.

    Languages and types have the names that reports have.
    """

    year_from: int | None = None
    year_to: int | None = None
    languages: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    def allows(self, year: int | None, languages: Sequence[str], types: Sequence[str]) -> bool:
        """Whether a record is within the limits. A field that is not stated counts as within."""
        if year is not None:
            if self.year_from is not None and year < self.year_from:
                return False
            if self.year_to is not None and year > self.year_to:
                return False
        return _shares(self.languages, languages) and _shares(self.types, types)


def _shares(limits: Sequence[str], stated: Sequence[str]) -> bool:
    return not limits or not stated or not set(limits).isdisjoint(stated)


@dataclass(frozen=True, slots=True)
class Match:
    """The result of matching one known relevant record.

    Attributes:
        state: ``MATCHED``, ``MISSING`` or ``NOT_MATCHED`` (it cannot be decided).
        how: by what it was matched, or why it was not.
        year: the known record's; if it has none, the report's. ``languages`` and ``types`` are
            the report's.
    """

    known: Known
    state: str
    how: str
    report_id: int | None
    in_scope: bool
    year: int | None
    languages: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    @property
    def dated(self) -> bool:
        """Whether it has a year; without one it counts as in scope, and is flagged."""
        return self.year is not None


def choose_distinct(matches: Iterable[Match]) -> list[Match]:
    """The matches without further copies of a report that a list has twice."""
    seen: set[int] = set()
    distinct = []
    for each in matches:
        if each.report_id is not None:
            if each.report_id in seen:
                continue
            seen.add(each.report_id)
        distinct.append(each)
    return distinct


class _Index:
    """Reports of a review, indexed by each key that can match them."""

    def __init__(self, held: Sequence[HeldReport], *, others_without_ids: bool) -> None:
        self.by_source: dict[str, HeldReport] = {}
        self.by_doi: dict[str, HeldReport] = {}
        self.by_pmid: dict[str, HeldReport] = {}
        self.by_title: dict[str, list[HeldReport]] = {}
        self.without_ids = others_without_ids
        for report in held:
            self.by_source.setdefault(report.source_id, report)
            if report.doi:
                self.by_doi.setdefault(report.doi, report)
            if report.pmid:
                self.by_pmid.setdefault(report.pmid, report)
            if not report.doi and not report.pmid:
                self.without_ids = True
            if report.title_key:
                self.by_title.setdefault(report.title_key, []).append(report)

    def find(self, known: Known) -> tuple[str, str, HeldReport | None]:
        """State, how it was matched (or why it was not), and the report."""
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

    def _by_title(self, known: Known) -> tuple[str, str, HeldReport | None]:
        same_title = self.by_title.get(known.title_key, [])
        if not same_title:
            return MISSING, "title not among the records", None
        if known.year is not None:
            same_year = [report for report in same_title if report.year == known.year]
            if same_year:
                return MATCHED, "title and year", same_year[0]
        undated = [report for report in same_title if report.year is None or known.year is None]
        # Several copies of one report count as one.
        reports = len({report.report_id for report in same_title})
        if reports == 1 and undated:
            return MATCHED, "title alone", same_title[0]
        if undated:
            return NOT_MATCHED, f"{reports} reports have this title, and a year is missing", None
        return NOT_MATCHED, "title found, but with another year", None


def match(
    known: Sequence[Known],
    held: Sequence[HeldReport],
    limits: Limits,
    *,
    others_without_ids: bool = False,
) -> list[Match]:
    """Match known relevant records to a review's reports, and say which are in scope.

    Tried in this order: same file and position, DOI, PMID, title and year; then title alone if
    one side has no year and the title is unique in the review. A record that cannot be decided is
    "not matched", and never counts as missed.

    Args:
        known: the known relevant records.
        held: reports of the review, all of them or those that share a key with a known record.
        limits: of the review.
        others_without_ids: whether the review holds a report with neither DOI nor PMID that is not
            among ``held``.
    """
    index = _Index(held, others_without_ids=others_without_ids)
    matches = []
    for record in known:
        state, how, report = index.find(record)
        year = record.year if record.year is not None else (report.year if report else None)
        languages = report.languages if report else ()
        matches.append(
            Match(
                known=record,
                state=state,
                how=how,
                report_id=report.report_id if report else None,
                in_scope=limits.allows(year, languages, report.types if report else ()),
                year=year,
                languages=languages,
                types=report.types if report else (),
            )
        )
    return matches
