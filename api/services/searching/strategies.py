"""A review's strategy: read, saved in versions, shown line by line."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.protocol import ProtocolBody
from api.refusals import ConfirmationNeeded
from api.services.reviews.protocols import get_protocol_body
from api.services.searching.losses import WARNINGS, find_covered_losses
from harvest.errors import StrategyError
from harvest.json_text import parse_json
from harvest.render.registry import WRITERS, Rendered, render
from harvest.strategy.limits import ReviewLimits
from harvest.strategy.limits import list_limit_warnings as compare_limits
from harvest.strategy.readers import find_reader
from harvest.strategy.syntax import Syntax
from harvest.strategy.toml import from_dict, get_text
from harvest.strategy.tree import Acceptance, Strategy
from store.core.session import ReadSession, Store, WriteSession
from store.reviews import reviews
from store.searching import gold, strategies
from store.searching.strategies import AcceptanceInfo, Hits, NewStrategy, StrategyVersion

_DOCUMENTS: Mapping[str, Callable[[str], Any]] = {".toml": tomllib.loads, ".json": parse_json}
# What a pasted text leaves as it was in the version before.
_KEPT = ("title", "note", "status", "replace", "accept")


@dataclass(frozen=True, slots=True)
class CurrentStrategy:
    """A stored version, and its tree with all losses that were accepted so far."""

    info: StrategyVersion
    strategy: Strategy

    def rendered(self, source: str, line: str | None = None) -> Rendered:
        """The strategy in a source's syntax, accepted losses marked.

        Raises:
            StrategyError: the source is unknown, or cannot express anything of it, or the version
                was saved in another platform's syntax by an older Winnow.
        """
        find_reader(get_text(self.info.body))
        return render(self.strategy, source, line)


@dataclass(frozen=True, slots=True)
class CountedLine:
    """A line of a strategy with its newest hits by source; None if they could not be counted."""

    number: int | str
    label: str | None
    text: str
    hits: dict[str, int | None]


def read_body(
    text: str, suffix: str = "", *, use: str | None = None, syntax: Syntax | None = None
) -> dict[str, Any]:
    """A strategy's document from a file's text: TOML or JSON by its suffix, else plain text.

    Args:
        text: the file's text.
        suffix: the end of the file's name.
        use: name of the line to run; None for the document's own, or the last.
        syntax: the syntax of its lines; None to recognise it.

    Raises:
        StrategyError: it cannot be read, or is in a syntax that Winnow does not read.
    """
    body: Any = {"text": text}
    if suffix in _DOCUMENTS:
        try:
            body = _DOCUMENTS[suffix](text)
        except ValueError as error:
            raise _not_a_document(text, suffix, error) from error
        except RecursionError as error:
            raise StrategyError(
                "The file's lists are nested too deeply.", remedy="Write them in fewer levels."
            ) from error
    if not isinstance(body, dict):
        raise StrategyError(
            "The file holds no strategy.", remedy="Write an object with lines or blocks."
        )
    if use is not None:
        body["use"] = use
    from_dict(body, reader=find_reader(get_text(body), syntax))
    return body


def _not_a_document(text: str, suffix: str, error: ValueError) -> StrategyError:
    # Both libraries end their message with the place, or with "at end of document".
    place = re.search(r"line (\d+),? column (\d+)", str(error))
    lines = text.rstrip().split("\n")
    return StrategyError(
        f"The file is not {suffix[1:].upper()}: {error}.",
        remedy="Correct it there.",
        line=int(place.group(1)) if place else len(lines),
        column=int(place.group(2)) if place else len(lines[-1]) + 1,
    )


def get_current(session: ReadSession, review_id: int, number: int | None = None) -> CurrentStrategy:
    """A stored version, the newest by default.

    Raises:
        NotFound: the review has no such version.
    """
    return _read(strategies.get_version(session, review_id, number))


def get_strategy(session: ReadSession, review_id: int, strategy_id: int) -> CurrentStrategy:
    """A stored version by its id.

    Raises:
        NotFound: the review has no such version.
    """
    return _read(strategies.get_version_by_id(session, review_id, strategy_id))


def _read(info: StrategyVersion) -> CurrentStrategy:
    strategy = from_dict(info.body)
    accepted = tuple(Acceptance(a.source, a.kind, a.reason, a.leaf) for a in info.acceptances)
    return CurrentStrategy(
        info, dataclasses.replace(strategy, acceptances=(*strategy.acceptances, *accepted))
    )


def list_limit_warnings(
    session: ReadSession, review_id: int, strategy: Strategy, line: str | None = None
) -> list[str]:
    """Sentences on where a line of a strategy limits otherwise than the newest protocol.

    Empty if the line cannot be read; what is wrong with it is said elsewhere.
    """
    body = get_protocol_body(session, review_id)
    return compare_with_protocol(strategy, body, line)


def compare_with_protocol(
    strategy: Strategy, body: ProtocolBody, line: str | None = None
) -> list[str]:
    """The same for a protocol at hand."""
    limits = body.limits
    wanted = ReviewLimits(limits.year_from, limits.year_to, limits.languages, limits.types)
    try:
        return compare_limits(strategy, wanted, line)
    except StrategyError:
        return []


def list_counted_lines(strategy: Strategy, hits: Sequence[Hits]) -> list[CountedLine]:
    """Lines of a strategy with their hits."""
    return [
        CountedLine(
            line_name(line.name),
            line.label,
            line.text,
            {h.source: h.hits for h in hits if h.line == line.name},
        )
        for line in strategy.lines.values()
    ]


def line_name(name: str) -> int | str:
    """A line's name as JSON: a number if it is one."""
    return int(name) if name.isdigit() else name


