"""A search's answers to the items of PRISMA-S: what somebody stated or Winnow measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api.protocol import ProtocolBody
from api.services.searching.import_steps import MIXED
from api.services.searching.strategies import CurrentStrategy, compare_with_protocol
from api.wording import count_noun, describe_run_state
from harvest.strategy.tree import Limit, expand, leaves
from harvest.strategy.write import leaf_text
from store.searching.runs.runs import RunInfo
from store.searching.searches import SearchInfo

NONE: Final = "None."
NOT_STATED: Final = "Not stated."
DOES_NOT_APPLY: Final = "Does not apply: "
# The item of each kind of source.
ROUTES: Final = {3: "registry", 4: "website", 5: "citation", 6: "contact", 7: "other"}
_KINDS: Final = {
    "database": "this is a search of a database.",
    "registry": "this is a search of a study registry.",
    "website": "this is a search of a website or another online resource.",
    "citation": "this is a citation search.",
    "contact": "these records came from contacts.",
    "other": "these records were found in another way (item 7).",
}


@dataclass(frozen=True, slots=True)
class SearchedBy:
    """What a search's entry in the log is made from.

    Attributes:
        runs: all runs of the search, oldest first.
        strategy: the strategy that it runs; None for an imported search.
        protocol: of the review.
        filtered: different records that are filtered.
    """

    info: SearchInfo
    runs: tuple[RunInfo, ...]
    strategy: CurrentStrategy | None
    protocol: ProtocolBody
    filtered: int

    @property
    def whole(self) -> tuple[RunInfo, ...]:
        """Runs that asked for everything."""
        return tuple(run for run in self.runs if run.mode == "whole")

    @property
    def rejected(self) -> int:
        """Entries that are not records, in files that are not withdrawn."""
        return sum(batch.rejected for batch in self.info.batches if not batch.withdrawn_at)


def answer_items(made_from: SearchedBy) -> dict[int, str]:
    """A search's answer to each item, by its number."""
    info, strategy = made_from.info, made_from.strategy
    peer_review = info.peer_review or (strategy.info.peer_review if strategy else None)
    answers = {
        1: _name_database(info),
        2: _name_platform(info),
        **{item: _answer_route(info, name) for item, name in ROUTES.items()},
        8: info.strategy or NOT_STATED,
        9: _limits(made_from),
        10: info.filters or NOT_STATED,
        11: info.prior_work or NOT_STATED,
        12: info.update_method or _updates(made_from),
        13: _dates(made_from),
        14: peer_review or NOT_STATED,
        15: _total(made_from),
        16: "Together with all other searches of the review: see item 16 of the review.",
    }
    return dict(sorted(answers.items()))


def _name_database(info: SearchInfo) -> str:
    if info.kind != "api" and info.route not in (None, "database"):
        return DOES_NOT_APPLY + _KINDS[info.route]
    if info.source:
        if info.platform == info.source:
            return info.source
        return f"{info.source}, " + (
            f"through {info.platform}" if info.platform else "platform not stated"
        )
    mixed = next(
        (
            notice.removeprefix(MIXED)
            for batch in info.batches
            for notice in batch.notices
            if notice.startswith(MIXED) and not batch.withdrawn_at
        ),
        None,
    )
    platform = f"; the platform is {info.platform}" if info.platform else ""
    return f"Not stated: the file is mixed, {mixed}." if mixed else f"Not stated{platform}."


def _name_platform(info: SearchInfo) -> str:
    return "Searched on its own." if info.kind == "api" else NOT_STATED


def _answer_route(info: SearchInfo, name: str) -> str:
    route = "database" if info.kind == "api" else info.route
    if route == name:
        return info.source or "Yes, source not stated."
    return DOES_NOT_APPLY + _KINDS[route] if route else NOT_STATED


