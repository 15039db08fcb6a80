"""Find the figures that a document prints, by sentences with named gaps.

A gap ``{flow.identified}`` is a number with that name; ``{x:%}`` is one in per cent; ``{x:~}`` is
the end of an interval from random draws. ``<one>`` is a word that names of gaps can use,
``<one*>`` any text, and ``[[...]]`` a part that can be missing.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

NUMBER: Final = r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_PARTS: Final = re.compile(r"\{([^{}]+)\}|<(\w+)(\*?)>|\[\[|\]\]")
_TOKEN: Final = re.compile(rf"(?<![\w.-]){NUMBER}(?!\w)")


@dataclass(frozen=True, slots=True)
class Printed:
    """A number in a document.

    Attributes:
        name: of the figure; ``unit`` is "%", "~" or "".
        text: as printed; ``line`` is where.
    """

    name: str
    unit: str
    text: str
    line: str

    @property
    def number(self) -> float:
        """The number; a per cent is a share of 1."""
        value = float(self.text.replace(",", ""))
        return value / 100 if "%" in self.unit else value

    @property
    def precision(self) -> float:
        """Half of the last place that is printed."""
        places = len(self.text.partition(".")[2])
        return 0.5 * 10**-places * (0.01 if "%" in self.unit else 1.0)


@dataclass
class Reading:
    """What was found in a document: figures, and numbers in no known sentence, marked ⟦so⟧."""

    figures: list[Printed] = field(default_factory=list)
    others: list[tuple[str, str]] = field(default_factory=list)


def _pattern(template: str) -> tuple[re.Pattern[str], list[tuple[str, str]]]:
    names: list[tuple[str, str]] = []
    out, end = "", 0
    for part in _PARTS.finditer(template):
        out += re.escape(template[end : part.start()])
        end = part.end()
        if part.group(1):
            name, _, unit = part.group(1).partition(":")
            names.append((name, unit))
            out += f"(?P<n{len(names)}>{NUMBER})"
        elif part.group(2):
            characters = "." if part.group(3) else "[^,:|.]"
            out += f"(?P<{part.group(2)}>{characters}+?)"
        else:
            out += "(?:" if part.group(0) == "[[" else ")?"
    return re.compile(out + re.escape(template[end:])), names


def text_of(page: str) -> str:
    """The lines of a page's main part, cells divided by bars."""
    found = re.search(r"<main.*?</main>", page, re.DOTALL)
    text = found.group(0) if found else page
    text = re.sub(r"<(script|style).*?</\1>", "", text, flags=re.DOTALL)
    text = " ".join(text.split())
    text = re.sub(r"</dt>", ": ", text)
    text = re.sub(r"</(?:p|h\d|div|li|tr|dt|dd|section|label|option|summary)>", "\n", text)
    text = re.sub(r"</t[dh]>", " | ", text)
    text = html.unescape(re.sub(r"<[^>]+>", "", text))
    return "\n".join(" ".join(line.split()) for line in text.split("\n") if line.strip())


def read(document: str, templates: Sequence[str], context: Sequence[str] = ()) -> Reading:
    """Read a document's figures.

    Args:
        document: its text.
        templates: the sentences that it can have.
        context: patterns with named groups whose last match above a line gives words to the names
            of its figures, such as the heading of a search.
    """
    compiled = [_pattern(template) for template in templates]
    headings = [re.compile(pattern) for pattern in context]
    words: dict[str, str] = {}
    reading = Reading()
    for line in document.split("\n"):
        for heading in headings:
            match = heading.search(line)
            if match:
                words |= match.groupdict()
        covered = [False] * len(line)
        for pattern, names in compiled:
            for match in pattern.finditer(line):
                if any(covered[match.start() : match.end()]):
                    continue
                covered[match.start() : match.end()] = [True] * (match.end() - match.start())
                _add(reading, match, names, {**words, **match.groupdict()})
        reading.others += [
            (token.group(0), f"{line[: token.start()]}⟦{token.group(0)}⟧{line[token.end() :]}")
            for token in _TOKEN.finditer(line)
            if not covered[token.start()]
        ]
    return reading


def _add(
    reading: Reading,
    match: re.Match[str],
    names: Sequence[tuple[str, str]],
    words: Mapping[str, Any],
) -> None:
    for at, (name, unit) in enumerate(names, start=1):
        text = match.group(f"n{at}")
        if text is not None:
            whole = re.sub(r"\((\w+)\)", lambda found: str(words.get(found.group(1))).strip(), name)
            reading.figures.append(Printed(whole, unit, text, match.group(0)[:160]))


def share(name: str, what: str = "") -> str:
    """The sentence part of a share of something, with its interval."""
    return (
        f"{{{name}.found}} of {{{name}.counted}}{what} ({{{name}.value:%}} %; 95 % interval "
        f"{{{name}.low:%}} to {{{name}.high:%}} %)"
    )


def measure(name: str, words: str = "95 % interval ") -> str:
    """The sentence part of a coefficient with an interval from draws."""
    return f"{{{name}.value}}[[ ({words}{{{name}.low:~}} to {{{name}.high:~}})]]"
