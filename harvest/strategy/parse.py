"""Parse strategies in PubMed's syntax into trees. Errors name line, column and remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from harvest.errors import StrategyError
from harvest.strategy.normalise import normalise, read_history, split_lines
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
    expand,
)

_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<open>\()|(?P<close>\))|(?P<quoted>"[^"]*")
    |(?P<tag>\[[^\[\]]*\])|(?P<ref>\#\w+)|(?P<colon>:(?=\s))|(?P<word>[^\s()\[\]"]+)""",
    re.VERBOSE,
)
_OPERATORS = {"AND", "OR", "NOT"}
# Operators of other platforms: some are never words, others are only between two words.
_FOREIGN = re.compile(r"^(adj\d+|(near|next|pre|onear)/\d+|[nw]/\d+)$", re.IGNORECASE)
_FOREIGN_BETWEEN = re.compile(r"^([NW](\d|1\d|20)|ADJ|NEAR|NEXT|SAME|WITHIN)$")
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
    **dict.fromkeys(("filter", "sb", "subset"), "filter"),
    **dict.fromkeys(("jour", "ta", "journal"), "journal"),
    **dict.fromkeys(("sh", "subheading", "mesh subheading"), "subheading"),
}
_FIELDS = (
    "[tiab], [ti], [ot], [tw], [all], [mesh], [mesh:noexp], [majr], [sh], [dp], [la], [pt], "
    "[filter], [jour]"
)
_DATE = re.compile(r"^\d{4}(/\d{1,2}(/\d{1,2})?)?$")
_NEAR = re.compile(r"^~(\d{1,3})$")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class _Words:
    """A quoted string or a run of bare words, and the character of the line where it starts."""

    text: str
    at: int
    quoted: bool


