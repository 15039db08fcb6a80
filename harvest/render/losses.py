"""What a source's syntax cannot say, and in which direction each loss moves the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from harvest.errors import StrategyError
from harvest.strategy.tree import (
    Acceptance,
    Leaf,
    Limit,
    LimitKind,
    Placed,
    Strategy,
    leaves,
    placed,
    placed_at,
)
from harvest.strategy.write import leaf_text

Direction = Literal["narrows", "broadens"]
Own = Literal["narrows", "broadens", "unknown"]


@dataclass(frozen=True, slots=True)
class Loss:
    """One leaf that a source cannot express as it stands.

    Attributes:
        leaf: the leaf in PubMed's syntax.
        kind: short word for what was lost, such as ``thesaurus`` or ``phrase-truncation``.
        direction: whether the source finds less or more by it; unknown counts as less.
        places: paths of line numbers by which the leaf is reached, such as "7/1".
        accepted: why a searcher accepts it; None while nobody has.
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
class Said:
    """How a source says a leaf.

    Attributes:
        text: in its syntax; None where it cannot say it at all.
        kind: what was lost, None for nothing.
        own: direction of a change in itself; a dropped leaf gets its direction from its place.
    """

    text: str | None
    kind: str | None = None
    own: Own | None = None


class Dialect(Protocol):
    """A source's syntax.

    Attributes:
        name: the source's short name.
        outside: kinds of limits that the source applies beside the expression, not within it.
    """

    name: str
    outside: frozenset[LimitKind]

    def leaf(self, leaf: Leaf) -> Said:
        """A leaf in the source's syntax."""
        ...


@dataclass(frozen=True, slots=True)
class Compiled:
    """A strategy as a source will run it.

    Attributes:
        tree: without what was dropped, leaves replaced as the searcher chose: what is applied
            locally to what comes back.
        losses: every change and drop, one entry a leaf, kind and direction.
        said: the source's words for each leaf of the tree.
        limits: what the source applies beside the expression.
    """

    tree: Placed
    losses: tuple[Loss, ...]
    said: Mapping[Leaf, str]
    limits: tuple[Limit, ...] = ()

    @property
    def blocked(self) -> bool:
        """Whether a narrowing loss stands that nobody has accepted."""
        return any(loss.blocks for loss in self.losses)


def compile_for(strategy: Strategy, dialect: Dialect, name: str | None = None) -> Compiled:
    """A strategy line in a source's terms, its losses told.

    A dropped leaf narrows below an OR and broadens below an AND; an operator that it leaves empty
    is itself dropped and judged at its own parent. Each NOT above turns the direction once.

    Raises:
        StrategyError: nothing of the strategy can be said at the source.
    """
    tree = _with_replacements(strategy, dialect.name, placed(strategy, name))
    compiler = _Compiler(dialect)
    rest, limits = _limits_apart(tree, dialect.outside)
    kept = None if rest is None else compiler.node(rest)
    if kept is None:
        raise StrategyError(
            f"Nothing of the strategy can be said at {dialect.name}.",
            remedy="Replace its leaves for this source by words that it can search.",
        )
    return Compiled(kept, compiler.losses(strategy.acceptances), compiler.said, limits)


def _limits_apart(
    tree: Placed, kinds: frozenset[LimitKind]
) -> tuple[Placed | None, tuple[Limit, ...]]:
    """Limits that hold for the whole, taken out of the expression."""
    if isinstance(tree.node, Limit) and tree.node.kind in kinds:
        return None, (tree.node,)
    if tree.node != "and":
        return tree, ()
    kept: list[Placed] = []
    limits: list[Limit] = []
    for child in tree.children:
        rest, found = _limits_apart(child, kinds)
        limits.extend(found)
        if rest is not None:
            kept.append(rest)
    if not limits:
        return tree, ()
    return (Placed("and", tree.path, tuple(kept)) if kept else None), tuple(limits)


def _with_replacements(strategy: Strategy, source: str, tree: Placed) -> Placed:
    chosen = {r.leaf: r.node for r in strategy.replacements if r.source == source}
    if not chosen:
        return tree

    def walk(node: Placed) -> Placed:
        if node.node in ("and", "or", "not"):
            return Placed(node.node, node.path, tuple(walk(child) for child in node.children))
        other = chosen.get(leaf_text(node.leaf))
        return node if other is None else placed_at(strategy, other, node.path)

    return walk(tree)


class _Compiler:
    """Walks the tree once; what it drops is judged at the parent that outlives it."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._found: dict[tuple[str, str, Direction], dict[str, None]] = {}
        self.said: dict[Leaf, str] = {}

    def node(self, node: Placed) -> Placed | None:
        """The tree as far as the source can say it; None where nothing is left of it."""
        return self._node(node, negated=False)[0]

    def _node(
        self, node: Placed, *, negated: bool
    ) -> tuple[Placed | None, list[tuple[Placed, str]]]:
        """The node and the leaves that were dropped and are not judged yet."""
        if node.node == "not":
            kept, lost = self._node(node.children[0], negated=not negated)
            return (None if kept is None else Placed("not", node.path, (kept,))), lost
        if node.node in ("and", "or"):
            return self._operator(node, negated=negated)
        return self._leaf(node, negated=negated)

    def _operator(
        self, node: Placed, *, negated: bool
    ) -> tuple[Placed | None, list[tuple[Placed, str]]]:
        kept: list[Placed] = []
        gone: list[tuple[Placed, str]] = []
        for child in node.children:
            left, lost = self._node(child, negated=negated)
            if left is not None:
                kept.append(left)
            gone.extend(lost)
        if not kept or (all(child.node == "not" for child in kept) and node.node == "and"):
            # Only NOTs are left: no source can search for what a record is not.
            gone.extend((leaf, "not-alone") for child in kept for leaf in leaves(child))
            return None, gone
        narrows = (node.node == "or") != negated
        for leaf, kind in gone:
            self._tell(leaf, kind, "narrows" if narrows else "broadens")
        return Placed(node.node, node.path, tuple(kept)), []

    def _leaf(
        self, node: Placed, *, negated: bool
    ) -> tuple[Placed | None, list[tuple[Placed, str]]]:
        leaf = node.leaf
        said = self._dialect.leaf(leaf)
        if said.text is None:
            return None, [(node, said.kind or "dropped")]
        self.said[leaf] = said.text
        if said.kind is not None:
            if said.own == "unknown":
                direction: Direction = "narrows"
            else:
                direction = "narrows" if (said.own == "narrows") != negated else "broadens"
            self._tell(node, said.kind, direction)
        return node, []

    def _tell(self, node: Placed, kind: str, direction: Direction) -> None:
        key = (leaf_text(node.leaf), kind, direction)
        self._found.setdefault(key, {})["/".join(node.path)] = None

    def losses(self, acceptances: tuple[Acceptance, ...]) -> tuple[Loss, ...]:
        """What was lost, with what a searcher accepted of it."""
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
            for (leaf, kind, direction), places in self._found.items()
        )


def _accepted(source: str, leaf: str, kind: str, acceptances: tuple[Acceptance, ...]) -> str | None:
    for given in acceptances:
        if given.source == source and given.kind == kind and given.leaf in (None, leaf):
            return given.reason
    return None
