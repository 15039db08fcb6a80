"""The strategy as a tree of leaves and operators, and the strategy as numbered lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from harvest.errors import StrategyError

# "mapped" is PubMed's way with a word that has no field: all fields, and headings found for it.
Field = Literal["title", "title-abstract", "keyword", "text-word", "all", "mapped"]
LimitKind = Literal["years", "language", "type"]


@dataclass(frozen=True, slots=True)
class Text:
    """A word or phrase to be found in text.

    Attributes:
        words: as searched; ``*`` stands for any letters within a word.
        field: where it is sought.
        near: None for a phrase as it stands; else the words may come in any order with at most
            so many others among them.
    """

    words: str
    field: Field = "title-abstract"
    near: int | None = None

    @property
    def truncated(self) -> bool:
        """Whether a word of it is cut."""
        return "*" in self.words

    @property
    def phrase(self) -> bool:
        """Whether it has several words; a hyphen parts words as a blank does."""
        return len(self.words.replace("-", " ").split()) > 1


@dataclass(frozen=True, slots=True)
class Thesaurus:
    """A heading of a controlled vocabulary.

    Attributes:
        heading: the preferred term.
        vocabulary: short name; "mesh" is the only one whose syntax we read.
        exploded: whether narrower headings count too.
        major: whether it must be a main topic of the record.
        qualifier: the subheading, None for any.
    """

    heading: str
    vocabulary: str = "mesh"
    exploded: bool = True
    major: bool = False
    qualifier: str | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit: years ("2011:2022" or with months and days), a language, or a publication type."""

    kind: LimitKind
    value: str


Leaf = Text | Thesaurus | Limit


@dataclass(frozen=True, slots=True)
class And:
    """All children."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any child."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Not the child; it stands among the children of an ``And`` only."""

    child: Node


@dataclass(frozen=True, slots=True)
class Ref:
    """Another line of the strategy, by its name ("7", or "A" for a block)."""

    line: str


Node = Leaf | And | Or | Not | Ref


@dataclass(frozen=True, slots=True)
class Line:
    """One numbered line or one block.

    Attributes:
        name: number or block name, as text.
        node: its tree; other lines stay references.
        text: as the searcher wrote it, normalised.
        label: what the searcher calls it, if anything.
        position: line of the file it begins on.
    """

    name: str
    node: Node
    text: str
    label: str | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Replacement:
    """A replacement that a searcher chose for a leaf at one source."""

    source: str
    leaf: str
    node: Node
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A narrowing loss that a searcher accepted in writing, for one leaf or for all of a kind."""

    source: str
    kind: str
    reason: str
    leaf: str | None = None


@dataclass(frozen=True, slots=True)
class Strategy:
    """Numbered lines, of which one is the strategy.

    Attributes:
        lines: by name, in the order in which they were written.
        use: name of the line that is the strategy.
        notices: what was normalised or guessed in reading, for showing.
        note: a sentence that is to stand wherever the strategy is shown.
        alternatives: names of lines that are strategies too, such as a more precise one.
    """

    lines: Mapping[str, Line]
    use: str
    title: str | None = None
    note: str | None = None
    notices: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    replacements: tuple[Replacement, ...] = ()
    acceptances: tuple[Acceptance, ...] = ()

    @property
    def root(self) -> Node:
        """Tree of the line that is the strategy."""
        return self.lines[self.use].node


@dataclass(frozen=True, slots=True)
class Placed:
    """A node without references: each leaf knows by which lines it was reached.

    Attributes:
        node: operators hold ``Placed`` children through ``children``.
        path: names of the lines from the strategy line down, such as ("7", "1").
    """

    node: Leaf | Literal["and", "or", "not"]
    path: tuple[str, ...]
    children: tuple[Placed, ...] = field(default=())

    @property
    def leaf(self) -> Leaf:
        """The leaf that it is.

        Raises:
            ValueError: it is an operator.
        """
        if isinstance(self.node, str):
            raise ValueError(f"{self.node!r} is an operator")
        return self.node


def placed(strategy: Strategy, name: str | None = None) -> Placed:
    """The strategy line with its references followed.

    Raises:
        StrategyError: a line refers to itself or to nothing.
    """
    return placed_at(strategy, Ref(name or strategy.use), ())


def placed_at(strategy: Strategy, node: Node, path: tuple[str, ...]) -> Placed:
    """A node, reached by these lines, with its references followed.

    Raises:
        StrategyError: a line refers to itself or to nothing.
    """
    if isinstance(node, Ref):
        check_reference(strategy.lines, node.line, path)
        return placed_at(strategy, strategy.lines[node.line].node, (*path, node.line))
    if isinstance(node, And | Or):
        children = tuple(placed_at(strategy, child, path) for child in node.children)
        return Placed("and" if isinstance(node, And) else "or", path, children)
    if isinstance(node, Not):
        return Placed("not", path, (placed_at(strategy, node.child, path),))
    return Placed(node, path)


def check_reference(lines: Mapping[str, Line], name: str, path: tuple[str, ...]) -> None:
    """Refuse a reference to nothing and one that comes back to where it started.

    Raises:
        StrategyError: it does.
    """
    at = lines[path[-1]].position if path and path[-1] in lines else None
    if name not in lines:
        known = ", ".join(lines) or "none"
        raise StrategyError(
            f"There is no line #{name}"
            + (f", to which line #{path[-1]} refers." if path else " in the strategy."),
            remedy=f"The lines are: {known}.",
            line=at,
        )
    if name in path:
        round_trip = " → ".join(f"#{step}" for step in (*path[path.index(name) :], name))
        raise StrategyError(
            f"Line #{name} refers to itself: {round_trip}.",
            remedy="Write each line from lines that do not need it.",
            line=at,
        )


def leaves(node: Placed) -> Iterator[Placed]:
    """All leaves below a node, left to right."""
    if node.children:
        for child in node.children:
            yield from leaves(child)
    else:
        yield node


def conjunction(nodes: list[Node]) -> Node:
    """One node that holds where all hold; chains are kept flat."""
    flat: list[Node] = []
    for node in nodes:
        flat.extend(node.children if isinstance(node, And) else (node,))
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def disjunction(nodes: list[Node]) -> Node:
    """One node that holds where any holds; chains are kept flat."""
    flat: list[Node] = []
    for node in nodes:
        flat.extend(node.children if isinstance(node, Or) else (node,))
    return flat[0] if len(flat) == 1 else Or(tuple(flat))
