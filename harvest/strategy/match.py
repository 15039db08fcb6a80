"""A strategy evaluated on a record's own text, in three values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from harvest.strategy.tree import Limit, Placed, Strategy, Text, Thesaurus, leaves, placed
from harvest.text import fold

_APOSTROPHES = re.compile("[’‘‛ʼ`´′＇]")
_HYPHENS = re.compile("[-‐‑‒–—―−﹣－_/]")
_WORD = r"[a-z0-9]"
_CUT = re.compile(r"(…|\.\.\.|\(abstract truncated[^)]*\)|\[truncated\])\s*$", re.IGNORECASE)
# Languages in which the terms of an English strategy can be sought; None is not stated.
_ENGLISH = {"en", "eng", "english"}
_NOT_TEXT = (Thesaurus, Limit)
# Letters of a word that are compared before a pattern is tried.
_START = 6


def folded(text: str | None) -> str:
    """Text as it is matched: case and accents folded, hyphen a blank, one kind of apostrophe."""
    if not text:
        return ""
    plain = _HYPHENS.sub(" ", _APOSTROPHES.sub("'", text))
    return re.sub(r"\s+", " ", _HYPHENS.sub(" ", fold(plain)))


@dataclass(frozen=True, slots=True)
class Passage:
    """What we hold of a record for matching, folded.

    Attributes:
        missing: the abstract is missing or cut off, so that a term not found may yet be in it.
        foreign: the record is in another language than the strategy.
        starts: beginnings of its words, by which most terms are told absent at once.
    """

    title: str
    abstract: str
    keywords: str
    missing: bool
    foreign: bool
    starts: frozenset[str]

    def of(self, field: str) -> str:
        """Text of a field; fields are kept apart by a bar that no term crosses."""
        if field == "title":
            return self.title
        if field == "keyword":
            return self.keywords
        if field == "title-abstract":
            return f"{self.title} | {self.abstract}"
        return f"{self.title} | {self.abstract} | {self.keywords}"


def passage(
    title: str | None,
    abstract: str | None,
    keywords: Iterable[str] = (),
    language: str | None = None,
) -> Passage:
    """A record's text, ready for matching."""
    held = folded(title), folded(abstract), folded(" | ".join(keywords))
    words = {word for part in held for word in re.findall(r"[a-z0-9]+", part)}
    return Passage(
        title=held[0],
        abstract=held[1],
        keywords=held[2],
        starts=frozenset(word[:size] for word in words for size in range(1, _START + 1)),
        missing=not abstract or bool(_CUT.search(abstract)),
        foreign=bool(language) and (language or "").lower() not in _ENGLISH,
    )


def _pattern(words: str) -> str:
    """A word or phrase as a regular expression over folded text."""
    parts = []
    for word in folded(words).split():
        parts.append(re.escape(word).replace(r"\*", f"{_WORD}*"))
    # Between words of a phrase stands anything but letters: "care, proceedings" is a phrase too.
    return rf"(?<!{_WORD})" + r"[^a-z0-9|]+".join(parts) + rf"(?!{_WORD})"


@lru_cache(maxsize=4096)
def _phrase(words: str) -> re.Pattern[str]:
    return re.compile(_pattern(words))


@lru_cache(maxsize=4096)
def _leads(words: str) -> tuple[str, ...]:
    """How words of the text must begin for the term to stand in it."""
    beginnings = (re.match(r"[a-z0-9]*", word) for word in folded(words).split())
    return tuple(found.group()[:_START] for found in beginnings if found and found.group())


@lru_cache(maxsize=4096)
def _separate(words: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(_pattern(word) + r"$") for word in folded(words).split())


def near(words: str, distance: int, text: str) -> bool:
    """Whether all words stand in any order with at most ``distance`` others among them."""
    patterns = _separate(words)
    for part in text.split("|"):
        tokens = re.findall(r"[a-z0-9']+", part)
        places = [[i for i, t in enumerate(tokens) if p.match(t)] for p in patterns]
        if all(places) and _within(places, len(patterns) + distance):
            return True
    return False


def _within(places: list[list[int]], width: int) -> bool:
    """Whether one place of each word, all different, lies within so many tokens."""
    starts = sorted({at for word in places for at in word})
    for start in starts:
        window = [[at for at in word if start <= at < start + width] for word in places]
        if all(window) and _different(window, frozenset()):
            return True
    return False


