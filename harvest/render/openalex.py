"""OpenAlex's search syntax: exact search of title and abstract, split to fit into its URLs."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from harvest.errors import StrategyError
from harvest.languages import language_codes
from harvest.render.dates import first_and_last_day
from harvest.render.losses import ChangeDirection, Compiled, RenderedLeaf
from harvest.strategy.tree import Expanded, Leaf, Limit, LimitKind, Text, Thesaurus
from harvest.strategy.write import tree_text

# Bytes left for one filter: the server accepts 4,094 for the whole URL, which also holds the
# address, a cursor, the page size and the sort key.
FILTER_BYTES = 3400
_STEM = 3
# A comma separates filters, a bar separates values, a colon separates names from values.
_SPECIAL = re.compile(r'["\\,|:()!~?/{}\[\]^+-]')
_SEARCH = "title_and_abstract.search.exact"


class OpenAlex:
    """OpenAlex's search syntax in its unstemmed mode, the only one that can truncate words."""

    name = "openalex"
    outside: frozenset[LimitKind] = frozenset({"years", "language"})

    def leaf(self, leaf: Leaf) -> RenderedLeaf:
        """A leaf in OpenAlex's syntax."""
        if isinstance(leaf, Thesaurus):
            return RenderedLeaf(None, "thesaurus")
        if isinstance(leaf, Limit):
            return RenderedLeaf(None, "limit")
        return _text(leaf)


def _text(leaf: Text) -> RenderedLeaf:
    words = [_SPECIAL.sub(" ", word).strip() for word in leaf.words.replace("-", " ").split()]
    words = [word for word in words if word]
    searchable = [word for word in words if "*" not in word or len(word.split("*")[0]) >= _STEM]
    if not searchable:
        return RenderedLeaf(None, "truncation")
    loss: str | None = None
    direction: ChangeDirection | None = None
    if leaf.near is not None and not leaf.truncated:
        # A phrase's slop counts moves of words; this many allow any order within the distance.
        slop = leaf.near + 2 * (len(words) - 1)
        loss, direction, text = "proximity", "broadens", f'"{" ".join(words)}"~{slop}'
    elif len(words) > 1 and leaf.truncated:
        # Words can only be truncated outside quotes.
        loss = "proximity" if leaf.near is not None else "phrase-truncation"
        direction, text = "broadens", " AND ".join(searchable)
    else:
        text = f'"{" ".join(words)}"' if len(words) > 1 else words[0]
    if leaf.field == "title":
        loss, direction = "field", "broadens"
    elif leaf.field != "title-abstract":
        loss, direction = "field", "unknown"
    return RenderedLeaf(f"({text})" if " AND " in text else text, loss, direction)


def _limit(limit: Limit) -> str:
    if limit.kind == "years":
        first, last = first_and_last_day(limit.value)
        return f"from_publication_date:{first},to_publication_date:{last}"
    codes = language_codes(limit.value)
    if codes is None:
        raise StrategyError(
            f"OpenAlex has no language {limit.value!r}.",
            remedy="Write the language's English name, or remove the limit for this source.",
        )
    return f"language:{codes[0]}"


def queries(compiled: Compiled, *, limit: int = FILTER_BYTES) -> list[str]:
    """The values of ``filter`` to send; their combined results are the strategy's.

    An OR that is too long for one URL is split: (a OR b) AND c is (a AND c) OR (b AND c). A NOT is
    repeated in every part.

    Raises:
        StrategyError: a single part is too long for a URL.
    """

    def write(tree: Expanded) -> str:
        parts = [f"{_SEARCH}:{tree_text(tree, compiled.leaf_texts.__getitem__)}"]
        return ",".join([*parts, *map(_limit, compiled.limits)])

    def fits(tree: Expanded) -> bool:
        return len(quote(write(tree), safe="")) <= limit

    return [write(part) for part in split_to_fit(compiled.tree, fits)]


def split_to_fit(tree: Expanded, fits: Callable[[Expanded], bool]) -> list[Expanded]:
    """Split a tree into parts that fit and whose union is the tree.

    Raises:
        StrategyError: a part that cannot be split does not fit.
    """
    if fits(tree):
        return [tree]
    tree = _flatten(tree)
    if tree.node == "or":
        return _group_children(tree, fits)
    if tree.node == "and":
        # Splitting the longest OR in two keeps the number of parts small.
        wide = [child for child in tree.children if child.node == "or" and len(child.children) > 1]
        if wide:
            longest = max(wide, key=lambda child: len(tree_text(child)))
            halves = _halves(longest)
            return [
                part for half in halves for part in split_to_fit(_with(tree, longest, half), fits)
            ]
    raise StrategyError(
        "Part of the strategy is too long for one OpenAlex address.",
        remedy="Shorten the line, or replace a long NOT for this source.",
    )


def _flatten(tree: Expanded) -> Expanded:
    """The same tree without operators of one child, or within an operator of the same kind."""
    if tree.node not in ("and", "or"):
        return tree
    children: list[Expanded] = []
    for child in map(_flatten, tree.children):
        children.extend(child.children if child.node == tree.node else (child,))
    return children[0] if len(children) == 1 else Expanded(tree.node, tree.path, tuple(children))


def _with(tree: Expanded, child: Expanded, other: Expanded) -> Expanded:
    children = tuple(other if kept is child else kept for kept in tree.children)
    return Expanded(tree.node, tree.path, children)


def _halves(node: Expanded) -> tuple[Expanded, Expanded]:
    """Split an OR into two of about the same length."""
    total = sum(len(tree_text(child)) for child in node.children)
    left: list[Expanded] = []
    length = 0
    for child in node.children[:-1]:
        if left and length + len(tree_text(child)) > total / 2:
            break
        left.append(child)
        length += len(tree_text(child))
    right = node.children[len(left) :]
    return Expanded("or", node.path, tuple(left)), Expanded("or", node.path, right)


def _group_children(tree: Expanded, fits: Callable[[Expanded], bool]) -> list[Expanded]:
    """Group the children of an OR, in order, into as few parts as fit."""
    groups: list[Expanded] = []
    open_group: list[Expanded] = []
    for child in tree.children:
        grown = Expanded("or", tree.path, (*open_group, child))
        if fits(grown):
            open_group.append(child)
            continue
        if open_group:
            groups.append(Expanded("or", tree.path, tuple(open_group)))
            open_group = []
        if fits(child):
            open_group.append(child)
        else:
            groups.extend(split_to_fit(child, fits))
    if open_group:
        groups.append(Expanded("or", tree.path, tuple(open_group)))
    return groups