@dataclass(frozen=True, slots=True)
class StrategyDraft:
    """A strategy that a person wants to save.

    Attributes:
        body: its document.
        reason: why it was changed.
        peer_review: how it was peer reviewed; "" for not at all, None to leave what is stored.
        confirm: whether known relevant records that were shown as missed may become development
            records.
        keep_notes: keep title, note, replacements and acceptances of the version before.
    """

    body: Mapping[str, Any]
    reason: str | None = None
    peer_review: str | None = None
    confirm: bool = False
    keep_notes: bool = False


@dataclass(frozen=True, slots=True)
class SavedStrategy:
    """A version that was saved; ``turned`` known relevant records became development by it."""

    info: StrategyVersion
    turned: int


def save_strategy(
    store: Store, review_id: int, draft: StrategyDraft, *, person_id: int | None
) -> SavedStrategy:
    """Save a new version; the same document again makes none.

    Raises:
        StrategyError: the document is no strategy.
        ConfirmationNeeded: known relevant records would become development records.
    """
    with store.write() as session:
        reviews.lock_review(session, review_id)
        body = dict(draft.body)
        if draft.keep_notes and (before := strategies.list_versions(session, review_id)):
            body = {k: v for k, v in before[0].body.items() if k in _KEPT} | body
        from_dict(body, reader=find_reader(get_text(body)))
        require_confirmation(session, review_id, body, confirm=draft.confirm)
        seen = strategies.list_seen_gold(session, review_id)
        number = save_version(session, review_id, body, reason=draft.reason, person_id=person_id)
        info = strategies.get_version(session, review_id, number)
        if draft.peer_review is not None and (draft.peer_review or None) != info.peer_review:
            strategies.set_peer_review(
                session, review_id, info.id, draft.peer_review or None, person_id=person_id
            )
        left = strategies.list_seen_gold(session, review_id)
        return SavedStrategy(
            strategies.get_version(session, review_id, number), len(seen) - len(left)
        )


def save_version(
    session: WriteSession,
    review_id: int,
    body: Mapping[str, Any],
    *,
    reason: str | None,
    person_id: int | None,
) -> int:
    """Store a new version. Losses that were accepted before and are the same stay accepted.

    Returns:
        The number of the version that holds now.

    Raises:
        StrategyError: the document is no strategy.
    """
    strategy = from_dict(body)
    reviews.lock_review(session, review_id)
    before = strategies.list_versions(session, review_id)
    carried = []
    if before:
        old = from_dict(before[0].body)
        carried = [a for a in before[0].acceptances if _still_covers(a, old, strategy)]
    new = NewStrategy(body, reason, carried)
    return strategies.create_version(session, review_id, new, person_id=person_id)


def _still_covers(given: AcceptanceInfo, old: Strategy, new: Strategy) -> bool:
    """Whether an acceptance covers losses of the new version, and none that it did not before."""
    if given.kind in WARNINGS or given.source not in WRITERS:
        return False
    before, now = (
        {loss.leaf for loss in find_covered_losses(strategy, given.source, given.kind, given.leaf)}
        for strategy in (old, new)
    )
    return bool(now) and now <= before


def require_confirmation(
    session: ReadSession, review_id: int, body: Mapping[str, Any], *, confirm: bool
) -> None:
    """Refuse a new version that would turn known relevant records without anybody's consent.

    Raises:
        ConfirmationNeeded: records were shown as missed, and the document is a new one.
    """
    turned = set(strategies.list_seen_gold(session, review_id))
    before = strategies.list_versions(session, review_id)
    if not turned or confirm or (before and dict(before[0].body) == dict(body)):
        return
    titles = [
        info.title or info.doi or info.pmid or "?"
        for info in gold.list_gold(session, review_id)
        if info.id in turned
    ]
    shown = "1 known study was" if len(turned) == 1 else f"{len(turned)} known studies were"
    raise ConfirmationNeeded(
        f"{shown} shown as missed by the search ({'; '.join(titles[:5])}). Once you save a new "
        "version, they count as having shaped the search: figures from them are no "
        "longer an estimate."
    )
