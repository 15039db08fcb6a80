"""Text as LaTeX and back, for BibTeX: braces always balance, and every character comes back."""

from __future__ import annotations

import re
from typing import Final

_COMMANDS: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "%": r"\%",
    "#": r"\#",
    "&": r"\&",
    "_": r"\_",
    "$": r"\$",
    # It begins an entry in BibTeX itself.
    "@": "{@}",
}
# The mark between the values of a list, inside one of them.
_MARK: Final = "{;}"
_SPECIAL = re.compile("|".join(re.escape(character) for character in _COMMANDS))
# Two of these in a row would become a dash or a quotation mark, and " and " parts two authors.
_PAIR = re.compile(r"(-|'|`)(?=\1)")
_AND = re.compile(r"\b(and|others)\b", re.IGNORECASE)
_BACK = {_MARK: ";", **{command: character for character, command in _COMMANDS.items()}}
_COMMAND = re.compile("|".join(re.escape(command) for command in (*_BACK, "{}")))


def escape(text: str) -> str:
    """Text as LaTeX, for a value in braces."""
    latex = _SPECIAL.sub(lambda match: _COMMANDS[match.group(0)], text)
    return _PAIR.sub(r"\1{}", latex)


def escape_item(text: str) -> str:
    """A value as LaTeX, for a list that semicolons part."""
    return escape(text).replace(";", _MARK)


def escape_name(text: str) -> str:
    """A name as LaTeX, for a list of people that "and" parts."""
    return _AND.sub(lambda match: f"{match.group(0)[0]}{{}}{match.group(0)[1:]}", escape(text))


def unescape(latex: str) -> str:
    """The text of ``escape``, ``escape_item`` and ``escape_name``."""
    return _COMMAND.sub(lambda match: _BACK.get(match.group(0), ""), latex)
