"""Recognise the platform in whose syntax a strategy is written, by marks that it alone uses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from harvest.strategy.normalise import normalise

Syntax = Literal[
    "pubmed", "ovid", "ebsco", "proquest", "wos", "scopus", "embase", "central", "unknown"
]
NAMES: Final[Mapping[Syntax, str]] = {
    "pubmed": "PubMed",
    "ovid": "Ovid",
    "ebsco": "EBSCOhost",
    "proquest": "ProQuest",
    "wos": "Web of Science",
    "scopus": "Scopus",
    "embase": "Embase.com",
    "central": "the Cochrane Library",
    "unknown": "an unknown platform",
}

_FIELDS = r"(?:ti|ab|kw|kf|hw|sh|tw|mp|ot|nm|rn|pt|jn|so|au|id|tc|de|mh|af|fs|sw|xs)"
# Marks by platform: those that no other platform uses, then those that some others use too. Each
# has a longest length: without one, a long text without marks would take minutes.
_SURE: Final[Mapping[Syntax, str]] = {
    "pubmed": r"\[(?:tiab|ti|tw|ot|all|mh|mesh|majr|title|title/abstract|text word|other term"
    r"|all fields|mesh terms|mesh major topic|dp|pdat|la|lang|pt|sb|filter|sh|jour|ta|au)"
    r"(?::\s*(?:noexp|exp|~?\d+))?\]",
    "ovid": rf"[\w)*$?#\"]\s?\.{_FIELDS}(?:,{_FIELDS})*\.?(?![\w])|\badj\d{{1,2}}\b"
    r"|\bremove duplicates from \d|[a-z]/[a-z]{2}(?:,\s?[a-z]{2})*\s\[[A-Z]|/\s+use\s+[a-z]{4,}\b"
    r"|(?:^|[\s(])exp\s+[*\w][^/\n]{0,80}/|\b(?:or|and)/\d+(?:-\d+|,\d)|\blimit\s+\d+\s+to\b"
    r"|\*[A-Z][\w ,-]{1,80}/|\b[A-Z][\w ,'-]{1,80}/(?=\s|$|\))",
    "ebsco": r"\((?:MH|MM|MJ|DE|ZU|SU)\s+\"|\b(?:TX|XB|AB|TI|MH|MM|DE|ZU|ZX|SU|KW)\s*+(?:\(\s*+)?\""
    r"|\b(?:TX|XB)\s*\(|\b(?:TI|AB|TX|SU|KW|MH|DE)\s+\("
    r"|(?<!\bOR)(?<!\bAND)(?<!\bNOT)(?<=[\w*)\"?#])\s[NW](?:[1-9]|1\d|20)\s[\w(\"]"
    r"|\bLimiters - |\bSearch modes - ",
    "proquest": r"\bMAINSUBJECT\b|\bNOFT\s*\(|\b(?:TI|AB),(?:TI|AB)(?:,\w{1,10}){0,12}\s*\("
    r"|\b(?:diskw|su\.exact|pub\.exact)\b|\.explode\b|\b(?:noft|subt)\s*\(",
    "wos": r"\b(?:TS|TI|AB|AK|KP|SU|WC|SO|AU|DO|ALL)\s*=\s*[(\"a-zA-Z*]|\b(?:PY|FPY)\s*=\s*[(\d]"
    r"|\b(?:TOPIC|TITLE|LANGUAGE|DOCUMENT TYPES|AUTHOR):\s*\(|\b(?:Indexes|Timespan)\s*=",
    "scopus": r"\bTITLE-ABS(?:-KEY)?(?:-AUTH)?\s*\(|\b(?:PUBYEAR|LIMIT-TO|EXCLUDE|INDEXTERMS"
    r"|SRCTITLE|DOCTYPE|AUTHKEY)\b|\bAND\s+NOT\b|\b(?:W|PRE)/\d+",
    "embase": r"'[^'\n]{1,80}'/(?:exp|de|mj|br)\b|\w/(?:exp|mj)\b|\[[a-z]+\]/(?:lim|py)\b"
    r"|'[^'\n]{1,80}':(?:ti|ab|kw|de|tn)|\]/(?:lim|py)\b",
    "central": r"MeSH descriptor:\s*\[|\[mh\s+[^\]]{1,120}\]|\bexplode all trees\b"
    r"|:(?:ti|ab),(?:ti|ab),kw\b|\{(?:or|and)\s+#\d",
}
_SHARED: Final[Mapping[str, tuple[Syntax, ...]]] = {
    r"\b(?:NEAR|near)/\d+\b": ("wos", "proquest", "embase", "central"),
    r"\b(?:NEXT|next)/\d+\b": ("embase", "central"),
    r"\b(?:PRE|pre|P)/\d+\b": ("proquest", "scopus"),
    r"[\w*)\"]\s(?:ADJ|adj)\s[\w(\"]": ("ovid",),
    r"(?<!\w)'[^'\n ]{1,40} [^'\n]{1,80}'(?![\w\[])": ("embase",),
    r"(?<!\])(?<!'):(?:ti|ab)(?:,(?:ti|ab|kw))*\b": ("embase", "central"),
    r"\b(?:TI|AB|SU|AU)\(": ("ebsco", "proquest"),
    r"\b(?:ti|ab|su|pub)\(": ("proquest",),
    r"\b(?:KEY|TITLE|ABS)\s*\(": ("scopus",),
    r"\w\$(?:\d|\b|$|\s|\))": ("ovid", "wos"),
}
_CASE: Final = frozenset({"wos", "scopus", "ebsco", "ovid"})
# Marks of other platforms that are never words, so that one of them in PubMed's syntax is wrong.
_NEVER: Final = re.compile(
    r"\b(?:TS|AK|KP|WC|SO)\s*=\s*[(\"a-zA-Z]|\b(?:MH|MM)\s+\"|\bTITLE-ABS"
    r"|\b(?:PUBYEAR|MAINSUBJECT)\b|'/(?:exp|de|mj)\b|:(?:ti|ab),(?:ti|ab|kw)|\bW/\d"
    rf"|\.{_FIELDS},{_FIELDS}(?:,{_FIELDS})*\.?(?!\w)|[\w*)$\"]\.{_FIELDS}\.(?=\s|$|\))"
    r"|(?i:\bMeSH descriptor:|\[mh\s*[\^\"]|\bnoft\s*\(|\b(?:near|next|pre|onear)/\d|\badj\d)"
    r"|(?:^|[\s(])exp\s+\*?[A-Z][\w ,'-]{0,80}/",
    re.MULTILINE,
)
# Lines of EBSCOhost and ProQuest have the letter S. "S1 and S2 heart sounds" is neither two such
# lines nor a line that joins others.
_S_LINE: Final = re.compile(r"^[ \t]*S\d{1,3}\b", re.MULTILINE)
_S_JOIN: Final = re.compile(
    r"^[ \t(]*S\d{1,3}[ \t)]*(?:(?i:AND|OR|NOT)[ \t(]+S\d{1,3}[ \t)]*)+$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """The syntax of a text, and the mark by which it was recognised.

    Attributes:
        mark: the first mark of the syntax in the text; "" if there is none.
        line: the mark's line, from 1; None if there is none.
    """

    syntax: Syntax
    mark: str = ""
    line: int | None = None


def recognise(text: str) -> Recognised:
    """Recognise the platform of a strategy.

    A text without any mark counts as PubMed's, which maps plain words itself. Marks that several
    platforms share, without one that settles it, make it "unknown".
    """
    plain = _without_quotes(normalise(text)[0])
    found: dict[Syntax, list[re.Match[str]]] = {}
    for syntax, pattern in _SURE.items():
        flags = re.MULTILINE | (0 if syntax in _CASE else re.IGNORECASE)
        matches = list(re.finditer(pattern, plain, flags))
        if syntax == "ovid":
            matches += re.finditer(r"\bADJ\d{0,2}\b|\b(?:OR|AND)/\d+", plain)
        if matches:
            found[syntax] = matches
    shared: dict[Syntax, list[re.Match[str]]] = {}
    for pattern, syntaxes in _SHARED.items():
        for match in re.finditer(pattern, plain, re.MULTILINE):
            for syntax in syntaxes:
                shared.setdefault(syntax, []).append(match)
    history = list(_S_LINE.finditer(plain))
    history = history if len(history) > 1 else list(_S_JOIN.finditer(plain))
    for syntax in ("ebsco", "proquest") if history else ():
        shared.setdefault(syntax, []).extend(history)
    if found:
        weights = {
            syntax: 3 * len(matches) + len(shared.get(syntax, ()))
            for syntax, matches in found.items()
        }
        foreign = _NEVER.search(plain)
        if foreign:
            weights.pop("pubmed", None)
            if not weights:
                return _recognised("unknown", foreign, plain)
        best = max(weights, key=weights.__getitem__)
        return _recognised(best, found[best][0], plain)
    if not shared:
        return Recognised("pubmed")
    most = max(map(len, shared.values()))
    likely = [syntax for syntax, matches in shared.items() if len(matches) == most]
    best = likely[0] if len(likely) == 1 else "unknown"
    return _recognised(best, shared[likely[0]][0], plain)


def _recognised(syntax: Syntax, match: re.Match[str], text: str) -> Recognised:
    return Recognised(syntax, match.group().strip(), text.count("\n", 0, match.start()) + 1)


def _without_quotes(text: str) -> str:
    """A text with the words of quoted phrases blanked out: they are searched for, not read."""
    return re.sub(r'"[^"\n]*"', lambda match: '"' + "_" * (len(match.group()) - 2) + '"', text)
