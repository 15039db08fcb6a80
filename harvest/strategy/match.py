"""Match a strategy with a record's own text; the answer can be yes, no or unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from harvest.strategy.tree import Expanded, Limit, Strategy, Text, Thesaurus, expand, leaves
from harvest.text import fold

_APOSTROPHES = re.compile("[’‘‛ʼ`´′＇]")
_HYPHENS = re.compile("[-‐‑‒–—―−﹣－_/]")
_WORD = r"[a-z0-9]"
_CUT = re.compile(r"(…|\.\.\.|\(abstract truncated[^)]*\)|\[truncated\])\s*$", re.IGNORECASE)
# Languages in which an English strategy can be matched.
_ENGLISH = {"en", "eng", "english"}
_NOT_TEXT = (Thesaurus, Limit)
# This many letters of a word are compared before its pattern is tried.
_START = 6


def fold_for_matching(text: str | None) -> str:
    """Text without case and accents, with spaces for hyphens and one kind of apostrophe."""
    if not text:
        return ""
    plain = _HYPHENS.sub(" ", _APOSTROPHES.sub("'", text))
    return re.sub(r"\s+", " ", _HYPHENS.sub(" ", fold(plain)))


@dataclass(frozen=True, slots=True)
class Passage:
    """A record's text for matching, folded.

    Attributes:
        missing: the abstract is missing or cut off, so it may contain terms that are not found.
        foreign: the record is in another language than the strategy.
        starts: beginnings of its words, which quickly rule out most terms.
    """

    title: str
    abstract: str
    keywords: str
    missing: bool
    foreign: bool
    starts: frozenset[str]

    def of(self, field: str) -> str:
        """Text of a field; a bar, which no term can cross, separates the parts."""
        if field == "title":
            return self.title
        if field == "keyword":
            return self.keywords
        if field == "title-abstract":
            return f"{self.title} | {self.abstract}"
        return f"{self.title} | {self.abstract} | {self.keywords}"


def create_passage(
    title: str | None,
    abstract: str | None,
    keywords: Iterable[str] = (),
    language: str | None = None,
) -> Passage:
    """Prepare a record's text for matching."""
    parts = (
        fold_for_matching(title),
        fold_for_matching(abstract),
        fold_for_matching(" | ".join(keywords)),
    )
    words = {word for part in parts for word in re.findall(r"[a-z0-9]+", part)}
    return Passage(
        title=parts[0],
        abstract=parts[1],
        keywords=parts[2],
        starts=frozenset(word[:size] for word in words for size in range(1, _START + 1)),
        missing=not abstract or bool(_CUT.search(abstract)),
        foreign=bool(language) and (language or "").lower() not in _ENGLISH,
    )


def _pattern(words: str) -> str:
    """A word or phrase as a regular expression over folded text."""
    parts = []
    for word in fold_for_matching(words).split():
        parts.append(re.escape(word).replace(r"\*", f"{_WORD}*"))
    # Anything but letters may come between the words of a phrase: "care, proceedings" matches.
    return rf"(?<!{_WORD})" + r"[^a-z0-9|]+".join(parts) + rf"(?!{_WORD})"


@lru_cache(maxsize=4096)
def _phrase(words: str) -> re.Pattern[str]:
    return re.compile(_pattern(words))


@lru_cache(maxsize=4096)
def _word_starts(words: str) -> tuple[str, ...]:
    """Word beginnings that the text must have to contain the term."""
    matches = (re.match(r"[a-z0-9]*", word) for word in fold_for_matching(words).split())
    return tuple(match.group()[:_START] for match in matches if match and match.group())


@lru_cache(maxsize=4096)
def _word_patterns(words: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(_pattern(word) + r"$") for word in fold_for_matching(words).split())


def _has_near(words: str, distance: int, text: str) -> bool:
    """Whether all the words occur, in any order, with at most ``distance`` others between them."""
    patterns = _word_patterns(words)
    for part in text.split("|"):
        tokens = re.findall(r"[a-z0-9']+", part)
        places = [[i for i, t in enumerate(tokens) if p.match(t)] for p in patterns]
        if all(places) and _fit_in_window(places, len(patterns) + distance):
            return True
    return False


def _fit_in_window(places: list[list[int]], width: int) -> bool:
    """Whether some window of this many tokens holds every word, each at a place of its own."""
    starts = sorted({at for word in places for at in word})
    for start in starts:
        window = [[at for at in word if start <= at < start + width] for word in places]
        if all(window) and _can_differ(window, frozenset()):
            return True
    return False


