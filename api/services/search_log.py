"""The search log: what PRISMA-S asks of every search, gathered from the store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.protocol import ProtocolBody
from api.services import nights, strategies
from api.services.versions import INCLUDED_AT
from harvest.strategy.tree import Limit, leaves, placed
from harvest.strategy.write import leaf_text
from store import admissions, completions, flow, pool, reviews, runs, searches
from store import strategies as stored
from store.flow import Flow
from store.runs import RunInfo
from store.searches import SearchInfo
from store.session import ReadSession

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
_ROUTES = {3: "registry", 4: "website", 5: "citation", 6: "contact", 7: "other"}
NONE = "None."
NOT_STATED = "Not stated."


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a strategy as it was run; ``hits`` None where they are not known."""

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
        losses: what the source could not say, by kind, with what was decided of it.
        filtered: different records that the strategy rejected on our side.
        note: what the strategy says of itself.
        answers: item of PRISMA-S to what is to be said of this search.
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
        """What it is called in the log."""
        return f"Search {self.number}: {self.info.source or 'source not stated'}"

    @property
    def rejected(self) -> int:
        """Entries that are no records, of files that are not withdrawn."""
        return sum(b.rejected for b in self.info.batches if not b.withdrawn_at)


@dataclass(frozen=True, slots=True)
class Log:
    """The search log of a review.

    ``standing`` says what is frozen, what waits, and when sources were last checked.
    """

    title: str
    note: str | None
    standing: tuple[str, ...]
    made_at: dt.datetime
    searches: tuple[LogSearch, ...]
    withdrawn: tuple[LogSearch, ...]
    pooled: tuple[LogSearch, ...]
    items: dict[int, str]
    flow: Flow


def search_log(session: ReadSession, review_id: int) -> Log:
    """The log as it stands now."""
    review = reviews.by_id(session, review_id)
    body = ProtocolBody.model_validate(reviews.protocol(session, review_id).body)
    every = runs.everything(session, review_id)
    gone = flow.filtered(session, review_id)
    listed = [
        _search(
            session,
            review_id,
            number,
            info,
            [r for r in every if r.search_id == info.id],
            body,
            gone.get(info.id, 0),
        )
        for number, info in enumerate(searches.everything(session, review_id), start=1)
    ]
    counted = [search for search in listed if not search.info.withdrawn]
    kept = tuple(search for search in counted if not search.info.pooled)
    counts = flow.flow(session, review_id)
    return Log(
        title=review.title,
        note=body.strategy_note or None,
        standing=tuple(_standing(session, review_id)),
        made_at=dt.datetime.now(dt.UTC),
        searches=kept,
        withdrawn=tuple(search for search in listed if search.info.withdrawn),
        pooled=tuple(search for search in counted if search.info.pooled),
        items={number: _item(number, kept, counts) for number in ITEMS},
        flow=counts,
    )


def _standing(session: ReadSession, review_id: int) -> list[str]:
    found = []
    until = pool.freeze(session, review_id)
    if until:
        waiting = pool.waiting(session, review_id)
        found.append(
            f"Searches are frozen on {until}: {waiting:,} records of searches run later wait in "
            "the pool and are in none of these counts."
        )
    for each in completions.everything(session, review_id):
        found.append(
            f"Version {each.number} was completed on {each.completed_at:%Y-%m-%d}: "
            f"{each.included:,} reports of {each.studies:,} studies {INCLUDED_AT}."
        )
    for admission in admissions.everything(session, review_id):
        found.append(
            f"{admission.name.capitalize()} took in searches up to {admission.up_to}: "
            f"{admission.records:,} records."
        )
    checked = nights.checked(session, review_id)
    if checked:
        days = "; ".join(
            f"{each.source} {each.last.isoformat() if each.last else 'never'}"
            + (f" (everything {each.whole.isoformat()})" if each.whole else "")
            for each in checked
        )
        found.append(
            f"Retractions, corrections and expressions of concern were last checked: {days}."
        )
    return found


def _search(
    session: ReadSession,
    review_id: int,
    number: int,
    info: SearchInfo,
    own: Sequence[RunInfo],
    protocol: ProtocolBody,
    filtered: int,
) -> LogSearch:
    lines: tuple[LogLine, ...] = ()
    losses: tuple[str, ...] = ()
    version = review_note = note = None
    limits = info.limits
    if info.strategy_id is not None:
        found = strategies.by_id(session, review_id, info.strategy_id)
        version, review_note = found.info.version, found.info.peer_review
        note = found.strategy.note
        whole = [run for run in own if run.mode == "whole"]
        newest = whole[-1].id if whole else None
        hits = {
            h.line: h
            for h in stored.hits(session, info.strategy_id, run_id=newest)
            if h.source == info.source_name
        }
        lines = tuple(
            LogLine(
                line.name,
                line.text,
                hits[line.name].hits if line.name in hits else None,
                at_most=line.name in hits and hits[line.name].at_most,
                used=line.name == info.line,
            )
            for line in found.strategy.lines.values()
        )
        losses = _losses(whole[-1].losses) if whole else ()
        own_limits = [
            leaf_text(leaf.node)
            for leaf in leaves(placed(found.strategy, info.line))
            if isinstance(leaf.node, Limit)
        ]
        limits = "; ".join(dict.fromkeys(own_limits)) or None
    answers = _answers(info, own, version, review_note, limits, protocol)
    # A living review has thousands of nights: those that asked for everything are listed, the
    # others are told together under the dates.
    listed = tuple(run for run in own if run.mode == "whole")
    return LogSearch(number, info, listed, lines, losses, filtered, note, version, answers)


