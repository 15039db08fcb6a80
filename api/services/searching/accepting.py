"""Losses of a strategy at a source: accepted in writing, or avoided by a replacement there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from api.refusals import require_reason
from api.services.searching import strategies
from api.services.searching.losses import WARNINGS, find_covered_losses
from harvest.errors import StrategyError
from harvest.render.registry import WRITERS, render
from harvest.strategy.tree import Strategy
from store.core.session import Store
from store.reviews import reviews
from store.searching.strategies import NewAcceptance, add_acceptance


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an acceptance covers.

    Attributes:
        version: the strategy version that it holds for.
        accepted: how many losses it covers; 1 for a warning.
        blocked: whether other losses still keep the source from being searched.
    """

    version: int
    accepted: int
    blocked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReplacement:
    """A leaf that is replaced at one source.

    Attributes:
        source: short name of the source.
        leaf: the leaf, as the losses list it.
        other: what is searched there instead, in PubMed's syntax.
        reason: why; may be empty.
    """

    source: str
    leaf: str
    other: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Replaced:
    """The strategy version that a replacement made, and whether the source is still blocked."""

    version: int
    blocked: bool


def accept_losses(
    store: Store, review_id: int, acceptance: NewAcceptance, *, person_id: int | None
) -> Accepted:
    """Accept losses or a warning of the newest version in writing.

    Raises:
        StrategyError: there is no such source or loss.
        ReasonNeeded: no reason is given.
        NotFound: the review has no strategy.
    """
    _check_source(acceptance.source)
    reason = require_reason(acceptance.reason, "An acceptance")
    with store.write() as session:
        reviews.lock_review(session, review_id)
        current = strategies.get_current(session, review_id)
        covered = _count_covered(current.strategy, acceptance)
        new = replace(acceptance, reason=reason)
        add_acceptance(session, review_id, current.info.id, new, person_id=person_id)
        after = strategies.get_current(session, review_id)
    return Accepted(after.info.version, covered, after.rendered(acceptance.source).blocked)


def _check_source(source: str) -> None:
    if source not in WRITERS:
        raise StrategyError(
            f"There is no source {source!r}.", remedy=f"The sources are: {', '.join(WRITERS)}."
        )


def _count_covered(strategy: Strategy, acceptance: NewAcceptance) -> int:
    if acceptance.kind in WARNINGS:
        if not acceptance.leaf:
            raise StrategyError(
                "Warnings are accepted one phrase at a time.", remedy="Name the phrase."
            )
        return 1
    source, kind, leaf = acceptance.source, acceptance.kind, acceptance.leaf
    losses = find_covered_losses(strategy, source, kind, leaf)
    if not losses:
        raise _no_such_loss(strategy, acceptance)
    return len(losses)


def _no_such_loss(strategy: Strategy, acceptance: NewAcceptance) -> StrategyError:
    losses = render(strategy, acceptance.source).losses
    kinds = sorted({loss.kind for loss in losses if loss.direction == "narrows"})
    leaf = f" of {acceptance.leaf}" if acceptance.leaf else ""
    return StrategyError(
        f"The strategy has no narrowing loss {acceptance.kind!r}{leaf} at {acceptance.source}.",
        remedy=f"Its kinds there are: {', '.join(kinds)}."
        if kinds
        else "No term there finds less.",
    )


def replace_leaf(
    store: Store, review_id: int, replacement: NewReplacement, *, person_id: int | None
) -> Replaced:
    """Replace a leaf at one source. That changes what is sent, so it makes a new version.

    Raises:
        StrategyError: there is no such source or leaf, or the replacement cannot be read.
        NotFound: the review has no strategy.
    """
    source, leaf = replacement.source, replacement.leaf
    _check_source(source)
    with store.write() as session:
        reviews.lock_review(session, review_id)
        current = strategies.get_current(session, review_id)
        if leaf not in {loss.leaf for loss in render(current.strategy, source).losses}:
            raise StrategyError(
                f"The strategy does not lose {leaf} at {source}.",
                remedy="Write the term as the losses of that source list it.",
            )
        body = dict(current.info.body)
        kept = [
            item
            for item in body.get("replace", [])
            if (item.get("source"), item.get("leaf")) != (source, leaf)
        ]
        item = {
            "source": source,
            "leaf": leaf,
            "with": replacement.other,
            "reason": replacement.reason,
        }
        body["replace"] = [*kept, {name: text for name, text in item.items() if text}]
        version = strategies.save_version(
            session, review_id, body, reason=f"{leaf} replaced at {source}", person_id=person_id
        )
        after = strategies.get_current(session, review_id)
    return Replaced(version, after.rendered(source).blocked)