def _can_differ(choices: Sequence[Sequence[int]], taken: frozenset[int]) -> bool:
    """Whether each word can have a place that no other word takes."""
    if not choices:
        return True
    return any(_can_differ(choices[1:], taken | {at}) for at in choices[0] if at not in taken)


def _has_term(leaf: Text, text: Passage) -> bool:
    """Whether a term occurs in the text that we have."""
    if not all(start in text.starts for start in _word_starts(leaf.words)):
        return False
    body = text.of(leaf.field)
    if leaf.near is not None:
        return _has_near(leaf.words, leaf.near, body)
    return bool(_phrase(leaf.words).search(body))


def _match_term(leaf: Text, text: Passage) -> bool | None:
    if _has_term(leaf, text):
        return True
    # The source may search fields or text that we do not have.
    if text.foreign or leaf.field in ("keyword", "text-word", "all", "mapped"):
        return None
    return None if text.missing and leaf.field != "title" else False


def drop_leaves(node: Expanded, drop: type | tuple[type, ...]) -> Expanded | None:
    """The tree without leaves of a type, and without operators that this leaves empty."""
    if node.node in ("and", "or", "not"):
        kept = tuple(k for c in node.children if (k := drop_leaves(c, drop)) is not None)
        return Expanded(node.node, node.path, kept) if kept else None
    return None if isinstance(node.node, drop) else node


def matches(node: Expanded, text: Passage, *, text_only: bool = False) -> bool | None:
    """Whether a record matches the tree: True, False, or None if that cannot be known.

    Args:
        node: a tree from ``expand``, without limits, which the source has applied.
        text: the record's text.
        text_only: answer only from the text we have, never None; needs a tree without headings.
    """
    if node.node == "not":
        inner = matches(node.children[0], text, text_only=text_only)
        return None if inner is None else not inner
    if node.node in ("and", "or"):
        return _match_operator(node, text, text_only=text_only)
    if isinstance(node.node, Text):
        return _has_term(node.node, text) if text_only else _match_term(node.node, text)
    return None


def _match_operator(node: Expanded, text: Passage, *, text_only: bool) -> bool | None:
    """Kleene's logic: one False decides an AND, one True an OR; otherwise one None gives None."""
    deciding = node.node == "or"
    unknown = False
    for child in _leaves_first(node):
        value = matches(child, text, text_only=text_only)
        if value is deciding:
            return deciding
        unknown = unknown or value is None
    return None if unknown else not deciding


def _leaves_first(node: Expanded) -> Sequence[Expanded]:
    """Children, the cheapest to match first."""
    return sorted(node.children, key=lambda child: bool(child.children))


@dataclass(frozen=True, slots=True)
class Explained:
    """Whether a record matches, and which lines keep it out.

    Attributes:
        matched: whether the whole tree matches; None if that cannot be known.
        text_matched: whether it matches by its text terms alone.
        rejected_by: names of the lines with terms of their own that do not match the text (or do
            match, if an odd number of NOTs is above them); empty if the record matches.
    """

    matched: bool | None
    text_matched: bool
    rejected_by: tuple[str, ...]


class Explainer:
    """Explains for any number of records whether one strategy line matches them."""

    def __init__(self, strategy: Strategy, name: str | None = None) -> None:
        tree = expand(strategy, name)
        self._whole = drop_leaves(tree, Limit)
        self._text = drop_leaves(tree, _NOT_TEXT)
        self._lines = {
            line: (drop_leaves(own, _NOT_TEXT), parities)
            for line, (own, parities) in _leafy_lines(tree).items()
        }

    def explain(self, text: Passage) -> Explained:
        """Explain one record."""
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


def _leafy_lines(tree: Expanded) -> Mapping[str, tuple[Expanded, set[bool]]]:
    """Lines with terms of their own: tree, and whether an odd number of NOTs is above them."""
    lines: dict[str, tuple[Expanded, set[bool]]] = {}

    def walk(node: Expanded, above: str | None, *, negated: bool) -> None:
        line = node.path[-1]
        if line != above and any(child.path == node.path for child in leaves(node)):
            lines.setdefault(line, (node, set()))[1].add(negated)
        for child in node.children:
            walk(child, line, negated=negated != (node.node == "not"))

    walk(tree, None, negated=False)
    return dict(sorted(lines.items(), key=lambda item: _line_order(item[0])))


def _line_order(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdigit() else (10**9, name)
