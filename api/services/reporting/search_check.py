"""The search checked against known relevant records: found by which source, missed and why."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from api.services.ranking.matching import list_known
from api.services.reporting.known_matches import KnownMatches, count_by_source, match_known
from api.services.searching import sources, strategies
from api.services.searching.strategies import CurrentStrategy
from api.settings import Settings
from harvest.errors import MalformedPage, QueryRefused
from harvest.record import Record
from harvest.sources.protocol import Cursor, Source
from harvest.sources.registry import SOURCES
from harvest.strategy.match import Explainer, create_passage
from model.evaluation.matching import (
    LIST,
    MATCHED,
    MISSING,
    OWN_SEARCH,
    Match,
    choose_distinct,
)
from model.evaluation.search_recall import OWN_SEARCH_NOTE, SEARCH_NOTE
from model.evaluation.shares import Share
from store.core import jobs
from store.core.errors import NotFound
from store.core.session import ReadSession, Store
from store.reviews import reviews
from store.searching import gold
from store.searching.gold import GoldInfo, Lookup, NewLookup
from store.searching.strategies import mark_gold_seen

SAMPLE_NOTE = "95 % interval as if the list were a random sample"
ABSENT, MISSED, UNKNOWN = "not in the source", "in it but missed", "unknown"
FILTERED = "found and set aside"
# Uses of known records in the order in which they are shown, and why some give no estimate.
USES = ("validation", "development", OWN_SEARCH)
_NOTES = {"development": SEARCH_NOTE, OWN_SEARCH: OWN_SEARCH_NOTE}


@dataclass(frozen=True, slots=True)
class Use:
    """Relative recall over the records of one use.

    Attributes:
        use: ``validation``, ``development``, or ``own-search`` for records that this review's own
            searches brought.
        note: why the figures are no estimate; None if they may be read as one.
        union: what all sources found together.
        sources: what each source found, by its title.
        not_matched: records that cannot be judged.
        out_of_scope: records outside the review's limits.
    """

    use: str
    note: str | None
    union: Share
    sources: Mapping[str, Share]
    not_matched: int
    out_of_scope: int


@dataclass(frozen=True, slots=True)
class Missed:
    """A known relevant record that no search kept.

    Attributes:
        filtered_at: titles of sources that found it and whose copy was filtered.
        text_rejected_by: lines of the strategy that keep its title and abstract out; None if
            there is no strategy or the list holds no text.
        lookups: by source, what it said, and the lines that keep its own text out.
    """

    info: GoldInfo
    filtered_at: tuple[str, ...]
    text_rejected_by: tuple[str, ...] | None
    lookups: Mapping[str, Lookup]


@dataclass(frozen=True, slots=True)
class Check:
    """The searches of a review, checked against its known relevant records.

    Attributes:
        records: how many known relevant records there are.
        version: the strategy version; None if the review has no strategy.
    """

    records: int
    uses: tuple[Use, ...]
    missed: tuple[Missed, ...]
    version: int | None


def match_all(session: ReadSession, review_id: int) -> KnownMatches:
    """Match all known relevant records of a review; this takes long in a large one."""
    infos = gold.list_gold(session, review_id)
    return match_known(session, review_id, list_known(session, review_id, infos))


def check_search(session: ReadSession, review_id: int, found: KnownMatches | None = None) -> Check:
    """Relative recall of each source and of the union, by use, and what was missed.

    Args:
        session: a reading session.
        review_id: the review.
        found: what ``match_all`` found, perhaps a while ago; worked out now if it is not given.
    """
    if found is None:
        found = match_all(session, review_id)
    infos = gold.list_gold(session, review_id)
    strategy = _find_strategy(session, review_id)
    missing = {m.known.number for m in found.matches if m.state == MISSING and m.in_scope}
    lookups: dict[int, dict[str, Lookup]] = {}
    for lookup in gold.list_lookups(session, review_id):
        lookups.setdefault(lookup.gold_id, {})[lookup.source] = lookup
    by_use: dict[str, list[Match]] = {use: [] for use in USES}
    for each in found.matches:
        by_use[each.known.search_use if each.known.origin == LIST else OWN_SEARCH].append(each)
    return Check(
        records=len(infos),
        uses=tuple(_use(use, found, own) for use, own in by_use.items() if own),
        missed=tuple(
            Missed(
                info,
                found.set_aside.get(info.id, ()),
                _rejected_by(strategy, _text_of(info)),
                lookups.get(info.id, {}),
            )
            for info in infos
            if info.id in missing
        ),
        version=strategy.info.version if strategy else None,
    )


def note_shown(store: Store, review_id: int, check: Check, *, person_id: int | None) -> None:
    """Note that a person is shown what was missed.

    A searcher learns from what was missed: a strategy version saved after this may have been
    written to find these records.
    """
    missed = [item.info.id for item in check.missed]
    with store.write() as session:
        mark_gold_seen(session, review_id, missed, person_id=person_id)


def _use(use: str, found: KnownMatches, matches: Sequence[Match]) -> Use:
    chosen = choose_distinct(matches)
    in_scope = [m for m in chosen if m.in_scope]
    counted = [m for m in in_scope if m.state in (MATCHED, MISSING)]
    return Use(
        use=use,
        note=_NOTES.get(use),
        union=Share.of(sum(m.state == MATCHED for m in counted), len(counted)),
        sources=count_by_source(found, counted),
        not_matched=len(in_scope) - len(counted),
        out_of_scope=len(chosen) - len(in_scope),
    )


def _find_strategy(session: ReadSession, review_id: int) -> CurrentStrategy | None:
    try:
        return strategies.get_current(session, review_id)
    except NotFound:
        return None


@dataclass(frozen=True, slots=True)
class _Text:
    """What of a record a strategy is matched with."""

    title: str | None
    abstract: str | None
    keywords: tuple[str, ...] = ()
    language: str | None = None


def _text_of(info: GoldInfo) -> _Text:
    return _Text(info.title, info.abstract)


def _rejected_by(current: CurrentStrategy | None, text: _Text) -> tuple[str, ...] | None:
    """Lines of a strategy that keep a text out; None if there is no strategy or no title."""
    if current is None or not text.title:
        return None
    passed = create_passage(text.title, text.abstract, text.keywords, text.language)
    return Explainer(current.strategy).explain(passed).rejected_by


def ask_for_lookup(store: Store, review_id: int) -> int:
    """Start a job that asks the sources for what was missed; returns its id."""
    with store.write() as session:
        return jobs.start_job(session, review_id, "lookup")


def look_up_missed(
    store: Store,
    settings: Settings,
    review_id: int,
    *,
    stop: threading.Event | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Ask each source for each missed record, and store what it says.

    Args:
        store: the database.
        settings: the sources.
        review_id: the review.
        stop: set by the caller to stop.
        progress: called with the questions answered and all of them.

    Raises:
        SourceUnavailable: a source cannot be asked; earlier answers are kept.
    """
    with store.read() as session:
        missed = check_search(session, review_id).missed
        current = _find_strategy(session, review_id)
    with sources.open_sources(settings, stop) as asked:
        answered = 0
        for name in SOURCES:
            source = asked.adapter(name)
            for item in missed:
                lookup = _look_up(source, item.info, current)
                with store.write() as session:
                    reviews.lock_review(session, review_id)
                    gold.store_lookup(session, lookup)
                answered += 1
                if progress:
                    progress(answered, len(missed) * len(SOURCES))