class _Parser:
    """Parses one line by recursive descent, strictly from left to right as PubMed does."""

    def __init__(self, text: str, first_line: int) -> None:
        self._text = text
        self._first_line = first_line
        self._tokens = self._tokenise()
        self._next = 0
        self.notices: list[str] = []

    def _tokenise(self) -> list[_Token]:
        tokens, at = [], 0
        while at < len(self._text):
            match = _TOKEN.match(self._text, at)
            if match is None:
                unclosed = self._text[at] == '"'
                raise self._error(
                    "A quote is not closed." if unclosed else "A square bracket is not closed.",
                    at,
                    remedy="Close it." if unclosed else 'Write a field as in "child*[tiab]".',
                )
            if match.lastgroup != "space":
                kind = str(match.lastgroup)
                text = match.group()
                if kind == "word" and text in _OPERATORS:
                    kind = "operator"
                tokens.append(_Token(kind, text, at))
            at = match.end()
        return tokens

    def _position(self, at: int) -> tuple[int, int]:
        """Line and column of a character, both from 1."""
        before = self._text[:at]
        return self._first_line + before.count("\n"), at - (before.rfind("\n") + 1) + 1

    def _error(self, message: str, at: int, *, remedy: str) -> StrategyError:
        line, column = self._position(at)
        return StrategyError(message, remedy=remedy, line=line, column=column)

    def _notice(self, at: int, message: str) -> None:
        line, column = self._position(at)
        self.notices.append(f"line {line}, column {column}: {message}")

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def parse(self) -> Node:
        """Parse the whole line.

        Raises:
            StrategyError: it cannot be parsed.
        """
        if not self._tokens:
            raise self._error("The line is empty.", 0, remedy="Write a term, or remove the line.")
        node = self._expression(opened=None)
        left_over = self._peek()
        if left_over is not None:
            raise self._error("This bracket was never opened.", left_over.at, remedy="Remove it.")
        if isinstance(node, Not):
            raise self._error(
                "NOT has nothing to exclude from.", 0, remedy='Write "this NOT that".'
            )
        return node

    def _expression(self, opened: _Token | None) -> Node:
        node = self._operand()
        operators: set[str] = set()
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
                self._notice(
                    token.at, f"no operator before {token.text}; read as AND, as PubMed does"
                )
            operators.add(operator)
            other = self._operand(after=token)
            if operator == "OR":
                node = disjunction([node, other])
            else:
                node = conjunction([node, Not(other) if operator == "NOT" else other])
        if "OR" in operators and len(operators) > 1:
            self._notice(
                opened.at if opened else 0,
                f"OR and {' and '.join(sorted(operators - {'OR'}))} are mixed without brackets; "
                "read strictly from left to right, as PubMed does",
            )
        return node

    def _operand(self, after: _Token | None = None) -> Node:
        token = self._peek()
        if token is None or token.kind == "close":
            at = token.at if token else (after.at if after else len(self._text))
            what = f"{after.text} has" if after and after.kind == "operator" else "A bracket has"
            raise self._error(
                f"{what} nothing after it.", at, remedy="Write a term there, or remove it."
            )
        if token.kind == "operator":
            if token.text == "NOT":
                self._take()
                return Not(self._operand(after=token))
            raise self._error(
                f"{token.text} has nothing before it.",
                token.at,
                remedy="Write a term there, or remove it.",
            )
        if token.kind == "open":
            self._take()
            node = self._expression(opened=token)
            closing = self._peek()
            if closing is None:
                raise self._error("This bracket is not closed.", token.at, remedy="Close it.")
            self._take()
            return node
        if token.kind == "ref":
            self._take()
            return Ref(token.text[1:])
        if token.kind in ("tag", "colon"):
            raise self._error(
                f"{token.text} has no term before it.", token.at, remedy="Write the term before it."
            )
        return self._leaf()

    def _words(self) -> _Words:
        """A quoted string, or bare words up to a tag, an operator or a bracket."""
        first = self._take()
        if first.kind == "quoted":
            return _Words(first.text[1:-1].strip(), first.at, quoted=True)
        words = [first]
        while (token := self._peek()) is not None and token.kind == "word":
            words.append(self._take())
        for place, token in enumerate(words):
            self._check_word(token, between=0 < place < len(words) - 1)
        return _Words(" ".join(token.text for token in words), first.at, quoted=False)

    def _check_word(self, token: _Token, *, between: bool) -> None:
        if token.text.upper() in _OPERATORS:
            raise self._error(
                f"The operator {token.text!r} is in lower case.",
                token.at,
                remedy=f"Write {token.text.upper()}, or put the phrase in quotes.",
            )
        if _FOREIGN.match(token.text) or (between and _FOREIGN_BETWEEN.match(token.text)):
            raise self._error(
                f"PubMed has no operator {token.text!r}.",
                token.at,
                remedy='Write proximity as in "child welfare"[tiab:~3], or quote the phrase.',
            )

    def _leaf(self) -> Node:
        words = self._words()
        tag = self._peek()
        if tag is not None and tag.kind == "tag":
            self._take()
            return self._tagged(words, tag)
        self._check_text(words)
        plain = _plain(words.text)
        return Text(plain, "mapped", loose=not words.quoted and " " in plain)

    def _tagged(self, words: _Words, tag: _Token) -> Leaf:
        name, _, option = (part.strip() for part in tag.text[1:-1].lower().partition(":"))
        name = re.sub(r"\s+", " ", name)
        if name in _TEXT_TAGS and (not option or _NEAR.match(option)):
            return self._term(words, tag, _TEXT_TAGS[name], option)
        if name in _MESH_TAGS and option in ("", "exp", "noexp"):
            if not words.text:
                raise self._error("A heading is empty.", words.at, remedy="Write the heading.")
            heading, _, qualifier = words.text.partition("/")
            return Thesaurus(
                heading.strip(),
                exploded=option != "noexp",
                major=name in ("majr", "mesh major topic"),
                qualifier=qualifier.strip() or None,
            )
        if name in _LIMIT_TAGS and not option:
            return self._limit(words, _LIMIT_TAGS[name])
        raise self._error(
            f"There is no field {tag.text}.", tag.at, remedy=f"The fields are {_FIELDS}."
        )

    def _term(self, words: _Words, tag: _Token, field: Field, option: str) -> Text:
        self._check_text(words)
        leaf = Text(_plain(words.text), field)
        if option:
            if field not in ("title", "title-abstract"):
                raise self._error(
                    f"PubMed has proximity in [ti] and [tiab] only, not in {tag.text}.",
                    tag.at,
                    remedy='Write it as in "child welfare"[tiab:~3].',
                )
            if not leaf.phrase:
                raise self._error(
                    "Proximity needs at least two words.", tag.at, remedy="Remove the ~."
                )
            return replace(leaf, near=int(option[1:]))
        if leaf.phrase and not words.quoted and " " in leaf.words:
            self._notice(
                words.at, f"{leaf.words} has several words and no quotes; read as a phrase"
            )
        return leaf

    def _check_text(self, words: _Words) -> None:
        if not re.search(r"\w", words.text):
            raise self._error("A term is empty.", words.at, remedy="Write a word, or remove it.")
        if re.search(r"[?$]|(?<!\w)\*|\*\*", words.text):
            raise self._error(
                f"PubMed cannot truncate {words.text!r} like this.",
                words.at,
                remedy="Write * within a word or at its end; it stands for any letters.",
            )

    def _limit(self, words: _Words, kind: LimitKind) -> Limit:
        if not words.text:
            raise self._error("A limit is empty.", words.at, remedy="Write its value.")
        if kind != "years":
            return Limit(kind, words.text.lower())
        start, _, end = (part.strip().strip('"') for part in words.text.partition(":"))
        at = words.at
        following = self._peek()
        if not end and following is not None and following.kind == "colon":
            self._take()
            if self._peek() is None:
                raise self._error(
                    "A range has no end.", following.at, remedy="Write the last year."
                )
            last = self._words()
            tag = self._peek()
            if tag is not None and tag.kind == "tag":
                self._take()
            end, at = last.text, last.at
        end = end or start
        for date in (start, end):
            if not _DATE.match(date):
                raise self._error(
                    f"{date!r} is not a date.", at, remedy="Write 2011 or 2011/01/31."
                )
        return Limit("years", f"{start}:{end}")


