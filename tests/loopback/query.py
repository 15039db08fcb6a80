"""A small reader of the three Boolean syntaxes, independent of the product's own.

Brackets, AND, OR, NOT from left to right, quotes, truncation, fields before or after the words.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from functools import cache

from tests.loopback.corpus import Article

Test = Callable[[Article], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<op>AND|OR|NOT)(?![\w:*])"
    r'|(?P<field>[A-Za-z_.]+):(?=[("\[]|\S)(?:\[(?P<from>[^\]]+?) TO (?P<to>[^\]]+)\])?'
    r'|(?P<words>"[^"]*"|[^\s()\[\]":]+)(?:\[(?P<tag>[^\]]*)\])?(?P<near>~\d+)?|(?P<colon>:))'
)


class BadQuery(ValueError):
    """A query that a source refuses."""


@cache
def compiled(query: str) -> Test:
    """A query as a test that articles pass or fail."""
    reader = _Reader(query)
    test = reader.expression("")
    if reader.left():
        raise BadQuery(f"unread: {reader.left()[:60]}")
    return test


class _Reader:
    def __init__(self, query: str) -> None:
        self._query = query
        self._at = 0

    def left(self) -> str:
        return self._query[self._at :].strip()

    def _peek(self) -> re.Match[str] | None:
        return _TOKEN.match(self._query, self._at)

    def _take(self) -> re.Match[str]:
        token = self._peek()
        if token is None:
            raise BadQuery(f"unreadable at {self._at}: {self._query[self._at : self._at + 40]!r}")
        self._at = token.end()
        return token

    def expression(self, field: str) -> Test:
        test = self._operand(field)
        while (token := self._peek()) is not None and not token["close"]:
            operator = "AND"
            if token["op"]:
                operator = self._take()["op"]
                following = self._peek()
                if following is not None and following["op"] == "NOT":
                    self._take()
                    operator = "NOT"
            test = _joined(operator, test, self._operand(field))
        return test

    def _operand(self, field: str) -> Test:
        token = self._take()
        if token["op"] == "NOT":
            inner = self._operand(field)
            return lambda article: not inner(article)
        if token["open"]:
            dates = re.match(
                r'"([\d/]+)"\[(dp|crdt|lr)\] : "([\d/]+)"\[\2\]\)', self._query[self._at :]
            )
            if dates:
                self._at += dates.end()
                if dates[2] == "dp":
                    return _years(dates[1], dates[3])
                return _days(dates[2], dates[1].replace("/", "-"), dates[3].replace("/", "-"))
            test = self.expression(field)
            if not self._take()["close"]:
                raise BadQuery("a bracket is not closed")
            return test
        if token["field"]:
            if token["from"] and token["field"].upper() in ("FIRST_IDATE", "UPDATE_DATE"):
                kind = "crdt" if token["field"].upper() == "FIRST_IDATE" else "lr"
                return _days(kind, token["from"], token["to"])
            if token["from"]:
                return _years(token["from"], token["to"])
            return self._operand(token["field"].upper())
        if token["words"] is None:
            raise BadQuery(f"an operator too many at {self._at}")
        words = token["words"]
        return _leaf(words.strip('"'), field, (token["tag"] or "").lower())


def _joined(operator: str, one: Test, other: Test) -> Test:
    if operator == "OR":
        return lambda article: one(article) or other(article)
    if operator == "NOT":
        return lambda article: one(article) and not other(article)
    return lambda article: one(article) and other(article)


def _years(first: str, last: str) -> Test:
    start, end = int(first[:4]), int(last[:4])
    return lambda article: start <= article.year <= end


def _days(kind: str, first: str, last: str) -> Test:
    start, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    if kind == "crdt":
        return lambda article: start <= article.entered <= end
    return lambda article: article.changed is not None and start <= article.changed <= end


def _leaf(words: str, field: str, tag: str) -> Test:
    if field == "MESH" or tag.startswith(("mesh", "mh", "majr")):
        name = words.partition("/")[0].lower()
        return lambda article: name in map(str.lower, article.headings)
    if tag == "uid" or field in ("EXT_ID", "PMID"):
        return lambda article: article.pmid == words
    if tag in ("aid", "doi") or field == "DOI":
        return lambda article: article.doi == words.lower()
    if field == "SRC":
        return lambda article: words == "MED"
    if words == "hasabstract":
        return lambda article: article.abstract is not None
    if tag == "la" or field in ("LANG", "LANGUAGE"):
        return lambda article: words.lower()[:2] in (article.language[0][:2], article.language[1])
    if tag in ("sb", "pt", "mh"):
        return lambda article: True
    pattern = _pattern(words)
    if field == "TITLE" or tag == "ti":
        return lambda article: bool(pattern.search(plain(article.title)))
    if field == "ABSTRACT":
        return lambda article: bool(pattern.search(plain(article.abstract or "")))
    return lambda article: bool(
        pattern.search(plain(f"{article.title} ¦ {article.abstract or ''}"))
    )


def _pattern(words: str) -> re.Pattern[str]:
    parts = (re.escape(word).replace(r"\*", "[a-z0-9]*") for word in plain(words).split())
    return re.compile(r"(?<![a-z0-9])" + " ".join(parts) + r"(?![a-z0-9])")


@cache
def plain(text: str) -> str:
    """Text in lower case, with blanks for apostrophes and hyphens, and no other signs except stars."""
    return " ".join(re.sub(r"[^a-z0-9*¦]+", " ", text.lower().replace("’", "'")).split())