def _limits(made_from: SearchedBy) -> str:
    info, strategy = made_from.info, made_from.strategy
    if strategy is None:
        if not info.limits:
            return NOT_STATED
        return f"{info.limits.rstrip('.')} (reason: {info.limits_reason or 'not stated'})."
    limits = list(
        dict.fromkeys(
            leaf.node
            for leaf in leaves(expand(strategy.strategy, info.line))
            if isinstance(leaf.node, Limit)
        )
    )
    words = "; ".join(dict.fromkeys(map(leaf_text, limits)))
    why = _explain_limits(info.limits_reason, limits, made_from.protocol)
    answer = f"{words} ({why})." if limits else NONE
    warnings = compare_with_protocol(strategy.strategy, made_from.protocol, info.line)
    return " ".join((answer, *warnings))


def _explain_limits(stated: str | None, limits: Sequence[Limit], protocol: ProtocolBody) -> str:
    """Why a strategy is limited: as stated, or that the protocol has a limit of every such kind."""
    if stated:
        return f"reason: {stated}"
    own = protocol.limits
    in_protocol = {
        "years": own.year_from is not None or own.year_to is not None,
        "language": bool(own.languages),
        "type": bool(own.types),
    }
    if limits and all(in_protocol.get(limit.kind) for limit in limits):
        kinds = _join(dict.fromkeys(limit.kind for limit in limits))
        return f"the protocol limits the review by {kinds}"
    return "reason: not stated"


def _join(words: Sequence[str] | dict[str, None]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _updates(made_from: SearchedBy) -> str:
    """How the search was repeated, if nobody has stated it."""
    if made_from.strategy is None:
        return NOT_STATED
    answer = ""
    if len(made_from.whole) > 1:
        answer = (
            f"Run {len(made_from.whole)} times, with strategy version "
            f"{made_from.strategy.info.version} unchanged."
        )
    if any(run.night_id for run in made_from.runs):
        answer += (
            " On a schedule, Winnow asks for what the source has since indexed or changed, with an "
            "overlap of days, and from time to time for everything."
        )
    return answer.strip() or NOT_STATED


def _run_state(run: RunInfo) -> str:
    return "waits" if run.held else describe_run_state(run.state, run.shortfall)


def _dates(made_from: SearchedBy) -> str:
    if not made_from.runs:
        return made_from.info.run_on or NOT_STATED
    days = [
        f"{run.until or run.started_at.date()} (run {run.id}, {_run_state(run)})"
        for run in made_from.whole
    ]
    later = [run for run in made_from.runs if run.mode == "changes" and run.good]
    if later:
        days.append(
            f"what was new or changed asked for {len(later):,} "
            f"{'time' if len(later) == 1 else 'times'} from {later[0].until} to {later[-1].until}"
        )
    return ", ".join(days)


def _total(made_from: SearchedBy) -> str:
    info, newest = made_from.info, made_from.whole[-1] if made_from.whole else None
    at_most = newest is not None and newest.at_most
    parts = [
        f"{count:,} {what}"
        for count, what in (
            (made_from.filtered, "marked as ineligible by automation tools"),
            (made_from.rejected, "unreadable"),
        )
        if count
    ]
    received = f"{info.received:,}{', of which ' + _join(parts) if parts else ''}"
    if info.reported is None:
        return f"Records reported by the source: not stated. Records received: {received}."
    reported = f"{info.reported:,}"
    if newest is not None and at_most:
        queries = count_noun(len(newest.queries), "overlapping query", "overlapping queries")
        reported = f"at most {reported} (a sum over {queries})"
    total = f"Records reported by the source: {reported}. Records received: {received}."
    if info.gap and not at_most:
        missing = f"{abs(info.gap):,} {'missing' if info.gap > 0 else 'more than reported'}"
        return f"{total} Difference: {missing} ({info.gap_reason or 'not explained'})."
    return total


def describe_losses(losses: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """What a run's source could not express: one sentence for each kind, direction and reason."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for loss in losses:
        key = (loss["direction"], loss["kind"], loss.get("accepted") or "")
        groups.setdefault(key, []).append(loss["leaf"])
    sentences = []
    for (direction, kind, reason), terms in sorted(groups.items(), reverse=True):
        way = (
            "the source finds less"
            if direction == "narrows"
            else "the source finds more; Winnow applied the strategy again to what came"
        )
        why = f"; accepted: {reason}" if reason else ""
        number = count_noun(len(terms), "term")
        sentences.append(f"{kind} ({way}{why}), {number}: {', '.join(terms)}")
    return tuple(sentences)
