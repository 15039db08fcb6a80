"""Undo what word processors do to a strategy's text, and split it into lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Set

from harvest.errors import StrategyError

_CHANGES = (
    (re.compile("[“”„‟«»″＂]"), '"', "curly double quote(s) became straight"),
    (re.compile("[‘’‚‛′‵`´ʼ＇]"), "'", "curly apostrophe(s) became straight"),
    (re.compile("[‐‑‒–—―−﹣－]"), "-", "long dash(es) became hyphens"),
    (re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]"), " ", "special blank(s)"),
    (re.compile("[\u200b-\u200d\u2060\ufeff\u00ad]"), "", "invisible character(s) were removed"),
)
# "#1 AND …" starts with a reference to a line, not with a line number.
_NUMBERED = re.compile(
    r"^\s*(?:#\s*(\d+)[.:)]?|(\d{1,3})[.:)])(?:\s+(?!(?:AND|OR|NOT)\b(?!/\d))|(?=[(\"]))(.*)$"
)
# Lines joined by their numbers alone, as in "1 AND (2 OR 3)", and as in "or/1-3" and "and/1,4".
_BY_NUMBERS = re.compile(
    r"^[\s(]*#?\d+[\s)]*(?:\b(?:and|or|not)\b[\s(]*#?\d+[\s)]*)+$", re.IGNORECASE
)
# A phrase in quotes is matched first, so that nothing in it is taken for lines.
_JOINED = re.compile(r'"[^"]*"|\b(and|or)/(\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*)', re.IGNORECASE)
_OPERATOR_FIRST = re.compile(r"^\s*(?:AND|OR|NOT)\b")
_OPERATOR_LAST = re.compile(r"\b(?:AND|OR|NOT)\s*$")


def normalise(text: str) -> tuple[str, tuple[str, ...]]:
    """Text with plain quotes, dashes and spaces, and a notice for each line and kind of change."""
    lines, notices = [], []
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        for pattern, plain, words in _CHANGES:
            line, count = pattern.subn(plain, line)
            if count:
                notices.append(f"line {number}: {count} {words}")
        lines.append(line.replace("\t", " "))
    return "\n".join(lines), tuple(notices)


# PubMed's download of a search history; its header has changed over the years.
_HISTORY = re.compile(r'^\ufeff?"?Search(?: number)?"?\s*,\s*"?Query"?\s*,', re.IGNORECASE)


def read_history(text: str) -> list[tuple[str, str, int, int | None]]:
    """Searches in PubMed's history table: (number, query, line of the file, items found).

    They come in the order of their numbers; the table has the newest first. Empty if the text is
    no such table.
    """
    if not _HISTORY.match(text):
        return []
    reader = csv.DictReader(text.split("\n"))
    found = []
    for row in reader:
        fields = {(key or "").strip().lower(): str(value or "") for key, value in row.items()}
        number = (fields.get("search number") or fields.get("search") or "").strip().lstrip("#")
        hits = re.sub(r"\D", "", fields.get("items found") or fields.get("results") or "")
        query = fields.get("query", "").strip()
        if number.isdigit() and query:
            found.append((number, query, reader.line_num, int(hits) if hits else None))
    return sorted(found, key=lambda search: int(search[0]))


def split_lines(text: str) -> list[tuple[str, str, int]]:
    """Split a strategy into lines: (name, text, line of the file where it starts).

    If lines are numbered ("#1 …" or "1. …"), a line without a number continues the one before. If
    none is, each line of text is a line of the strategy, and a line with an open bracket continues
    on the next.

    Raises:
        StrategyError: a number is used twice, or there is text before the first numbered line.
    """
    rows = [(at, line) for at, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not rows:
        raise StrategyError("The strategy is empty.", remedy="Write at least one line.")
    if not any(_NUMBERED.match(line) for _, line in rows):
        return _split_unnumbered(rows)
    lines: list[tuple[str, str, int]] = []
    for at, line in rows:
        match = _NUMBERED.match(line)
        if match:
            name = match.group(1) or match.group(2)
            if any(name == earlier for earlier, _, _ in lines):
                raise StrategyError(
                    f"There are two lines numbered #{name}.",
                    remedy="Give each line its own number.",
                    line=at,
                )
            lines.append((name, " " * match.start(3) + match.group(3), at))
        elif not lines:
            raise StrategyError(
                "There is text before the first numbered line.",
                remedy='Number every line, as in "#1 child*[tiab]", or number none.',
                line=at,
            )
        else:
            lines[-1] = _continue(lines[-1], line, at)
    names = {name for name, _, _ in lines}
    return [(name, _with_references(body, names, at), at) for name, body, at in lines]


def _with_references(body: str, names: Set[str], at: int) -> str:
    """A line with "#" before the numbers of lines, where they cannot be words.

    Raises:
        StrategyError: lines are joined that do not exist.
    """

    def joined(match: re.Match[str]) -> str:
        if match.group(1) is None:
            return match.group()
        numbers: list[str] = []
        for part in match.group(2).split(","):
            first, _, last = part.partition("-")
            # The ends first: a range of a billion lines is not written out.
            if not {first, last or first} <= names:
                raise StrategyError(
                    f"{match.group()} names a line that does not exist.",
                    remedy=f"The lines are: {', '.join(sorted(names, key=int))}.",
                    line=at,
                )
            numbers += map(str, range(int(first), int(last or first) + 1))
        together = f" {match.group(1).upper()} ".join(f"#{number}" for number in numbers)
        return f"({together})"

    body = _JOINED.sub(joined, body)
    if not _BY_NUMBERS.match(body) or not set(re.findall(r"\d+", body)) <= names:
        return body
    body = re.sub(r"#?(\d+)", r"#\1", body)
    return re.sub(r"\b(?:and|or|not)\b", lambda match: match.group().upper(), body, flags=re.I)


def _split_unnumbered(rows: list[tuple[int, str]]) -> list[tuple[str, str, int]]:
    lines: list[tuple[str, str, int]] = []
    open_brackets = 0
    for at, line in rows:
        goes_on = bool(lines) and (
            open_brackets > 0
            or bool(_OPERATOR_FIRST.match(line))
            or bool(_OPERATOR_LAST.search(lines[-1][1]))
        )
        if goes_on:
            lines[-1] = _continue(lines[-1], line, at)
        else:
            lines.append((str(len(lines) + 1), line, at))
        plain = re.sub(r'"[^"]*"', "", line)
        open_brackets += plain.count("(") - plain.count(")")
    return lines


def _continue(last: tuple[str, str, int], line: str, at: int) -> tuple[str, str, int]:
    """Add to the last line, with any blank lines between, so that errors name the right line."""
    name, text, start = last
    gap = at - start - text.count("\n")
    return name, text + "\n" * gap + line, start
