"""Europe PMC's search syntax: fields before the words, MeSH without explosion."""

from __future__ import annotations

import re

from harvest.languages import language_codes
from harvest.render.dates import first_and_last_day
from harvest.render.losses import ChangeDirection, Compiled, RenderedLeaf
from harvest.strategy.tree import Field, Leaf, Limit, LimitKind, Text, Thesaurus
from harvest.strategy.write import tree_text

# Europe PMC searches title and abstract as two fields.
_FIELDS: dict[Field, tuple[str, ...]] = {
    "title": ("TITLE",),
    "title-abstract": ("TITLE", "ABSTRACT"),
    "keyword": ("KW",),
}
_SPECIAL = re.compile(r'["\\+&|!(){}\[\]^~?:/-]')


class EuropePmc:
    """Europe PMC's search syntax."""

    name = "europepmc"
    outside: frozenset[LimitKind] = frozenset()

    def leaf(self, leaf: Leaf) -> RenderedLeaf:
        """A leaf in Europe PMC's syntax."""
        if isinstance(leaf, Thesaurus):
            return _heading(leaf)
        return _limit(leaf) if isinstance(leaf, Limit) else _text(leaf)


def _text(leaf: Text) -> RenderedLeaf:
    loss: str | None = None
    direction: ChangeDirection | None = None
    words = [_plain(word) for word in leaf.words.replace("-", " ").split()]
    words = [word for word in words if word]
    if leaf.near is not None:
        # Proximity is not documented; all the words in one field find at least as much.
        loss, direction, text = "proximity", "broadens", " AND ".join(words)
    elif len(words) > 1 and leaf.truncated:
        # Truncation within quotes is not documented.
        loss, direction, text = "phrase-truncation", "broadens", " AND ".join(words)
    else:
        text = f'"{" ".join(words)}"' if len(words) > 1 else words[0]
    text = f"({text})" if " AND " in text else text
    if leaf.field not in _FIELDS:
        # Europe PMC searches a word without a field in title, abstract and full text.
        return RenderedLeaf(text, "field", "unknown")
    parts = [f"{field}:{text}" for field in _FIELDS[leaf.field]]
    text = f"({' OR '.join(parts)})" if len(parts) > 1 else parts[0]
    return RenderedLeaf(text, loss, direction)


def _plain(words: str) -> str:
    return " ".join(_SPECIAL.sub(" ", words).split())


def _heading(leaf: Thesaurus) -> RenderedLeaf:
    text = f'MESH:"{_plain(leaf.heading)}"'
    if leaf.exploded:
        # Whether narrower headings are included is not documented; we assume they are not.
        return RenderedLeaf(text, "explosion", "narrows")
    if leaf.major:
        return RenderedLeaf(text, "major-topic", "broadens")
    return RenderedLeaf(text, "subheading", "broadens") if leaf.qualifier else RenderedLeaf(text)


def _limit(leaf: Limit) -> RenderedLeaf:
    if leaf.kind == "years":
        if "/" in leaf.value:
            first, last = first_and_last_day(leaf.value)
            return RenderedLeaf(f"FIRST_PDATE:[{first} TO {last}]")
        start, _, end = leaf.value.partition(":")
        return RenderedLeaf(f"PUB_YEAR:[{start} TO {end}]")
    if leaf.kind == "language":
        codes = language_codes(leaf.value)
        return RenderedLeaf(f'LANG:"{codes[1]}"') if codes else RenderedLeaf(None, "limit")
    if leaf.kind == "type":
        return RenderedLeaf(f'PUB_TYPE:"{_plain(leaf.value)}"')
    return RenderedLeaf(None, "limit")


def queries(compiled: Compiled) -> list[str]:
    """The query to send: always one, however long."""
    return [tree_text(compiled.tree, compiled.leaf_texts.__getitem__)]