def _plain(words: str) -> str:
    return re.sub(r"\s+", " ", words).strip()


def parse_line(text: str, *, first_line: int = 1) -> tuple[Node, tuple[str, ...]]:
    """Parse one line in PubMed's syntax into a tree, with notices for the searcher.

    Raises:
        StrategyError: it cannot be parsed; the error names line and column.
    """
    parser = _Parser(text, first_line)
    return parser.parse(), tuple(parser.notices)


def parse(text: str, *, use: str | None = None) -> Strategy:
    """Parse a strategy in plain text, with or without line numbers.

    Args:
        text: the strategy.
        use: name of the line to run; None for the last line.

    Raises:
        StrategyError: it cannot be parsed; the error names line and column if they are known.
    """
    plain, notices = normalise(text)
    lines: dict[str, Line] = {}
    all_notices = list(notices)
    split = read_history(plain) or [(*line, None) for line in split_lines(plain)]
    for name, body, at, reported in split:
        node, line_notices = parse_line(body, first_line=at)
        all_notices.extend(line_notices)
        lines[name] = Line(name, node, " ".join(body.split()), position=at, reported=reported)
    strategy = Strategy(lines=lines, use=use or list(lines)[-1], notices=tuple(all_notices))
    check_references(strategy)
    return strategy


def check_references(strategy: Strategy) -> None:
    """Check the references of every line, including lines that are not run.

    Raises:
        StrategyError: a line refers to itself, or to a line that does not exist.
    """
    for name in (*strategy.lines, strategy.use):
        expand(strategy, name)
