"""A review's strategy: saved in versions, translated, its losses mapped or accepted."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harvest.errors import StrategyError
from harvest.render.losses import Loss
from harvest.render.registry import WRITERS, Rendered, render
from harvest.strategy.toml import from_dict
from harvest.strategy.tree import Acceptance, Strategy
from store import gold, strategies
from store.session import ReadSession, WriteSession
from store.strategies import AcceptanceInfo, StrategyVersion

# What a source did to a query; accepted by phrase, and for one version only.
WARNINGS = ("field-not-found", "phrase-ignored", "quoted-phrase-not-found")
_DOCUMENTS: Mapping[str, Callable[[str], Any]] = {".toml": tomllib.loads, ".json": json.loads}


@dataclass(frozen=True, slots=True)
class Current:
    """A stored version, with its tree as it was accepted so far."""

    info: StrategyVersion
    strategy: Strategy

    def rendered(self, source: str, line: str | None = None) -> Rendered:
        """The strategy in a source's syntax, accepted losses marked.

        Raises:
            StrategyError: the source is unknown, or cannot say anything of it.
        """
        return render(self.strategy, source, line)


def body_of(text: str, suffix: str = "", *, use: str | None = None) -> dict[str, Any]:
    """A strategy's document from a file's text: TOML or JSON by its suffix, else plain text.

    Raises:
        StrategyError: it cannot be read.
    """
    body: Any = {"text": text}
    if suffix in _DOCUMENTS:
        try:
            body = _DOCUMENTS[suffix](text)
        except ValueError as error:
            # Both libraries end their message with the place, or with "at end of document".
            place = re.search(r"line (\d+),? column (\d+)", str(error))
            end = text.rstrip().split("\n")
            raise StrategyError(
                f"The file is not {suffix[1:].upper()}: {error}.",
                remedy="Mend it there.",
                line=int(place.group(1)) if place else len(end),
                column=int(place.group(2)) if place else len(end[-1]) + 1,
            ) from error
    if not isinstance(body, dict):
        raise StrategyError(
            "The file holds no strategy.", remedy="Write an object with lines or blocks."
        )
    if use is not None:
        body["use"] = use
    from_dict(body)
    return body


def check(body: Mapping[str, Any]) -> None:
    """Refuse a document that is no strategy.

    Raises:
        StrategyError: with the place and the remedy.
    """
    from_dict(body)


def current(session: ReadSession, review_id: int, number: int | None = None) -> Current:
    """A stored version, the newest by default.

    Raises:
        NotFound: the review has no such version.
    """
    return _read(strategies.version(session, review_id, number))


def by_id(session: ReadSession, review_id: int, strategy_id: int) -> Current:
    """A stored version by its id.

    Raises:
        NotFound: the review has no such version.
    """
    return _read(strategies.by_id(session, review_id, strategy_id))


def _read(info: StrategyVersion) -> Current:
    strategy = from_dict(info.body)
    given = tuple(Acceptance(a.source, a.kind, a.reason, a.leaf) for a in info.acceptances)
    return Current(info, dataclasses.replace(strategy, acceptances=(*strategy.acceptances, *given)))


def save(
    session: WriteSession,
    review_id: int,
    body: Mapping[str, Any],
    *,
    reason: str | None,
    person_id: int | None,
) -> int:
    """A new version. Accepted losses that it still has are accepted for it too.

    Returns:
        The number of the version that holds now.

    Raises:
        StrategyError: the document is no strategy.
    """
    strategy = from_dict(body)
    before = strategies.versions(session, review_id)
    carry = []
    if before:
        old = from_dict(before[0].body)
        carry = [a for a in before[0].acceptances if _still(a, old, strategy)]
    return strategies.save(
        session, review_id, body, reason=reason, person_id=person_id, carry=carry
    )


def _still(given: AcceptanceInfo, old: Strategy, new: Strategy) -> bool:
    """Whether what was accepted before covers nothing else now. Warnings are asked for anew."""
    if given.kind in WARNINGS or given.source not in WRITERS:
        return False
    before, now = (
        {loss.leaf for loss in covered(strategy, given.source, given.kind, given.leaf)}
        for strategy in (old, new)
    )
    return bool(now) and now <= before


def covered(strategy: Strategy, source: str, kind: str, leaf: str | None) -> list[Loss]:
    """The narrowing losses of a kind at a source, or the one of a leaf."""
    try:
        losses = render(strategy, source).losses
    except StrategyError:
        return []
    return [
        loss
        for loss in losses
        if loss.direction == "narrows" and loss.kind == kind and leaf in (None, loss.leaf)
    ]


def accept(
    session: WriteSession,
    review_id: int,
    *,
    source: str,
    kind: str,
    leaf: str | None,
    reason: str,
    person_id: int | None,
) -> int:
    """Accept losses or a warning of the newest version in writing.

    Returns:
        How many losses that covers; 1 for a warning.

    Raises:
        StrategyError: there is no such source or loss, or no reason is given.
        NotFound: the review has no strategy.
    """
    if source not in WRITERS:
        raise StrategyError(
            f"There is no source {source!r}.", remedy=f"The sources are: {', '.join(WRITERS)}."
        )
    if not reason.strip():
        raise StrategyError("An acceptance needs a reason.", remedy="Say why it does no harm.")
    found = current(session, review_id)
    if kind in WARNINGS:
        if not leaf:
            raise StrategyError(
                "A warning is accepted phrase by phrase.", remedy="Name the phrase as the leaf."
            )
        number = 1
    else:
        losses = covered(found.strategy, source, kind, leaf)
        if not losses:
            raise _no_such_loss(found.strategy, source, kind, leaf)
        number = len(losses)
    strategies.accept(
        session,
        review_id,
        found.info.id,
        source=source,
        kind=kind,
        leaf=leaf,
        reason=reason.strip(),
        person_id=person_id,
    )
    return number


def _no_such_loss(strategy: Strategy, source: str, kind: str, leaf: str | None) -> StrategyError:
    losses = render(strategy, source).losses
    kinds = sorted({loss.kind for loss in losses if loss.direction == "narrows"})
    known = ", ".join(kinds) or "none: nothing narrows there"
    where = f" of {leaf}" if leaf else ""
    return StrategyError(
        f"The strategy has no narrowing loss {kind!r}{where} at {source}.",
        remedy=f"Kinds there are: {known}.",
    )


def map_leaf(
    session: WriteSession,
    review_id: int,
    *,
    source: str,
    leaf: str,
    other: str,
    reason: str,
    person_id: int | None,
) -> int:
    """Replace a leaf at one source. What is sent changes by it, so it makes a new version.

    Returns:
        The number of the new version.

    Raises:
        StrategyError: there is no such source or leaf, or the replacement cannot be read.
        NotFound: the review has no strategy.
    """
    if source not in WRITERS:
        raise StrategyError(
            f"There is no source {source!r}.", remedy=f"The sources are: {', '.join(WRITERS)}."
        )
    found = current(session, review_id)
    known = {loss.leaf for loss in render(found.strategy, source).losses}
    if leaf not in known:
        raise StrategyError(
            f"The strategy loses no {leaf} at {source}.",
            remedy="Write the leaf as `winnow strategy render` lists it.",
        )
    body = dict(found.info.body)
    kept = [
        item
        for item in body.get("replace", [])
        if (item.get("source"), item.get("leaf")) != (source, leaf)
    ]
    item = {"source": source, "leaf": leaf, "with": other, "reason": reason}
    body["replace"] = [*kept, {key: value for key, value in item.items() if value}]
    return save(
        session, review_id, body, reason=f"{leaf} replaced at {source}", person_id=person_id
    )


def by_kind(losses: Iterable[Loss]) -> dict[str, list[Loss]]:
    """Losses by their kind, in their order."""
    found: dict[str, list[Loss]] = {}
    for loss in losses:
        found.setdefault(loss.kind, []).append(loss)
    return found


def narrowing(losses: Sequence[Loss]) -> dict[str, list[Loss]]:
    """Losses that block, by kind."""
    return by_kind(loss for loss in losses if loss.blocks)


def loss_json(loss: Loss) -> dict[str, Any]:
    """A loss as JSON."""
    return {
        "leaf": loss.leaf,
        "kind": loss.kind,
        "direction": loss.direction,
        "places": list(loss.places),
        "accepted": loss.accepted,
    }


def line_name(name: str) -> int | str:
    """A line's name as JSON: a number where it is one."""
    return int(name) if name.isdigit() else name


def unlocked(
    session: ReadSession, review_id: int, body: Mapping[str, Any], *, confirm: bool
) -> None:
    """Refuse to save while that would turn known relevant records that nobody agreed to turn.

    Raises:
        NeedsConfirmation: records were shown as missed, and the text is a new one.
    """
    turned = set(strategies.opened_gold(session, review_id))
    before = strategies.versions(session, review_id)
    if not turned or confirm or (before and dict(before[0].body) == dict(body)):
        return
    titles = [
        info.title or info.doi or info.pmid or "?"
        for info in gold.everything(session, review_id)
        if info.id in turned
    ]
    raise NeedsConfirmation(
        f"{len(turned)} known relevant records were shown as missed by the search "
        f"({'; '.join(titles[:5])}). By saving a new version they become development records: "
        "recall computed from them is no estimate from this version on."
    )


class NeedsConfirmation(ValueError):
    """Saving would turn known relevant records into development ones.

    Attributes:
        remedy: what to do.
    """

    remedy = "Save with --yes (or tick the box) if the strategy may have been written to find them."
