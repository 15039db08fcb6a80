from __future__ import annotations

from hypothesis import given

from harvest.strategy.parse import parse_line
from harvest.strategy.tree import (
    And,
    Node,
    Not,
    Or,
    expand,
)
from harvest.strategy.write import tree_text
from tests.harvest.strategy_trees import (
    one_line,
    others,
    texts,
    trees,
)


@given(trees(texts | others))
def test_what_is_written_is_read_as_the_same_tree(node: Node) -> None:
    text = tree_text(expand(one_line(node)))
    # NOTs are written last; the order of a conjunction means nothing.
    assert _ordered(parse_line(text)[0]) == _ordered(node)


def _ordered(node: Node) -> Node:
    if isinstance(node, And | Or):
        children = tuple(map(_ordered, node.children))
        if isinstance(node, Or):
            return Or(children)
        return And(tuple(sorted(children, key=lambda child: isinstance(child, Not))))
    return Not(_ordered(node.child)) if isinstance(node, Not) else node
