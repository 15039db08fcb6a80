"""OpenAlex's syntax: an exact search of title and abstract, cut into URLs of limited length."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from harvest.errors import StrategyError
from harvest.render.dates import days
from harvest.render.languages import codes
from harvest.render.losses import Compiled, Own, Said
from harvest.strategy.tree import Leaf, Limit, LimitKind, Placed, Text, Thesaurus
from harvest.strategy.write import tree_text

# Bytes left for one filter: the server takes 4,094 for the whole URL, and a cursor, the page
# size, the sort key and the address itself need their share.
FILTER_BYTES = 3400
_STEM = 3
# A comma parts filters, a bar values, a colon names from values.
_SPECIAL = re.compile(r'["\\,|:()!~?/{}\[\]^+-]')
_SEARCH = "title_and_abstract.search.exact"


class OpenAlex:
    """OpenAlex's search syntax in its unstemmed mode, the only one that cuts words."""

    name = "openalex"
    outside: frozenset[LimitKind] = frozenset({"years", "language"})

    def leaf(self, leaf: Leaf) -> Said:
        """A leaf as OpenAlex says it."""
        if isinstance(leaf, Thesaurus):
            return Said(None, "thesaurus")
        if isinstance(leaf, Limit):
            return Said(None, "limit")
        return _text(leaf)


def _text(leaf: Text) -> Said:
    words = [_SPECIAL.sub(" ", word).strip() for word in leaf.words.replace("-", " ").split()]
    words = [word for word in words if word]
    fine = [word for word in words if "*" not in word or len(word.split("*")[0]) >= _STEM]
    if not fine:
        return Said(None, "truncation")
    kind: str | None = None
    own: Own | None = None
    if leaf.near is not None and not leaf.truncated:
        # A phrase's slop counts moves; with so many any order within the distance is found.
        slop = leaf.near + 2 * (len(words) - 1)
        kind, own, text = "proximity", "broadens", f'"{" ".join(words)}"~{slop}'
    elif len(words) > 1 and leaf.truncated:
        # Words are cut outside of quotes only.
        kind = "proximity" if leaf.near is not None else "phrase-truncation"
        own, text = "broadens", " AND ".join(fine)
    else:
        text = f'"{" ".join(words)}"' if len(words) > 1 else words[0]
    if leaf.field == "title":
        kind, own = "field", "broadens"
    elif leaf.field != "title-abstract":
        kind, own = "field", "unknown"
    return Said(f"({text})" if " AND " in text else text, kind, own)


def _limit(limit: Limit) -> str:
    if limit.kind == "years":
        first, last = days(limit.value)
        return f"from_publication_date:{first},to_publication_date:{last}"
    known = codes(limit.value)
    if known is None:
        raise StrategyError(
            f"OpenAlex has no language {limit.value!r}.",
            remedy="Write the language's English name, or take the limit out for this source.",
        )
    return f"language:{known[0]}"


def queries(compiled: Compiled, *, limit: int = FILTER_BYTES) -> list[str]:
    """The values of ``filter`` as they are sent; their results joined are the strategy's.

    An OR that is too long for one URL is cut: (a OR b) AND c is (a AND c) OR (b AND c). A NOT goes
    into every piece.

    Raises:
        StrategyError: a single part is too long for a URL.
    """

    def written(tree: Placed) -> str:
        parts = [f"{_SEARCH}:{tree_text(tree, compiled.said.__getitem__)}"]
        return ",".join([*parts, *map(_limit, compiled.limits)])

    def fits(tree: Placed) -> bool:
        return len(quote(written(tree), safe="")) <= limit

    return [written(piece) for piece in pieces(compiled.tree, fits)]


def pieces(tree: Placed, fits: Callable[[Placed], bool]) -> list[Placed]:
    """Trees that fit, whose union is the tree.

    Raises:
        StrategyError: a part that cannot be cut does not fit.
    """
    if fits(tree):
        return [tree]
    if tree.node == "or":
        return _grouped(tree, fits)
    if tree.node == "and":
        # Cutting the widest OR in two keeps the number of pieces small.
        wide = [child for child in tree.children if child.node == "or" and len(child.children) > 1]
        if wide:
            longest = max(wide, key=lambda child: len(tree_text(child)))
            halves = _halves(longest)
            return [piece for half in halves for piece in pieces(_with(tree, longest, half), fits)]
    raise StrategyError(
        "A part of the strategy is too long for one OpenAlex address.",
        remedy="Cut the line, or replace a long NOT for this source.",
    )


def _with(tree: Placed, child: Placed, other: Placed) -> Placed:
    children = tuple(other if kept is child else kept for kept in tree.children)
    return Placed(tree.node, tree.path, children)


def _halves(node: Placed) -> tuple[Placed, Placed]:
    """An OR in two of about the same length."""
    total = sum(len(tree_text(child)) for child in node.children)
    left: list[Placed] = []
    length = 0
    for child in node.children[:-1]:
        if left and length + len(tree_text(child)) > total / 2:
            break
        left.append(child)
        length += len(tree_text(child))
    right = node.children[len(left) :]
    return Placed("or", node.path, tuple(left)), Placed("or", node.path, right)


def _grouped(tree: Placed, fits: Callable[[Placed], bool]) -> list[Placed]:
    """Children of an OR in as few groups as fit, in their order."""
    groups: list[Placed] = []
    waiting: list[Placed] = []
    for child in tree.children:
        grown = Placed("or", tree.path, (*waiting, child))
        if fits(grown):
            waiting.append(child)
            continue
        if waiting:
            groups.append(Placed("or", tree.path, tuple(waiting)))
            waiting = []
        if fits(child):
            waiting.append(child)
        else:
            groups.extend(pieces(child, fits))
    if waiting:
        groups.append(Placed("or", tree.path, tuple(waiting)))
    return groups
