"""Compile a strategy for a source: what its syntax cannot express, and how each loss acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from harvest.errors import StrategyError
from harvest.strategy.tree import (
    Acceptance,
    Expanded,
    Leaf,
    Limit,
    LimitKind,
    Strategy,
    expand,
    expand_node,
    leaves,
)
from harvest.strategy.write import leaf_text

Direction = Literal["narrows", "broadens"]
ChangeDirection = Literal["narrows", "broadens", "unknown"]


@dataclass(frozen=True, slots=True)
class Loss:
    """A leaf that a source cannot express as written.

    Attributes:
        leaf: the leaf in PubMed's syntax.
        kind: short name of what was lost, such as ``thesaurus`` or ``phrase-truncation``.
        direction: whether the source then finds less ("narrows") or more; unknown counts as less.
        places: paths of line numbers that lead to the leaf, such as "7/1".
        accepted: why a searcher accepts it; None if nobody has.
    """

    leaf: str
    kind: str
    direction: Direction
    places: tuple[str, ...]
    accepted: str | None = None

    @property
    def blocks(self) -> bool:
        """Whether the strategy may not run at the source because of it."""
        return self.direction == "narrows" and self.accepted is None


@dataclass(frozen=True, slots=True)
class RenderedLeaf:
    """A leaf in a source's syntax.

    Attributes:
        text: None if the source cannot express it at all.
        loss: kind of loss; None if nothing was lost.
        direction: of the change to this leaf. If the leaf is dropped, its place in the tree decides
            the direction instead.
    """

    text: str | None
    loss: str | None = None
    direction: ChangeDirection | None = None


class Dialect(Protocol):
    """A source's syntax.

    Attributes:
        name: the source's short name.
        outside: kinds of limits that the source applies outside the search expression.
    """

    name: str
    outside: frozenset[LimitKind]

    def leaf(self, leaf: Leaf) -> RenderedLeaf:
        """A leaf in the source's syntax."""
        ...


@dataclass(frozen=True, slots=True)
class Compiled:
    """A strategy as a source will run it.

    Attributes:
        tree: without dropped leaves, and with the searcher's replacements; it can be applied again
            here to the records that come back.
        losses: every change and drop, once for each leaf, kind and direction.
        leaf_texts: each leaf of the tree in the source's syntax.
        limits: limits that the source applies outside the search expression.
    """

    tree: Expanded
    losses: tuple[Loss, ...]
    leaf_texts: Mapping[Leaf, str]
    limits: tuple[Limit, ...] = ()

    @property
    def blocked(self) -> bool:
        """Whether there is a narrowing loss that nobody has accepted."""
        return any(loss.blocks for loss in self.losses)


def compile_strategy(strategy: Strategy, dialect: Dialect, name: str | None = None) -> Compiled:
    """Compile a strategy line for a source and list the losses.

    Dropping a leaf narrows the search below an OR and broadens it below an AND. An operator left
    without children is dropped too, and the loss is judged at its parent. Each NOT above a leaf
    reverses the direction.

    Raises:
        StrategyError: the source's syntax cannot express any of the strategy.
    """
    tree = _with_replacements(strategy, dialect.name, expand(strategy, name))
    compiler = _Compiler(dialect)
    rest, limits = _split_limits(tree, dialect.outside)
    kept = None if rest is None else compiler.compile(rest)
    if kept is None:
        raise StrategyError(
            f"{dialect.name} cannot search for any part of the strategy.",
            remedy="Replace its terms for this source with words that it can search.",
        )
    return Compiled(kept, compiler.losses(strategy.acceptances), compiler.leaf_texts, limits)


def _split_limits(
    tree: Expanded, kinds: frozenset[LimitKind]
) -> tuple[Expanded | None, tuple[Limit, ...]]:
    """Take limits that apply to the whole strategy out of the expression."""
    if isinstance(tree.node, Limit) and tree.node.kind in kinds:
        return None, (tree.node,)
    if tree.node != "and":
        return tree, ()
    kept: list[Expanded] = []
    limits: list[Limit] = []
    for child in tree.children:
        rest, child_limits = _split_limits(child, kinds)
        limits.extend(child_limits)
        if rest is not None:
            kept.append(rest)
    if not limits:
        return tree, ()
    return (Expanded("and", tree.path, tuple(kept)) if kept else None), tuple(limits)


