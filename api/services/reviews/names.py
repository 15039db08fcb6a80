"""Titles of reviews, names of people, and short names made from them."""

from __future__ import annotations

import unicodedata
from typing import Final

from harvest.text import fold
from store.rules.person_names import find_invisible, make_name_key

LONGEST_TITLE: Final = 500
_LONGEST_NAME: Final = 200
# Some single characters stand for a word, so that the form in which names are compared is longer.
_LONGEST_KEY: Final = 400
# Letters and symbols that show nothing: Hangul fillers and the empty Braille pattern.
_BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# Marks that write what follows from right to left, or end that.
_DIRECTIONS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def make_slug(text: str) -> str:
    """A name as a short key: folded, blanks and punctuation to single hyphens."""
    return "-".join("".join(c if c.isalnum() else " " for c in fold(text)).split())[:200]


def check_title(title: str) -> str:
    """A title of a review as it is stored: on one line, without control characters.

    Raises:
        ValueError: nothing of it can be seen, or it is too long.
    """
    title = " ".join(_without_controls(title).split())
    if not _can_be_seen(title):
        raise ValueError("write a title for the review")
    if len(title) > LONGEST_TITLE:
        raise ValueError(f"a title has at most {LONGEST_TITLE} characters, not {len(title):,}")
    return title


def check_person_name(name: str) -> str:
    """A name of a person as it is stored: all of it can be seen, with single blanks inside.

    Raises:
        ValueError: it is empty or too long, or has characters that cannot be seen.
    """
    name = " ".join(name.split())
    invisible = find_invisible(name)
    if invisible is not None:
        raise ValueError(
            f"a name must not have characters that cannot be seen, such as {invisible}: type the "
            "name instead of pasting it"
        )
    long = len(name) > _LONGEST_NAME or len(make_name_key(name)) > _LONGEST_KEY
    if not _can_be_seen(name) or long:
        raise ValueError(f"a name must have 1 to {_LONGEST_NAME} characters")
    return name


def check_token_name(name: str) -> str:
    """A name of an API token as it is stored: without control characters.

    Raises:
        ValueError: nothing of it can be seen, or it is too long.
    """
    name = _without_controls(name).strip()
    if not _can_be_seen(name) or len(name) > _LONGEST_NAME:
        raise ValueError(f"a token's name must have 1 to {_LONGEST_NAME} characters")
    return name


def _without_controls(text: str) -> str:
    """Text with a blank for each character that a terminal would obey, or that turns text round."""
    return "".join(
        " " if unicodedata.category(c) in ("Cc", "Cs") or c in _DIRECTIONS else c for c in text
    )


def _can_be_seen(text: str) -> bool:
    """Whether there is more than blanks and characters without a width."""
    return any(unicodedata.category(c)[0] not in "CMZ" and c not in _BLANK for c in text)
