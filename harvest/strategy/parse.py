"""PubMed's syntax, with numbered lines, to a tree. Errors name line, column and remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from harvest.errors import StrategyError
from harvest.strategy.normal import normalised, numbered
from harvest.strategy.tree import (
    Field,
    Leaf,
    Limit,
    LimitKind,
    Line,
    Node,
    Not,
    Ref,
    Strategy,
    Text,
    Thesaurus,
    conjunction,
    disjunction,
    placed,
)

_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<open>\()|(?P<close>\))|(?P<quoted>"[^"]*")
    |(?P<tag>\[[^\[\]]*\])|(?P<ref>\#\w+)|(?P<colon>:(?=\s))|(?P<word>[^\s()\[\]"]+)""",
    re.VERBOSE,
)
_OPERATORS = {"AND", "OR", "NOT"}
_FOREIGN = re.compile(r"^(adj\d*|near(/\d+)?|[nw]/?\d+|pre/\d+|same|exp)$", re.IGNORECASE)
_TEXT_TAGS: Mapping[str, Field] = {
    **dict.fromkeys(("tiab", "title/abstract"), "title-abstract"),
    **dict.fromkeys(("ti", "title"), "title"),
    **dict.fromkeys(("ot", "other term"), "keyword"),
    **dict.fromkeys(("tw", "text word"), "text-word"),
    **dict.fromkeys(("all", "all fields"), "all"),
}
_MESH_TAGS = {"mh", "mesh", "mesh terms", "majr", "mesh major topic"}
_LIMIT_TAGS: Mapping[str, LimitKind] = {
    **dict.fromkeys(("dp", "pdat", "date - publication", "publication date"), "years"),
    **dict.fromkeys(("la", "lang", "language"), "language"),
    **dict.fromkeys(("pt", "ptyp", "publication type"), "type"),
}
_KNOWN = "[tiab], [ti], [ot], [tw], [all], [mesh], [mesh:noexp], [majr], [dp], [la], [pt]"
_DATE = re.compile(r"^\d{4}(/\d{1,2}(/\d{1,2})?)?$")
_NEAR = re.compile(r"^~(\d{1,3})$")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


