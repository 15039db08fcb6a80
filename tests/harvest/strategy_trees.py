"""Generated strategies and documents, and a second, simpler way to match them."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from api.resources import SAMPLE, configs
from harvest.strategy.tree import (
    And,
    Leaf,
    Limit,
    Line,
    Node,
    Not,
    Or,
    Strategy,
    Text,
    Thesaurus,
    conjunction,
    disjunction,
)

WORDS = ("child", "care", "family", "integrated", "service", "hub", "team", "court")
_word = st.sampled_from(WORDS)
_cut = _word.map(lambda word: f"{word[:4]}*")
_phrase = st.lists(st.one_of(_word, _cut), min_size=2, max_size=3).map(" ".join)
_fields = st.sampled_from(("title", "title-abstract"))
texts = st.one_of(
    st.builds(Text, st.one_of(_word, _cut, _phrase), _fields),
    st.builds(
        Text,
        st.lists(_word, min_size=2, max_size=2, unique=True).map(" ".join),
        _fields,
        st.integers(0, 3),
    ),
)
others = st.one_of(
    st.builds(Text, _word, st.sampled_from(("keyword", "text-word", "all", "mapped"))),
    st.builds(
        Thesaurus,
        st.sampled_from(("Child", "Social Work", "Delivery of Health Care, Integrated")),
        exploded=st.booleans(),
        major=st.booleans(),
        qualifier=st.sampled_from((None, "economics")),
    ),
    st.sampled_from(
        (Limit("years", "2011:2022"), Limit("language", "english"), Limit("type", "review"))
    ),
)


def trees(leaves: st.SearchStrategy[Leaf]) -> st.SearchStrategy[Node]:
    """Trees as the parser builds them: flat, with NOT only among other children of an AND."""

    def grow(below: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        several = st.lists(below, min_size=2, max_size=3)
        ands = st.builds(
            lambda wanted, unwanted: conjunction([*wanted, *map(Not, unwanted)]),
            several,
            st.lists(below, max_size=1),
        )
        return st.one_of(ands, several.map(disjunction))

    return st.recursive(leaves, grow, max_leaves=8)


documents = st.tuples(
    st.lists(st.sampled_from((*WORDS, "children", "careful", "families")), max_size=8),
    st.lists(st.sampled_from((*WORDS, "children", "careful", "families")), min_size=1, max_size=12),
)


def plain_match(node: Node, title: list[str], abstract: list[str]) -> bool:
    """Match word by word, yes or no, without folding and without patterns over the whole text."""
    if isinstance(node, And):
        return all(plain_match(child, title, abstract) for child in node.children)
    if isinstance(node, Or):
        return any(plain_match(child, title, abstract) for child in node.children)
    if isinstance(node, Not):
        return not plain_match(node.child, title, abstract)
    assert isinstance(node, Text)
    parts = [title] if node.field == "title" else [title, abstract]
    return any(_in(node, part) for part in parts)


def _same(word: str, token: str) -> bool:
    return bool(re.fullmatch(word.replace("*", "[a-z]*"), token))


def _in(leaf: Text, tokens: list[str]) -> bool:
    words = leaf.words.split()
    if leaf.near is None:
        return any(
            all(_same(w, t) for w, t in zip(words, tokens[at:], strict=False))
            for at in range(len(tokens) - len(words) + 1)
        )
    places = [[at for at, token in enumerate(tokens) if _same(word, token)] for word in words]
    return any(
        one != other and abs(one - other) - 1 <= leaf.near
        for one in places[0]
        for other in places[1]
    )


SAMPLE_STRATEGY = configs() / "reviews" / SAMPLE / "strategy.toml"


def one_line(node: Node) -> Strategy:
    """A strategy of one line."""
    return Strategy(lines={"1": Line("1", node, "")}, use="1")
