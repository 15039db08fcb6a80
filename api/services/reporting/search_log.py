"""The search log: the answers of every search to PRISMA-S, gathered from the store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from api.services.duplicates.questions import count_questions
from api.services.living import night_history
from api.services.living.versions import INCLUDED_AT
from api.services.reporting.log_answers import (
    DOES_NOT_APPLY,
    NONE,
    NOT_STATED,
    SearchedBy,
    answer_items,
    describe_losses,
)
from api.services.reviews.protocols import get_protocol_body
from api.services.searching import strategies
from api.services.searching.search_methods import QUESTIONS, get_stated_methods
from api.services.searching.strategies import CurrentStrategy
from api.wording import count_noun, describe_removed, describe_screened
from store.core.session import ReadSession
from store.reports.limits import get_year_limits
from store.reviews import reviews
from store.rules.limits import YearLimits
from store.searching import admissions, flow, pool, pool_membership, review_versions, searches
from store.searching.flow import Flow
from store.searching.runs import runs
from store.searching.runs.runs import RunInfo
from store.searching.searches import SearchInfo
from store.searching.strategies import list_hits

# The items of PRISMA-S (Rethlefsen et al. 2021, Systematic Reviews 10:39), by number.
ITEMS = {
    1: "Database name",
    2: "Multi-database searching",
    3: "Study registries",
    4: "Online resources and browsing",
    5: "Citation searching",
    6: "Contacts",
    7: "Other methods",
    8: "Full search strategies",
    9: "Limits and restrictions",
    10: "Search filters",
    11: "Prior work",
    12: "Updates",
    13: "Dates of searches",
    14: "Peer review",
    15: "Total records",
    16: "Deduplication",
}


NO_SEARCH = "No search yet."
# Why the searches' numbers can add up to more.
_EACH_ONCE = (
    " The searches' own numbers of ineligible records add up to more: here a report that several "
    "searches found counts once, and its further copies are duplicates."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line of a strategy as it was run; ``hits`` is None if they are not known."""

    number: str
    text: str
    hits: int | None
    at_most: bool
    used: bool


@dataclass(frozen=True, slots=True)
class LogSearch:
    """One search of the log, with its own answer to every item.

    Attributes:
        number: place in the log, from 1.
        runs: the runs that asked for everything.
        lines: of a harvested search; empty for one that was imported.
        losses: what the source could not express, by kind, with why that was accepted.
        filtered: different records that the strategy, applied again here, rejected.
        note: what the strategy says about itself.
        answers: this search's answer to each item of PRISMA-S, by its number.
    """

    number: int
    info: SearchInfo
    runs: tuple[RunInfo, ...]
    lines: tuple[LogLine, ...]
    losses: tuple[str, ...]
    filtered: int
    note: str | None
    version: int | None
    answers: dict[int, str]

    @property
    def title(self) -> str:
        """Its name in the log."""
        return f"Search {self.number}: {self.info.source or 'source not stated'}"

    @property
    def rejected(self) -> int:
        """Entries that are not records, in files that are not withdrawn."""
        return sum(b.rejected for b in self.info.batches if not b.withdrawn_at)


@dataclass(frozen=True, slots=True)
class Log:
    """The search log of a review.

    Attributes:
        remarks: what is frozen, what waits, and when sources were last checked.
        pooled: searches whose records wait in the pool.
        items: the review's answer to each item of PRISMA-S, by its number.
        unstated: items that are not stated yet, each with the searches that it is about, or "" if
            it is about the whole review.
        stated: what the team has stated of items 2 to 7; "" for "none".
    """

    title: str
    note: str | None
    remarks: tuple[str, ...]
    made_at: dt.datetime
    searches: tuple[LogSearch, ...]
    withdrawn: tuple[LogSearch, ...]
    pooled: tuple[LogSearch, ...]
    items: dict[int, str]
    unstated: tuple[tuple[int, str], ...]
    stated: dict[int, str]
    flow: Flow

    @property
    def to_be_stated(self) -> tuple[str, ...]:
        """What nobody has stated yet, in words."""
        return tuple(
            f"item {number}, {ITEMS[number].lower()}" + (f": {which}" if which else "")
            for number, which in self.unstated
        )


@dataclass(frozen=True, slots=True)
class _Reviewed:
    """What the answers of the whole review are made from."""

    kept: tuple[LogSearch, ...]
    counts: Flow
    stated: dict[int, str]
    open_questions: int
    years: YearLimits