def _different(choices: Sequence[Sequence[int]], taken: frozenset[int]) -> bool:
    if not choices:
        return True
    return any(_different(choices[1:], taken | {at}) for at in choices[0] if at not in taken)


def found(leaf: Text, text: Passage) -> bool:
    """Whether a term stands in the text that we hold."""
    if not all(lead in text.starts for lead in _leads(leaf.words)):
        return False
    body = text.of(leaf.field)
    if leaf.near is not None:
        return near(leaf.words, leaf.near, body)
    return bool(_phrase(leaf.words).search(body))


def _leaf(leaf: Text, text: Passage) -> bool | None:
    if found(leaf, text):
        return True
    # The source searches more than we hold, or we hold less than it searched.
    if text.foreign or leaf.field in ("keyword", "text-word", "all", "mapped"):
        return None
    return None if text.missing and leaf.field != "title" else False


def without(node: Placed, drop: type | tuple[type, ...]) -> Placed | None:
    """The tree without leaves of a kind; an operator left empty goes too."""
    if node.node in ("and", "or", "not"):
        kept = tuple(k for c in node.children if (k := without(c, drop)) is not None)
        return Placed(node.node, node.path, kept) if kept else None
    return None if isinstance(node.node, drop) else node


def matches(node: Placed, text: Passage, *, text_only: bool = False) -> bool | None:
    """Whether a record is what the tree asks for: True, False, or None where it cannot be told.

    Args:
        node: a tree from ``placed``; limits are taken out before, since the source applied them.
        text: the record's text.
        text_only: two values from what is there; thesaurus leaves are taken out before.
    """
    if node.node == "not":
        inner = matches(node.children[0], text, text_only=text_only)
        return None if inner is None else not inner
    if node.node in ("and", "or"):
        return _joined(node, text, text_only=text_only)
    if isinstance(node.node, Text):
        return found(node.node, text) if text_only else _leaf(node.node, text)
    return None


def _joined(node: Placed, text: Passage, *, text_only: bool) -> bool | None:
    """AND is False as soon as one is, OR True; None outlives the other value (Kleene's logic)."""
    settles = node.node == "or"
    unknown = False
    for child in _cheapest(node):
        value = matches(child, text, text_only=text_only)
        if value is settles:
            return settles
        unknown = unknown or value is None
    return None if unknown else not settles


def _cheapest(node: Placed) -> Sequence[Placed]:
    return sorted(node.children, key=lambda child: bool(child.children))


@dataclass(frozen=True, slots=True)
class Explained:
    """Whether a record matches, and which lines keep it out.

    Attributes:
        matched: by the whole tree, in three values.
        text_matched: from text leaves alone.
        rejected_by: names of the lines that hold leaves and are False on the text (True where
            they stand under an odd number of NOTs); empty when it matched.
    """

    matched: bool | None
    text_matched: bool
    rejected_by: tuple[str, ...]


class Explainer:
    """Explains records by one strategy line; made once, asked for each record."""

    def __init__(self, strategy: Strategy, name: str | None = None) -> None:
        tree = placed(strategy, name)
        self._whole = without(tree, Limit)
        self._text = without(tree, _NOT_TEXT)
        self._lines = {
            line: (without(own, _NOT_TEXT), parities)
            for line, (own, parities) in _leafy_lines(tree).items()
        }

    def explain(self, text: Passage) -> Explained:
        """One record explained."""
        whole = True if self._whole is None else matches(self._whole, text)
        plain = self._text is None or matches(self._text, text, text_only=True) is True
        rejected: tuple[str, ...] = ()
        if not plain:
            rejected = tuple(
                line
                for line, (tree, parities) in self._lines.items()
                if tree is not None
                and any(matches(tree, text, text_only=True) is negated for negated in parities)
            )
        return Explained(whole, plain, rejected)


def _leafy_lines(tree: Placed) -> Mapping[str, tuple[Placed, set[bool]]]:
    """Lines that hold leaves of their own: tree, and whether they stand under an odd NOT."""
    found_lines: dict[str, tuple[Placed, set[bool]]] = {}

    def walk(node: Placed, above: str | None, *, negated: bool) -> None:
        line = node.path[-1]
        if line != above and any(child.path == node.path for child in leaves(node)):
            found_lines.setdefault(line, (node, set()))[1].add(negated)
        for child in node.children:
            walk(child, line, negated=negated != (node.node == "not"))

    walk(tree, None, negated=False)
    return dict(sorted(found_lines.items(), key=lambda item: _number(item[0])))


def _number(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdigit() else (10**9, name)