def _with_replacements(strategy: Strategy, source: str, tree: Expanded) -> Expanded:
    replacements = {r.leaf: r.node for r in strategy.replacements if r.source == source}
    if not replacements:
        return tree

    def replace(node: Expanded) -> Expanded:
        if node.node in ("and", "or", "not"):
            return Expanded(node.node, node.path, tuple(replace(child) for child in node.children))
        other = replacements.get(leaf_text(node.leaf))
        return node if other is None else expand_node(strategy, other, node.path)

    return replace(tree)


# A node as far as it can be expressed, and the dropped leaves (with the kind of loss) whose
# direction is still open.
_CompiledNode = tuple[Expanded | None, list[tuple[Expanded, str]]]


class _Compiler:
    """Walks the tree once. A dropped leaf is judged at its nearest ancestor that is kept."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        # Leaf, kind and direction to the places of the leaf; a dict keeps their order.
        self._places: dict[tuple[str, str, Direction], dict[str, None]] = {}
        self.leaf_texts: dict[Leaf, str] = {}

    def compile(self, node: Expanded) -> Expanded | None:
        """The part of the tree that the source can express, or None."""
        return self._node(node, negated=False)[0]

    def _node(self, node: Expanded, *, negated: bool) -> _CompiledNode:
        if node.node == "not":
            kept, dropped = self._node(node.children[0], negated=not negated)
            return (None if kept is None else Expanded("not", node.path, (kept,))), dropped
        if node.node in ("and", "or"):
            return self._operator(node, negated=negated)
        return self._leaf(node, negated=negated)

    def _operator(self, node: Expanded, *, negated: bool) -> _CompiledNode:
        kept: list[Expanded] = []
        dropped: list[tuple[Expanded, str]] = []
        for child in node.children:
            kept_child, dropped_below = self._node(child, negated=negated)
            if kept_child is not None:
                kept.append(kept_child)
            dropped.extend(dropped_below)
        if not kept or (all(child.node == "not" for child in kept) and node.node == "and"):
            # Only NOTs are left, and no source can search for what a record is not.
            dropped.extend((leaf, "not-alone") for child in kept for leaf in leaves(child))
            return None, dropped
        narrows = (node.node == "or") != negated
        for leaf, kind in dropped:
            self._note(leaf, kind, "narrows" if narrows else "broadens")
        return Expanded(node.node, node.path, tuple(kept)), []

    def _leaf(self, node: Expanded, *, negated: bool) -> _CompiledNode:
        rendered = self._dialect.leaf(node.leaf)
        if rendered.text is None:
            return None, [(node, rendered.loss or "dropped")]
        self.leaf_texts[node.leaf] = rendered.text
        if rendered.loss is not None:
            unknown = rendered.direction == "unknown"
            narrows = unknown or (rendered.direction == "narrows") != negated
            self._note(node, rendered.loss, "narrows" if narrows else "broadens")
        return node, []

    def _note(self, node: Expanded, kind: str, direction: Direction) -> None:
        key = (leaf_text(node.leaf), kind, direction)
        self._places.setdefault(key, {})["/".join(node.path)] = None

    def losses(self, acceptances: tuple[Acceptance, ...]) -> tuple[Loss, ...]:
        """All losses, with the searcher's reasons for accepting them."""
        return tuple(
            Loss(
                leaf,
                kind,
                direction,
                tuple(places),
                _accepted(self._dialect.name, leaf, kind, acceptances)
                if direction == "narrows"
                else None,
            )
            for (leaf, kind, direction), places in self._places.items()
        )


def _accepted(source: str, leaf: str, kind: str, acceptances: tuple[Acceptance, ...]) -> str | None:
    for acceptance in acceptances:
        same_loss = acceptance.source == source and acceptance.kind == kind
        if same_loss and acceptance.leaf in (None, leaf):
            return acceptance.reason
    return None