def build_log(session: ReadSession, review_id: int) -> Log:
    """The log of a review as of now."""
    review = reviews.get_review(session, review_id)
    body = get_protocol_body(session, review_id)
    all_runs = runs.list_runs(session, review_id)
    filtered = flow.count_filtered(session, review_id)
    listed = []
    for number, info in enumerate(searches.list_searches(session, review_id), start=1):
        own = tuple(run for run in all_runs if run.search_id == info.id)
        strategy = None
        if info.strategy_id is not None:
            strategy = strategies.get_strategy(session, review_id, info.strategy_id)
        made_from = SearchedBy(info, own, strategy, body, filtered.get(info.id, 0))
        listed.append(_search(session, number, made_from))
    counted = [search for search in listed if not search.info.withdrawn]
    kept = tuple(search for search in counted if not search.info.pooled)
    counts = flow.count_flow(session, review_id)
    reviewed = _Reviewed(
        kept,
        counts,
        get_stated_methods(review),
        _count_questions(session, review_id),
        get_year_limits(session, review_id),
    )
    items = {number: _answer_review(reviewed, number) for number in ITEMS}
    return Log(
        title=review.title,
        note=body.strategy_note or None,
        remarks=tuple(_remarks(session, review_id, listed)),
        made_at=dt.datetime.now(dt.UTC),
        searches=kept,
        withdrawn=tuple(search for search in listed if search.info.withdrawn),
        pooled=tuple(search for search in counted if search.info.pooled),
        items=items,
        unstated=tuple(_find_unstated(kept, items)) if kept else (),
        stated=reviewed.stated,
        flow=counts,
    )


def _count_questions(session: ReadSession, review_id: int) -> int:
    """Pairs of reports that may be the same, and that a person must look at."""
    asked = count_questions(session, review_id)
    return asked.total() - asked["study"]


def _remarks(session: ReadSession, review_id: int, listed: Sequence[LogSearch]) -> Iterator[str]:
    titles = {s.info.source_name: s.info.source for s in listed if s.info.source_name}
    until = pool_membership.get_freeze_date(session, review_id)
    if until:
        waiting = pool.count_records(session, review_id)
        yield (
            f"Searches are frozen on {until}. Incoming records from later searches: {waiting:,}; "
            "none of these counts includes them."
        )
    for version in review_versions.list_versions(session, review_id):
        yield (
            f"Version {version.number} was completed on {version.completed_at:%Y-%m-%d}: "
            f"{count_noun(version.included, 'report')} of "
            f"{count_noun(version.studies, 'study', 'studies')} {INCLUDED_AT}."
        )
    for admission in admissions.list_admissions(session, review_id):
        yield (
            f"{admission.name.capitalize()} took in searches up to {admission.up_to}: "
            f"{count_noun(admission.records, 'record')}."
        )
    statuses = night_history.list_source_status(session, review_id)
    if statuses:
        days = "; ".join(
            f"{titles.get(status.source, status.source)} "
            + (status.last.isoformat() if status.last else "never")
            + (
                f" (all that the strategy finds there: {status.whole.isoformat()})"
                if status.whole and status.whole != status.last
                else ""
            )
            for status in statuses
        )
        yield (
            "The sources were last asked, also for retractions, corrections and expressions of "
            f"concern: {days}."
        )


def _search(session: ReadSession, number: int, made_from: SearchedBy) -> LogSearch:
    strategy, whole = made_from.strategy, made_from.whole
    return LogSearch(
        number=number,
        info=made_from.info,
        # A review that is kept up to date has thousands of runs: those that asked for everything
        # are listed, the others are summed up under the dates.
        runs=whole,
        lines=_lines(session, made_from, strategy) if strategy else (),
        losses=describe_losses(whole[-1].losses) if strategy and whole else (),
        filtered=made_from.filtered,
        note=strategy.strategy.note if strategy else None,
        version=strategy.info.version if strategy else None,
        answers=answer_items(made_from),
    )


def _lines(
    session: ReadSession, made_from: SearchedBy, strategy: CurrentStrategy
) -> tuple[LogLine, ...]:
    """Lines of the strategy with the hits that the newest whole run counted."""
    run_id = made_from.whole[-1].id if made_from.whole else None
    hits = {
        counted.line: counted
        for counted in list_hits(session, strategy.info.id, run_id=run_id)
        if counted.source == made_from.info.source_name
    }
    return tuple(
        LogLine(
            number=line.name,
            text=line.text,
            hits=hits[line.name].hits if line.name in hits else None,
            at_most=line.name in hits and hits[line.name].at_most,
            used=line.name == made_from.info.line,
        )
        for line in strategy.strategy.lines.values()
    )


