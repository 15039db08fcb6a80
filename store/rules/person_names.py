"""When two names of people are the same, and when they only look the same. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import combinations
from typing import Final

# Letters of other scripts, in lower case, and the Latin letter that they or their capitals look
# like; digits that look like a letter. A selection from Unicode's list of confusables (UTS 39).
_LOOKS_LIKE: Final = str.maketrans(
    {
        "а": "a", "в": "b", "е": "e", "ѕ": "s", "і": "i", "ј": "j", "к": "k", "ӏ": "l", "м": "m",
        "н": "h", "о": "o", "р": "p", "с": "c", "т": "t", "у": "y", "х": "x", "ԛ": "q", "ԝ": "w",
        "һ": "h", "ԁ": "d", "α": "a", "β": "b", "ε": "e", "ζ": "z", "η": "h", "ι": "i", "κ": "k",
        "μ": "m", "ν": "n", "ο": "o", "ρ": "p", "τ": "t", "υ": "y", "χ": "x", "ϲ": "c", "ϳ": "j",
        "օ": "o", "ս": "u", "ո": "n", "հ": "h", "զ": "q", "ց": "g", "ı": "i", "ɑ": "a", "ɡ": "g",
        "0": "o", "1": "l", "|": "l",
    }
)  # fmt: skip
# Letters and symbols that show nothing: Hangul fillers and the empty Braille pattern.
_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")
# Controls, formats (such as marks of direction and joiners), halves of characters, characters
# that nobody has assigned or that each system shows as it likes, breaks of lines and paragraphs.
_INVISIBLE: Final = frozenset(("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"))


def find_invisible(name: str) -> str | None:
    """What a name has that cannot be seen, in words; None if all of it can be seen."""
    for character in name:
        category = unicodedata.category(character)
        is_selector = "VARIATION SELECTOR" in unicodedata.name(character, "")
        if category in _INVISIBLE or character in _BLANK or is_selector:
            called = unicodedata.name(character, "a control character").lower()
            return f"U+{ord(character):04X} ({called})"
    return None


def make_name_key(name: str) -> str:
    """The form of a name in which no two people may agree.

    Case, width and other compatible forms of characters make no difference, nor do blanks: NFKC and
    full case folding, each until nothing changes, as Unicode's toNFKC_Casefold does.
    """
    key = " ".join(unicodedata.normalize("NFKC", name).split())
    while (folded := unicodedata.normalize("NFKC", key.casefold())) != key:
        key = folded
    return key


def list_look_alikes(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names that differ and look much the same, in the sequence of the names."""
    by_look: dict[str, list[str]] = {}
    for name in names:
        by_look.setdefault(_draw(name), []).append(name)
    return [
        pair
        for alike in by_look.values()
        for pair in combinations(alike, 2)
        if make_name_key(pair[0]) != make_name_key(pair[1])
    ]


def _draw(name: str) -> str:
    """A name as it looks at a glance: letters of one look become one letter, accents go."""
    plain = unicodedata.normalize("NFD", make_name_key(name).translate(_LOOKS_LIKE))
    bare = "".join(c for c in plain if unicodedata.category(c) != "Mn")
    return bare.translate(_LOOKS_LIKE).replace("rn", "m").replace("vv", "w").replace(" ", "")
