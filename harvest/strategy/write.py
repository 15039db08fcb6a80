"""Write a tree or a leaf in PubMed's syntax."""

from __future__ import annotations

import re
from collections.abc import Callable

from harvest.strategy.tree import Expanded, Leaf, Limit, Thesaurus

_TAGS = {
    "title": "ti",
    "title-abstract": "tiab",
    "keyword": "ot",
    "text-word": "tw",
    "all": "all",
}
_LIMIT_TAGS = {
    "language": "la",
    "type": "pt",
    "filter": "filter",
    "journal": "jour",
    "subheading": "sh",
}


def leaf_text(leaf: Leaf) -> str:
    """A leaf in PubMed's syntax; parsing it again gives the same leaf."""
    if isinstance(leaf, Thesaurus):
        name = leaf.heading + (f"/{leaf.qualifier}" if leaf.qualifier else "")
        tag = "majr" if leaf.major else "mesh"
        return f'"{name}"[{tag}{"" if leaf.exploded else ":noexp"}]'
    if isinstance(leaf, Limit):
        if leaf.kind == "years":
            start, _, end = leaf.value.partition(":")
            return f'("{start}"[dp] : "{end}"[dp])'
        return f'"{leaf.value}"[{_LIMIT_TAGS[leaf.kind]}]'
    bare = re.fullmatch(r"[\w*'.]+", leaf.words) and leaf.words.upper() not in ("AND", "OR", "NOT")
    words = leaf.words if bare else f'"{leaf.words}"'
    if leaf.loose:
        return f"({leaf.words})"
    if leaf.field == "mapped":
        return words
    near = "" if leaf.near is None else f":~{leaf.near}"
    return f"{words}[{_TAGS[leaf.field]}{near}]"


def tree_text(tree: Expanded, leaf: Callable[[Leaf], str] = leaf_text) -> str:
    """A tree as text, with all brackets, capital operators, and each NOT after what it limits."""
    return _write(tree, leaf, outermost=True)


def _write(node: Expanded, leaf: Callable[[Leaf], str], *, outermost: bool = False) -> str:
    if node.node == "not":
        return f"NOT {_write(node.children[0], leaf)}"
    if node.node in ("and", "or"):
        # Positive terms go first, so that every NOT has something to exclude from.
        children = sorted(node.children, key=lambda child: child.node == "not")
        text = _write(children[0], leaf)
        for child in children[1:]:
            operator = "" if child.node == "not" else f"{node.node.upper()} "
            text += f" {operator}{_write(child, leaf)}"
        return text if outermost or len(children) == 1 else f"({text})"
    return leaf(node.leaf)
