"""The gold check: what each source and all together found, and why the rest was missed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.protocol import ProtocolBody
from api.services import sources, strategies
from api.services.matching import held_of, known_of
from api.settings import Settings
from harvest.errors import MalformedPage, SourceRefused
from harvest.record import Record
from harvest.sources.protocol import Source
from harvest.sources.registry import SOURCES
from harvest.strategy.match import Explainer, passage
from harvest.strategy.tree import Strategy
from model.evaluate import MATCHED, MISSING, Limits, Match, match
from model.metrics import wilson
from store import gold, records, reviews, searches
from store.errors import NotFound
from store.gold import GoldInfo
from store.records import Brought
from store.session import ReadSession, Store

NO_SOURCE = "search {}, source not stated"
SAMPLE_NOTE = "95 % interval as if the list were a random sample"
DEVELOPMENT_NOTE = "used to build the search: not an estimate of recall"
ABSENT, MISSED, UNKNOWN = "not in the source", "in it but missed", "unknown"
FILTERED = "found and filtered"


@dataclass(frozen=True, slots=True)
class Share:
    """How many known relevant records something found, of those that can be told.

    Attributes:
        interval: 95 %, as if the list were a random sample; None for an empty list.
    """

    found: int
    counted: int
    interval: tuple[float, float] | None

    @property
    def recall(self) -> float | None:
        """Found / counted; None for an empty list."""
        return self.found / self.counted if self.counted else None


@dataclass(frozen=True, slots=True)
class Use:
    """Relative recall over the records of one use.

    Attributes:
        note: why the figures are no estimate; None where they may be read as one.
        sources: by the source's title.
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
        filtered_at: titles of sources that brought it and whose copy was filtered.
        text_rejected_by: lines of the strategy that keep its title and abstract out; None where
            there is no strategy or the list holds no text.
        lookups: source to what it said, and lines that keep its own text out.
    """

    info: GoldInfo
    filtered_at: tuple[str, ...]
    text_rejected_by: tuple[str, ...] | None
    lookups: Mapping[str, gold.Lookup]


@dataclass(frozen=True, slots=True)
class Check:
    """The gold check of a review's searches."""

    records: int
    uses: tuple[Use, ...]
    missed: tuple[Missed, ...]
    version: int | None


def check(session: ReadSession, review_id: int) -> Check:
    """Relative recall of each source and of the union, by use, and what was missed."""
    infos = gold.everything(session, review_id)
    known = [known_of(info) for info in infos]
    limits = ProtocolBody.model_validate(reviews.protocol(session, review_id).body).scope
    brought = records.brought(session, review_id)
    titles = {
        info.id: info.source or NO_SOURCE.format(info.id)
        for info in searches.everything(session, review_id)
    }
    by_source: dict[str, list[Brought]] = {}
    for item in brought:
        by_source.setdefault(titles[item.search_id], []).append(item)
    union = _matched(known, [b for b in brought if not b.filtered], limits)
    each = {
        name: _matched(known, [b for b in found if not b.filtered], limits)
        for name, found in by_source.items()
    }
    filtered = {
        name: {
            m.known.number
            for m in _matched(known, [b for b in found if b.filtered], limits)
            if m.state == MATCHED
        }
        for name, found in by_source.items()
    }
    strategy = _strategy(session, review_id)
    missing = {m.known.number for m in union if m.state == MISSING and m.in_scope}
    told: dict[int, dict[str, gold.Lookup]] = {}
    for lookup in gold.lookups(session, review_id):
        told.setdefault(lookup.gold_id, {})[lookup.source] = lookup
    return Check(
        records=len(infos),
        uses=tuple(
            _use(use, union, each)
            for use in gold.SEARCH_USES[::-1]
            if any(info.search_use == use for info in infos)
        ),
        missed=tuple(
            Missed(
                info,
                tuple(name for name, gone in filtered.items() if info.id in gone),
                _rejected_by(strategy.strategy if strategy else None, info.title, info.abstract),
                told.get(info.id, {}),
            )
            for info in infos
            if info.id in missing
        ),
        version=strategy.info.version if strategy else None,
    )


def _matched(known: Sequence[Any], found: Sequence[Brought], limits: Limits) -> list[Match]:
    return match(known, [held_of(item.text) for item in found], limits)


def _share(matches: Sequence[Match], use: str, counted: set[int]) -> Share:
    found = sum(
        m.state == MATCHED and m.known.search_use == use and m.known.number in counted
        for m in matches
    )
    return Share(found, len(counted), wilson(found, len(counted)))