def _look_up(source: Source, info: GoldInfo, current: CurrentStrategy | None) -> NewLookup:
    """What a source says of a record: its state, and the lines that keep its own text out."""
    strategy_id = current.info.id if current else None

    def answer(state: str, rejected_by: tuple[str, ...] = ()) -> NewLookup:
        return NewLookup(
            gold_id=info.id,
            source=source.name,
            state=state,
            rejected_by=rejected_by,
            strategy_id=strategy_id,
        )

    queries = source.identifier_query(info.pmid, info.doi)
    if not queries:
        # A title can match by chance, and its absence proves nothing.
        return answer(UNKNOWN)
    refused = 0
    for query in queries:
        try:
            opened = source.open([query])
        except QueryRefused:
            refused += 1
            continue
        if opened.reported and opened.cursor is not None:
            own = _first_record(source, query, opened.cursor)
            return answer(MISSED, _rejected_by(current, _own_text(own, info)) or ())
    return answer(UNKNOWN if refused == len(queries) else ABSENT)


def _own_text(own: Record | None, info: GoldInfo) -> _Text:
    """The source's text of a record; the list's if the source's cannot be read."""
    if own is None:
        return _text_of(info)
    return _Text(own.title, own.abstract, own.keywords, own.language)


def _first_record(source: Source, query: str, cursor: Cursor | None) -> Record | None:
    """The first record that a source returns."""
    while cursor is not None:
        try:
            page = source.step([query], cursor)
        except MalformedPage:
            return None
        for entry in page.entries:
            if isinstance(entry, Record):
                return entry
        cursor = page.cursor
    return None