class _Reader:
    """Reads one line of a strategy by recursive descent, strictly left to right as PubMed does."""

    def __init__(self, text: str, first_line: int) -> None:
        self._text = text
        self._first_line = first_line
        self._tokens = self._tokenise()
        self._next = 0
        self.notices: list[str] = []

    def _tokenise(self) -> list[_Token]:
        tokens, at = [], 0
        while at < len(self._text):
            found = _TOKEN.match(self._text, at)
            if found is None:
                unclosed = self._text[at] == '"'
                raise self.error(
                    "A quote is opened and not closed." if unclosed else "A bracket is not closed.",
                    at,
                    remedy="Close it." if unclosed else 'Write a field as in "child*[tiab]".',
                )
            if found.lastgroup != "space":
                kind = str(found.lastgroup)
                text = found.group()
                if kind == "word" and text in _OPERATORS:
                    kind = "operator"
                tokens.append(_Token(kind, text, at))
            at = found.end()
        return tokens

    def error(self, message: str, at: int, *, remedy: str) -> StrategyError:
        before = self._text[:at]
        return StrategyError(
            message,
            remedy=remedy,
            line=self._first_line + before.count("\n"),
            column=at - (before.rfind("\n") + 1) + 1,
        )

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def read(self) -> Node:
        """The whole line.

        Raises:
            StrategyError: it cannot be read.
        """
        if not self._tokens:
            raise self.error("The line is empty.", 0, remedy="Write a term, or take the line out.")
        node = self._expression(opened=None)
        left = self._peek()
        if left is not None:
            raise self.error(
                "A bracket is closed that was never opened.", left.at, remedy="Take it out."
            )
        if isinstance(node, Not):
            raise self.error(
                "NOT has nothing to take away from.", 0, remedy='Write "this NOT that".'
            )
        return node

    def _expression(self, opened: _Token | None) -> Node:
        node = self._operand()
        seen: set[str] = set()
        while (token := self._peek()) is not None and token.kind != "close":
            if token.kind == "operator":
                self._take()
                operator = token.text
                following = self._peek()
                if operator == "AND" and following and following.text == "NOT":
                    self._take()
                    operator = "NOT"
            else:
                operator = "AND"
                place = self.error("", token.at, remedy="")
                self.notices.append(
                    f"line {place.line}, column {place.column}: no operator before "
                    f"{token.text}; read as AND, as PubMed does"
                )
            seen.add(operator)
            other = self._operand(after=token)
            if operator == "OR":
                node = disjunction([node, other])
            else:
                node = conjunction([node, Not(other) if operator == "NOT" else other])
        if "OR" in seen and len(seen) > 1:
            at = opened.at if opened else 0
            place = self.error("", at, remedy="")
            self.notices.append(
                f"line {place.line}, column {place.column}: OR stands beside "
                f"{' and '.join(sorted(seen - {'OR'}))} without brackets; read strictly from left "
                "to right, as PubMed does"
            )
        return node

    def _operand(self, after: _Token | None = None) -> Node:
        token = self._peek()
        if token is None or token.kind == "close":
            at = token.at if token else (after.at if after else len(self._text))
            what = f"{after.text} has" if after and after.kind == "operator" else "A bracket has"
            raise self.error(
                f"{what} nothing after it.", at, remedy="Write a term there, or take it out."
            )
        if token.kind == "operator":
            if token.text == "NOT":
                self._take()
                return Not(self._operand(after=token))
            raise self.error(
                f"{token.text} has nothing before it.",
                token.at,
                remedy="Write a term there, or take it out.",
            )
        if token.kind == "open":
            self._take()
            node = self._expression(opened=token)
            closing = self._peek()
            if closing is None:
                raise self.error(
                    "A bracket is opened and not closed.", token.at, remedy="Close it."
                )
            self._take()
            return node
        if token.kind == "ref":
            self._take()
            return Ref(token.text[1:])
        if token.kind in ("tag", "colon"):
            raise self.error(
                f"{token.text} has no term before it.", token.at, remedy="Write the term before it."
            )
        return self._leaf()

    def _words(self) -> tuple[str, _Token, bool]:
        """A quoted string, or bare words up to a tag, an operator or a bracket."""
        first = self._take()
        if first.kind == "quoted":
            return first.text[1:-1].strip(), first, True
        words = [first]
        while (token := self._peek()) is not None and token.kind == "word":
            words.append(self._take())
        for token in words:
            self._check_word(token)
        return " ".join(token.text for token in words), first, False

    def _check_word(self, token: _Token) -> None:
        if token.text.upper() in _OPERATORS:
            raise self.error(
                f"The operator {token.text!r} is in small letters.",
                token.at,
                remedy=f"Write {token.text.upper()}, or put the phrase in quotes.",
            )
        if _FOREIGN.match(token.text):
            raise self.error(
                f"The operator {token.text!r} is not PubMed's.",
                token.at,
                remedy='Write nearness as in "child welfare"[tiab:~3], or quote the phrase.',
            )

    def _leaf(self) -> Node:
        words, first, quoted = self._words()
        tag = self._peek()
        if tag is not None and tag.kind == "tag":
            self._take()
            return self._tagged(words, first, tag, quoted=quoted)
        self._check_text(words, first)
        return Text(_plain(words), "mapped")

    def _tagged(self, words: str, first: _Token, tag: _Token, *, quoted: bool) -> Leaf:
        name, _, option = (part.strip() for part in tag.text[1:-1].lower().partition(":"))
        name = re.sub(r"\s+", " ", name)
        if name in _TEXT_TAGS and (not option or _NEAR.match(option)):
            return self._term(words, first, tag, _TEXT_TAGS[name], option, quoted=quoted)
        if name in _MESH_TAGS and option in ("", "exp", "noexp"):
            if not words:
                raise self.error("A heading is empty.", first.at, remedy="Write the heading.")
            heading, _, qualifier = words.partition("/")
            return Thesaurus(
                heading.strip(),
                exploded=option != "noexp",
                major=name in ("majr", "mesh major topic"),
                qualifier=qualifier.strip() or None,
            )
        if name in _LIMIT_TAGS and not option:
            return self._limit(words, first, _LIMIT_TAGS[name])
        raise self.error(
            f"There is no field {tag.text}.", tag.at, remedy=f"The fields are {_KNOWN}."
        )

    def _term(
        self, words: str, first: _Token, tag: _Token, field: Field, option: str, *, quoted: bool
    ) -> Text:
        self._check_text(words, first)
        leaf = Text(_plain(words), field)
        if option:
            if field not in ("title", "title-abstract"):
                raise self.error(
                    f"PubMed knows nearness in [ti] and [tiab] only, not in {tag.text}.",
                    tag.at,
                    remedy='Write it as in "child welfare"[tiab:~3].',
                )
            if not leaf.phrase:
                raise self.error(
                    "Nearness needs two words or more.", tag.at, remedy="Take the ~ out."
                )
            return replace(leaf, near=int(option[1:]))
        if leaf.phrase and not quoted and " " in leaf.words:
            place = self.error("", first.at, remedy="")
            self.notices.append(
                f"line {place.line}, column {place.column}: {leaf.words} has several words and no "
                "quotes; read as a phrase"
            )
        return leaf

    def _check_text(self, words: str, first: _Token) -> None:
        if not re.search(r"\w", words):
            raise self.error("A term is empty.", first.at, remedy="Write a word, or take it out.")
        if re.search(r"[?$]|(?<!\w)\*|\*\*", words):
            raise self.error(
                f"{words!r} is not cut as PubMed cuts words.",
                first.at,
                remedy="Write * within a word or at its end; it stands for any letters.",
            )

    def _limit(self, words: str, first: _Token, kind: LimitKind) -> Limit:
        if not words:
            raise self.error("A limit is empty.", first.at, remedy="Write its value.")
        if kind != "years":
            return Limit(kind, words.lower())
        start, _, end = (part.strip().strip('"') for part in words.partition(":"))
        following = self._peek()
        if not end and following is not None and following.kind == "colon":
            self._take()
            if self._peek() is None:
                raise self.error("A range has no end.", following.at, remedy="Write the last year.")
            other, second, _ = self._words()
            tag = self._peek()
            if tag is not None and tag.kind == "tag":
                self._take()
            end, first = other, second
        end = end or start
        for date in (start, end):
            if not _DATE.match(date):
                raise self.error(
                    f"{date!r} is no date.", first.at, remedy="Write 2011 or 2011/01/31."
                )
        return Limit("years", f"{start}:{end}")


