"""A strategy's text without what word processors put in: straight quotes, plain blanks."""

from __future__ import annotations

import re

from harvest.errors import StrategyError

_CHANGES = (
    (re.compile("[“”„‟«»″＂]"), '"', "curly double quote(s) became straight"),
    (re.compile("[‘’‚‛′‵`´ʼ＇]"), "'", "curly apostrophe(s) became straight"),
    (re.compile("[‐‑‒–—―−﹣－]"), "-", "long dash(es) became hyphens"),
    (re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]"), " ", "special blank(s)"),
    (re.compile("[\u200b-\u200d\u2060\ufeff\u00ad]"), "", "invisible character(s) were removed"),
)
# "#1 AND …" begins with a reference, not with a number.
_NUMBERED = re.compile(
    r"^\s*(?:#\s*(\d+)[.:)]?|(\d{1,3})[.:)])(?:\s+(?!(?:AND|OR|NOT)\b)|(?=[(\"]))(.*)$"
)


def normalised(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with plain characters, and a notice for each line and kind of change."""
    lines, notices = [], []
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        for pattern, plain, words in _CHANGES:
            line, count = pattern.subn(plain, line)
            if count:
                notices.append(f"line {number}: {count} {words}")
        lines.append(line.replace("\t", " "))
    return "\n".join(lines), tuple(notices)


def numbered(text: str) -> list[tuple[str, str, int]]:
    """The lines of a strategy: (name, text, line of the file it begins on).

    With "#1 …" or "1. …" a line without a number goes on with the one before. Where no line is
    numbered, each is a line of the strategy, and one whose brackets are open goes on with the next.

    Raises:
        StrategyError: a number is used twice, or text stands before the first numbered line.
    """
    rows = [(at, line) for at, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not rows:
        raise StrategyError("The strategy is empty.", remedy="Write at least one line.")
    if not any(_NUMBERED.match(line) for _, line in rows):
        return _unnumbered(rows)
    found: list[tuple[str, str, int]] = []
    for at, line in rows:
        match = _NUMBERED.match(line)
        if match:
            name = match.group(1) or match.group(2)
            if any(name == known for known, _, _ in found):
                raise StrategyError(
                    f"There are two lines #{name}.",
                    remedy="Give each line a number of its own.",
                    line=at,
                )
            found.append((name, " " * match.start(3) + match.group(3), at))
        elif not found:
            raise StrategyError(
                "Text stands before the first numbered line.",
                remedy='Number every line, as in "#1 child*[tiab]", or none.',
                line=at,
            )
        else:
            name, text, start = found[-1]
            # Blank lines between are kept, so that errors name the right line.
            gap = at - start - text.count("\n")
            found[-1] = (name, text + "\n" * gap + line, start)
    return found


def _unnumbered(rows: list[tuple[int, str]]) -> list[tuple[str, str, int]]:
    found: list[tuple[str, str, int]] = []
    open_brackets = 0
    for at, line in rows:
        if open_brackets > 0:
            name, text, start = found[-1]
            found[-1] = (name, text + "\n" * (at - start - text.count("\n")) + line, start)
        else:
            found.append((str(len(found) + 1), line, at))
        plain = re.sub(r'"[^"]*"', "", line)
        open_brackets += plain.count("(") - plain.count(")")
    return found
