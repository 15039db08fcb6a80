"""A search strategy as numbered lines, and each line as a tree of operators and leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from harvest.errors import StrategyError

# "mapped" is what PubMed does with a word that has no field: it searches all fields and any
# headings that it finds for the word.
Field = Literal["title", "title-abstract", "keyword", "text-word", "all", "mapped"]
LimitKind = Literal["years", "language", "type", "filter", "journal", "subheading"]


@dataclass(frozen=True, slots=True)
class Text:
    """A word or phrase to find in text.

    Attributes:
        words: as searched; ``*`` stands for any letters within a word.
        field: where to look.
        near: None for an exact phrase; otherwise the words may come in any order, with at most this
            many others between them.
        loose: several words without quotes and field. PubMed looks for headings and phrases in
            them, and joins the rest by AND.
    """

    words: str
    field: Field = "title-abstract"
    near: int | None = None
    loose: bool = False

    @property
    def truncated(self) -> bool:
        """Whether any of its words is truncated."""
        return "*" in self.words

    @property
    def phrase(self) -> bool:
        """Whether it has several words; a hyphen separates words as a space does."""
        return len(self.words.replace("-", " ").split()) > 1


@dataclass(frozen=True, slots=True)
class Thesaurus:
    """A heading of a controlled vocabulary.

    Attributes:
        heading: the preferred term.
        vocabulary: short name; "mesh" is the only one whose syntax we can parse.
        exploded: whether narrower headings count too.
        major: whether it must be a major topic of the record.
        qualifier: the subheading; None for any.
    """

    heading: str
    vocabulary: str = "mesh"
    exploded: bool = True
    major: bool = False
    qualifier: str | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit: years ("2011:2022" or with months and days), a language, a publication type.

    ``filter`` is one of PubMed's own, such as "humans"; ``subheading`` is one of any MeSH heading.
    """

    kind: LimitKind
    value: str


Leaf = Text | Thesaurus | Limit


@dataclass(frozen=True, slots=True)
class And:
    """Matches if all children match."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Matches if any child matches."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Matches if the child does not; only used among the children of an ``And``."""

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
        node: its tree, with references to other lines.
        text: as the searcher wrote it, normalised.
        label: the searcher's name for it, if any.
        position: line of the file where it starts.
        reported: items that the platform's search history says it found, if the text is one.
    """

    name: str
    node: Node
    text: str
    label: str | None = None
    position: int | None = None
    reported: int | None = None


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
    """Numbered lines, one of which is run.

    Attributes:
        lines: by name, in the order in which they were written.
        use: name of the line to run.
        notices: what was normalised or guessed while parsing, to show to the searcher.
        note: a sentence to show wherever the strategy is shown.
        alternatives: names of other lines that could be run, such as a more precise one.
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
        """Tree of the line to run."""
        return self.lines[self.use].node


@dataclass(frozen=True, slots=True)
class Expanded:
    """A node with its references to other lines replaced by their trees.

    Attributes:
        node: operators hold ``Expanded`` children through ``children``.
        path: names of the lines that lead to the node, such as ("7", "1").
    """

    node: Leaf | Literal["and", "or", "not"]
    path: tuple[str, ...]
    children: tuple[Expanded, ...] = field(default=())

    @property
    def leaf(self) -> Leaf:
        """The node as a leaf.

        Raises:
            ValueError: it is an operator.
        """
        if isinstance(self.node, str):
            raise ValueError(f"{self.node!r} is an operator")
        return self.node


def expand(strategy: Strategy, name: str | None = None) -> Expanded:
    """Expand a line of the strategy, by default the line to run.

    Raises:
        StrategyError: a line refers to itself, or to a line that does not exist.
    """
    return expand_node(strategy, Ref(name or strategy.use), ())


def expand_node(strategy: Strategy, node: Node, path: tuple[str, ...]) -> Expanded:
    """Expand a node that these lines lead to.

    Raises:
        StrategyError: a line refers to itself, or to a line that does not exist.
    """
    if isinstance(node, Ref):
        _check_reference(strategy.lines, node.line, path)
        return expand_node(strategy, strategy.lines[node.line].node, (*path, node.line))
    if isinstance(node, And | Or):
        children = tuple(expand_node(strategy, child, path) for child in node.children)
        return Expanded("and" if isinstance(node, And) else "or", path, children)
    if isinstance(node, Not):
        return Expanded("not", path, (expand_node(strategy, node.child, path),))
    return Expanded(node, path)


def list_unused_lines(strategy: Strategy) -> list[str]:
    """Names of lines that no line uses, and that are neither run nor named as alternatives."""
    used = {strategy.use, *strategy.alternatives}
    for line in strategy.lines.values():
        used.update(_references(line.node))
    return [name for name in strategy.lines if name not in used]


def _references(node: Node) -> Iterator[str]:
    if isinstance(node, Ref):
        yield node.line
    elif isinstance(node, And | Or):
        for child in node.children:
            yield from _references(child)
    elif isinstance(node, Not):
        yield from _references(node.child)


def _check_reference(lines: Mapping[str, Line], name: str, path: tuple[str, ...]) -> None:
    """Refuse a reference to a missing line, or one that leads back to a line on the path."""
    position = lines[path[-1]].position if path and path[-1] in lines else None
    if name not in lines:
        raise StrategyError(
            f"Line #{path[-1]} refers to line #{name}, which does not exist."
            if path
            else f"There is no line #{name} in the strategy.",
            remedy=f"The lines are: {', '.join(lines) or 'none'}.",
            line=position,
        )
    if name in path:
        circle = " → ".join(f"#{step}" for step in (*path[path.index(name) :], name))
        raise StrategyError(
            f"Line #{name} refers to itself: {circle}.",
            remedy="Remove one of these references.",
            line=position,
        )


def leaves(node: Expanded) -> Iterator[Expanded]:
    """All leaves below a node, from left to right."""
    if node.children:
        for child in node.children:
            yield from leaves(child)
    else:
        yield node


def conjunction(nodes: list[Node]) -> Node:
    """Join nodes by AND; nested ANDs become one."""
    flat: list[Node] = []
    for node in nodes:
        flat.extend(node.children if isinstance(node, And) else (node,))
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def disjunction(nodes: list[Node]) -> Node:
    """Join nodes by OR; nested ORs become one."""
    flat: list[Node] = []
    for node in nodes:
        flat.extend(node.children if isinstance(node, Or) else (node,))
    return flat[0] if len(flat) == 1 else Or(tuple(flat))