def _find_unstated(
    kept: Sequence[LogSearch], items: Mapping[int, str]
) -> Iterator[tuple[int, str]]:
    """What nobody has stated yet: the item, and which searches, or "" for the whole review."""
    for number in ITEMS:
        if number in QUESTIONS:
            if items[number].startswith("Not stated"):
                yield number, ""
            continue
        lacking = [s for s in kept if "not stated" in s.answers[number].lower()]
        if lacking:
            yield number, _name_searches([s.number for s in lacking])


def _name_searches(numbers: Sequence[int]) -> str:
    return f"search{'es' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"


def _answer_review(made_from: _Reviewed, number: int) -> str:
    """The answer of the review as a whole to an item."""
    kept, counts = made_from.kept, made_from.counts
    if number in QUESTIONS:
        return _answer_method(made_from, number)
    if number == 15:
        if not kept and not counts.identified:
            return NO_SEARCH
        return f"{describe_removed(counts, made_from.years)} {describe_screened(counts)}" + (
            _EACH_ONCE if sum(s.filtered for s in kept) > counts.filtered else ""
        )
    if number == 16 and (kept or counts.identified):
        return _answer_deduplication(counts, made_from.open_questions)
    if not kept:
        return NO_SEARCH
    if number == 1:
        named = [s.answers[1].rstrip(".") for s in kept if s.info.source and not _is_beside(s, 1)]
        if not named and all(_is_beside(s, 1) for s in kept):
            return "No search of a database."
        return _with_unstated("; ".join(dict.fromkeys(named)), kept, 1)
    if number == 8:
        full = [s.number for s in kept if s.answers[8] != NOT_STATED]
        words = (
            f"In full with {_name_searches(full)} below, with hits per line where they are known"
        )
        return _with_unstated(words if full else "", kept, 8)
    by_answer: dict[str, list[int]] = {}
    for search in kept:
        by_answer.setdefault(search.answers[number], []).append(search.number)
    if len(by_answer) == 1:
        return next(iter(by_answer))
    return " ".join(
        f"{_name_searches(numbers).capitalize()}: "
        f"{NOT_STATED.lower() if answer == NOT_STATED else answer.rstrip('.') + '.'}"
        for answer, numbers in by_answer.items()
    )


def _is_beside(search: LogSearch, number: int) -> bool:
    """Whether an item is about another kind of search."""
    return search.answers[number].startswith(DOES_NOT_APPLY)


def _with_unstated(words: str, kept: Sequence[LogSearch], number: int) -> str:
    """An answer, followed by what nobody has stated of which search."""
    left = [s for s in kept if s.answers[number].startswith("Not stated")]
    parts = [words] if words else []
    by_answer: dict[str, list[int]] = {}
    for search in left:
        by_answer.setdefault(search.answers[number].rstrip("."), []).append(search.number)
    if not words and len(by_answer) == 1:
        return f"{next(iter(by_answer))}."
    parts += [
        f"{_name_searches(numbers)}: {answer[0].lower()}{answer[1:]}"
        for answer, numbers in by_answer.items()
    ]
    return f"{'; '.join(parts)}."


def _answer_method(made_from: _Reviewed, number: int) -> str:
    """The answer to an item that people are asked about: their words, and the searches for it."""
    kept, stated = made_from.kept, made_from.stated.get(number)
    if number == 2:
        if stated is not None:
            return f"{stated.rstrip('.')}." if stated else NONE
        own = [s.number for s in kept if s.info.kind == "api"]
        others = [s.number for s in kept if s.info.kind != "api"]
        if not own:
            return NOT_STATED
        if not others:
            return "None: each source was searched on its own."
        return (
            f"Not stated for {_name_searches(others)}. {_name_searches(own).capitalize()}: "
            "each source was searched on its own."
        )
    named = [
        s.answers[number].rstrip(".")
        for s in kept
        if s.answers[number] != NOT_STATED and not _is_beside(s, number)
    ]
    parts = list(dict.fromkeys([*named, *([stated.rstrip(".")] if stated else [])]))
    if parts:
        return f"{'; '.join(parts)}."
    return NOT_STATED if stated is None else NONE


def _answer_deduplication(counts: Flow, open_questions: int) -> str:
    waiting = ""
    if open_questions:
        pairs = count_noun(open_questions, "pair")
        waiting = (
            f" {pairs} of records {'waits' if open_questions == 1 else 'wait'} for a person to say "
            f"whether {'it is' if open_questions == 1 else 'they are'} the same report."
        )
    return (
        f"{count_noun(counts.duplicates, 'duplicate record')} removed.{waiting} Winnow compares "
        "title, authors, place of publication, DOI and PubMed id, merges the records of one report "
        "by fixed rules, and asks a person where these are not sure (the rules are in Winnow's "
        "docs/deduplication.md). No record is deleted. Errata, protocols, preprints and conference "
        "abstracts stay reports of their own."
    )