def _use(use: str, union: Sequence[Match], each: Mapping[str, Sequence[Match]]) -> Use:
    mine = [m for m in union if m.known.search_use == use]
    inside = [m for m in mine if m.in_scope]
    counted = {m.known.number for m in inside if m.state in (MATCHED, MISSING)}
    return Use(
        use=use,
        note=DEVELOPMENT_NOTE if use == "development" else None,
        union=_share(union, use, counted),
        sources={name: _share(found, use, counted) for name, found in each.items()},
        not_matched=len(inside) - len(counted),
        out_of_scope=len(mine) - len(inside),
    )


def _strategy(session: ReadSession, review_id: int) -> strategies.Current | None:
    try:
        return strategies.current(session, review_id)
    except NotFound:
        return None


def _rejected_by(
    strategy: Strategy | None,
    title: str | None,
    abstract: str | None,
    keywords: Sequence[str] = (),
    language: str | None = None,
) -> tuple[str, ...] | None:
    if strategy is None or not title:
        return None
    text = passage(title, abstract, keywords, language)
    return Explainer(strategy).explain(text).rejected_by


def look_up(
    store: Store,
    settings: Settings,
    review_id: int,
    *,
    stop: threading.Event | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Ask each source for each missed record, and keep what it says.

    Raises:
        SourceUnavailable: a source cannot be asked; what was asked before is kept.
    """
    with store.read() as session:
        missed = check(session, review_id).missed
        found = _strategy(session, review_id)
    with sources.client(settings, stop) as client:
        done = 0
        for name in SOURCES:
            adapter = sources.adapter(settings, client, name)
            for item in missed:
                state, lines = _asked(adapter, item.info, found.strategy if found else None)
                with store.write() as session:
                    gold.keep_lookup(
                        session,
                        item.info.id,
                        name,
                        state=state,
                        rejected_by=lines,
                        strategy_id=found.info.id if found else None,
                    )
                done += 1
                if progress:
                    progress(done, len(missed) * len(SOURCES))


def _asked(
    adapter: Source, info: GoldInfo, strategy: Strategy | None
) -> tuple[str, tuple[str, ...]]:
    """What a source says of a record: its state, and the lines that keep its own text out."""
    queries = adapter.identifier_query(info.pmid, info.doi)
    if not queries:
        # A title is found by chance too, and its absence proves nothing.
        return UNKNOWN, ()
    refused = 0
    for query in queries:
        try:
            opened = adapter.open([query])
        except SourceRefused:
            refused += 1
            continue
        if not opened.reported or opened.cursor is None:
            continue
        own = _first(adapter, query, opened.cursor)
        title, abstract = (own.title, own.abstract) if own else (info.title, info.abstract)
        words = (own.keywords, own.language) if own else ((), None)
        return MISSED, _rejected_by(strategy, title, abstract, *words) or ()
    return (UNKNOWN if refused == len(queries) else ABSENT), ()


def _first(adapter: Source, query: str, cursor: Any) -> Record | None:
    """The source's own record."""
    while cursor is not None:
        try:
            page = adapter.step([query], cursor)
        except MalformedPage:
            return None
        for entry in page.entries:
            if isinstance(entry, Record):
                return entry
        cursor = page.cursor
    return None


def as_json(found: Check) -> dict[str, Any]:
    """The check as JSON."""
    return {
        "records": found.records,
        "strategy_version": found.version,
        "interval": SAMPLE_NOTE,
        "uses": [
            {
                "search_use": use.use,
                "note": use.note,
                "union": _share_json(use.union),
                "sources": [
                    {"source": name, **_share_json(share)} for name, share in use.sources.items()
                ],
                "not_matched": use.not_matched,
                "out_of_scope": use.out_of_scope,
            }
            for use in found.uses
        ],
        "missed": [
            {
                "gold": item.info.id,
                "title": item.info.title,
                "year": item.info.year,
                "doi": item.info.doi,
                "pmid": item.info.pmid,
                "search_use": item.info.search_use,
                "filtered_at": list(item.filtered_at),
                "text_rejected_by": None
                if item.text_rejected_by is None
                else [strategies.line_name(line) for line in item.text_rejected_by],
                "sources": [
                    {
                        "source": name,
                        "state": lookup.state,
                        "rejected_by": [strategies.line_name(x) for x in lookup.rejected_by],
                    }
                    for name, lookup in item.lookups.items()
                ],
            }
            for item in found.missed
        ],
    }


def _share_json(share: Share) -> dict[str, Any]:
    return {
        "found": share.found,
        "counted": share.counted,
        "recall": share.recall,
        "interval": list(share.interval) if share.interval else None,
    }