def _plain(words: str) -> str:
    return re.sub(r"\s+", " ", words).strip()


def line_of(text: str, *, first_line: int = 1) -> tuple[Node, tuple[str, ...]]:
    """The tree of one line in PubMed's syntax, with what should be told about it.

    Raises:
        StrategyError: it cannot be read; the error names line and column.
    """
    reader = _Reader(text, first_line)
    return reader.read(), tuple(reader.notices)


def parse(text: str, *, use: str | None = None) -> Strategy:
    """A strategy in plain text: numbered lines, or one a line; the last line unless ``use``.

    Raises:
        StrategyError: it cannot be read; the error names line and column where it can.
    """
    plain, notices = normalised(text)
    lines: dict[str, Line] = {}
    told = list(notices)
    for name, body, at in numbered(plain):
        node, said = line_of(body, first_line=at)
        told.extend(said)
        lines[name] = Line(name, node, " ".join(body.split()), position=at)
    strategy = Strategy(lines=lines, use=use or list(lines)[-1], notices=tuple(told))
    check(strategy)
    return strategy


def check(strategy: Strategy) -> None:
    """Follow every line's references, also of lines that the strategy line does not use.

    Raises:
        StrategyError: a line refers to itself or to nothing.
    """
    for name in (*strategy.lines, strategy.use):
        placed(strategy, name)