def _losses(losses: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Losses of a run: one sentence for each kind, direction and reason."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for loss in losses:
        key = (loss["direction"], loss["kind"], loss.get("accepted") or "")
        groups.setdefault(key, []).append(loss["leaf"])
    said = []
    for (direction, kind, reason), found in sorted(groups.items(), reverse=True):
        way = "finds less" if direction == "narrows" else "finds more, matched again here"
        why = f"; accepted: {reason}" if reason else ""
        words = "1 leaf" if len(found) == 1 else f"{len(found)} leaves"
        said.append(f"{kind} ({way}{why}), {words}: {', '.join(found)}")
    return tuple(said)


def _dates(info: SearchInfo, own: Sequence[RunInfo]) -> str:
    if not own:
        return info.run_on or NOT_STATED
    days = [
        f"{run.until or run.started_at.date()} (run {run.id}, {'held' if run.held else run.state})"
        for run in own
        if run.mode == "whole"
    ]
    later = [run for run in own if run.mode == "changes" and run.good]
    if later:
        days.append(
            f"what was new or changed asked for {len(later):,} "
            f"{'time' if len(later) == 1 else 'times'} from {later[0].until} to {later[-1].until}"
        )
    return ", ".join(days)


def _answers(
    info: SearchInfo,
    own: Sequence[RunInfo],
    version: int | None,
    peer_review: str | None,
    limits: str | None,
    protocol: ProtocolBody,
) -> dict[int, str]:
    """What one search says to each item."""
    platform = f", through {info.platform}" if info.platform else ", platform not stated"
    route = info.route or ("database" if info.source else None)
    answers = {
        1: f"{info.source}{platform}" if info.source else NOT_STATED,
        2: NONE if info.kind == "api" else "None stated.",
        **{
            item: (info.source or "Yes, source not stated") if route == name else NONE
            for item, name in _ROUTES.items()
        },
        8: info.strategy or NOT_STATED,
        9: _limits(info, limits, protocol),
        10: info.filters or (NONE if info.kind == "api" else "None stated."),
        11: info.prior_work or "None stated.",
        12: info.update_method
        or (
            f"Can be run again as it stands (strategy version {version}); what is new is added."
            + (
                " Nightly: what the source indexed or changed since, with an overlap of days; "
                "everything now and then."
                if any(run.night_id for run in own)
                else ""
            )
            if info.kind == "api"
            else "None stated."
        ),
        13: _dates(info, own),
        14: info.peer_review or peer_review or "Not peer reviewed.",
        15: _total(info, own),
        16: "With all other searches of the review, by the rules named in the review's own item.",
    }
    return dict(sorted(answers.items()))


def _limits(info: SearchInfo, limits: str | None, protocol: ProtocolBody) -> str:
    if not limits:
        return NONE if info.kind == "api" else NOT_STATED
    own = protocol.limits
    years = own.year_from or own.year_to
    reason = info.limits_reason or (
        "as the protocol limits the review" if years or own.languages or own.types else None
    )
    return f"{limits} (reason: {reason or 'not stated'})"


def _total(info: SearchInfo, own: Sequence[RunInfo]) -> str:
    reported = "not stated" if info.reported is None else f"{info.reported:,}"
    whole = [run for run in own if run.mode == "whole"]
    if whole and whole[-1].at_most:
        reported = f"at most {reported} (a sum over {len(whole[-1].queries)} overlapping queries)"
    words = f"Reported {reported}; received {info.received:,}"
    if whole and whole[-1].at_most:
        return f"{words}."
    if info.gap:
        why = info.gap_reason or "not explained"
        return f"{words}; gap {info.gap:,} ({why})."
    return f"{words}."


def _item(number: int, kept: Sequence[LogSearch], counts: Flow) -> str:
    """What the review as a whole says to an item."""
    if number == 1:
        names = [s.answers[1] for s in kept]
        return "; ".join(dict.fromkeys(names)) + "." if names else NONE
    if number == 2:
        return "None: each source was searched by itself." if kept else NONE
    if number in _ROUTES:
        named = [s.answers[number] for s in kept if s.answers[number] != NONE]
        return "; ".join(named) + "." if named else NONE
    if number == 15:
        return (
            f"{counts.identified:,} records identified = {counts.rejected:,} rejected (no records) "
            f"+ {counts.filtered:,} marked as ineligible by automation tools + "
            f"{counts.duplicates:,} duplicates + {counts.screened:,} screened + "
            f"{counts.not_screened:,} not screened yet."
        )
    if number == 16:
        return (
            f"{counts.duplicates:,} duplicate records removed. A record that comes with the same "
            "record number of the same source is held once; records of one report are found by "
            "Winnow's rules (docs/deduplication.md: keys of title, author, place, DOI and PubMed "
            "id; named rules; persons decide where the rules are not sure) and are merged, never "
            "deleted. Related reports (errata, protocols, preprints, conference abstracts) are "
            "kept apart."
        )
    if number == 8 and kept:
        return "In full with each search below, as run, with hits per line where they are known."
    by_answer: dict[str, list[str]] = {}
    for search in kept:
        by_answer.setdefault(search.answers[number], []).append(str(search.number))
    if len(by_answer) < 2:
        return next(iter(by_answer), NONE)
    return " ".join(
        f"Search{'es' if len(numbers) > 1 else ''} {', '.join(numbers)}: {said.rstrip('.')}."
        for said, numbers in by_answer.items()
    )
