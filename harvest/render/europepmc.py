"""Europe PMC's syntax: fields before the words, MeSH without explosion."""

from __future__ import annotations

import re

from harvest.render.dates import days
from harvest.render.languages import codes
from harvest.render.losses import Compiled, Own, Said
from harvest.strategy.tree import Field, Leaf, Limit, LimitKind, Text, Thesaurus
from harvest.strategy.write import tree_text

# Title and abstract are two fields there.
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

    def leaf(self, leaf: Leaf) -> Said:
        """A leaf as Europe PMC says it."""
        if isinstance(leaf, Thesaurus):
            return _heading(leaf)
        return _limit(leaf) if isinstance(leaf, Limit) else _text(leaf)


def _text(leaf: Text) -> Said:
    kind: str | None = None
    own: Own | None = None
    words = [_plain(word) for word in leaf.words.replace("-", " ").split()]
    words = [word for word in words if word]
    if leaf.near is not None:
        # Nearness is not documented there; all the words in one field bring at least as much.
        kind, own, text = "proximity", "broadens", " AND ".join(words)
    elif len(words) > 1 and leaf.truncated:
        # Nothing says that words are cut within quotes.
        kind, own, text = "phrase-truncation", "broadens", " AND ".join(words)
    else:
        text = f'"{" ".join(words)}"' if len(words) > 1 else words[0]
    text = f"({text})" if " AND " in text else text
    if leaf.field not in _FIELDS:
        # A word without a field is sought in title, abstract and full text there.
        return Said(text, "field", "unknown")
    parts = [f"{field}:{text}" for field in _FIELDS[leaf.field]]
    return Said(f"({' OR '.join(parts)})" if len(parts) > 1 else parts[0], kind, own)


def _plain(words: str) -> str:
    return " ".join(_SPECIAL.sub(" ", words).split())


def _heading(leaf: Thesaurus) -> Said:
    text = f'MESH:"{_plain(leaf.heading)}"'
    if leaf.exploded:
        # Whether narrower headings come along is documented nowhere; taken as not.
        return Said(text, "explosion", "narrows")
    if leaf.major:
        return Said(text, "major-topic", "broadens")
    return Said(text, "subheading", "broadens") if leaf.qualifier else Said(text)


def _limit(leaf: Limit) -> Said:
    if leaf.kind == "years":
        if "/" in leaf.value:
            first, last = days(leaf.value)
            return Said(f"FIRST_PDATE:[{first} TO {last}]")
        start, _, end = leaf.value.partition(":")
        return Said(f"PUB_YEAR:[{start} TO {end}]")
    if leaf.kind == "language":
        known = codes(leaf.value)
        return Said(f'LANG:"{known[1]}"') if known else Said(None, "limit")
    return Said(f'PUB_TYPE:"{_plain(leaf.value)}"')


def queries(compiled: Compiled) -> list[str]:
    """The query as it is sent; one, however long."""
    return [tree_text(compiled.tree, compiled.said.__getitem__)]
