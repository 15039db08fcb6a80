"""Compare two titles: do they differ by nothing, a slip, a subtitle, a number or a word?"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise
from operator import add
from typing import Final

from rapidfuzz.distance import OSA

from harvest.dedupe.prepare import Wording


class Title(IntEnum):
    """How similar two titles are, from worst to best."""

    MISSING = 0
    """At least one record has no title."""
    OTHER = 1
    """Different words."""
    SIBLING = 2
    """Most words are shared, but a word is replaced by another ("adults", "children")."""
    YEAR = 3
    """The same except for a year ("2009", "2010"): reports of one series."""
    NUMBER = 4
    """The same except for another number ("part 1", "part 2")."""
    NUMBERED = 5
    """The same except for a number that only one has."""
    LONGER = 6
    """One has additional words; none is replaced."""
    CONTAINED = 7
    """One starts with the whole of the other and adds a subtitle."""
    NEAR = 8
    """The same except for slips: spelling, spacing, a small word."""
    EQUAL = 9


# A letter or two apart but opposite in meaning: never a slip.
_OPPOSITES: Final = (
    *(("hyper", "hypo"), ("intra", "inter"), ("micro", "macro"), ("mono", "poly"), ("pre", "post")),
    *(("male", "female"), ("men", "women"), ("boys", "girls"), ("maternal", "paternal")),
    *(("mothers", "fathers"), ("primary", "secondary"), ("vivo", "vitro"), ("endo", "exo")),
    *(("systolic", "diastolic"), ("increase", "decrease"), ("sensitive", "resistant")),
    *(("afferent", "efferent"), ("adduct", "abduct"), ("ante", "anti"), ("under", "over")),
    *(("urban", "suburban"), ("formal", "informal"), ("inpatient", "outpatient")),
)
_LONG_ENOUGH: Final = 4
_YEAR = re.compile(r"(?:19|20)\d\d|(?:19|20)?\d\d(?:19|20)\d\d")


def _opposite(a: str, b: str) -> bool:
    """Whether two words start with, or are, a pair of opposites."""
    return any(
        (a.startswith(x) and b.startswith(y)) or (a.startswith(y) and b.startswith(x))
        for x, y in _OPPOSITES
    )


# Titles that share a key have many words in common, so the same two words meet again and again.
@lru_cache(maxsize=20_000)
def is_slip(a: str, b: str) -> bool:
    """Whether one word can be the other misspelt, inflected or cut short. Symmetric."""
    if a.isdigit() or b.isdigit():
        return False
    short, long = (a, b) if len(a) <= len(b) else (b, a)
    if len(short) < _LONG_ENOUGH:
        return len(short) > 1 and OSA.distance(a, b, score_cutoff=1) <= 1 and len(long) > 2
    if len(long) - len(short) > 3:
        return False
    if long.startswith(short):
        return True
    allowed = 1 if len(short) < 7 else 2
    return OSA.distance(a, b, score_cutoff=allowed) <= allowed and not _opposite(a, b)


def _has_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)


def _digits(words: list[str]) -> str:
    return "".join("".join(filter(str.isdigit, word)) for word in words)


def _find_joined(title: tuple[str, ...], only: list[str]) -> tuple[set[str], set[str]]:
    """Words of ``only`` that are two neighbours in a title written as one, and the neighbours."""
    joined = _join_neighbours(title).intersection(only)
    parts: set[str] = set()
    if joined:
        for first, second in pairwise(title):
            if first + second in joined:
                parts.update((first, second))
    return joined, parts


def _unpaired(
    a: tuple[str, ...], b: tuple[str, ...], only_a: list[str], only_b: list[str]
) -> tuple[list[str], list[str]]:
    """Words of each title that are not in the other, even as a slip, joined or split."""
    joined_a, split_b = _find_joined(b, only_a)
    joined_b, split_a = _find_joined(a, only_b)
    left_a = [word for word in only_a if word not in joined_a and word not in split_a]
    rest_b = [word for word in only_b if word not in joined_b and word not in split_b]
    unpaired_a = []
    for word in left_a:
        partner = next((other for other in rest_b if is_slip(word, other)), None)
        if partner is None:
            unpaired_a.append(word)
        else:
            rest_b.remove(partner)
    return unpaired_a, rest_b


# If one word is a slip of another, at most this many letters are in one of them only: two letters
# replaced by two others change four, and no slip changes more.
_CHANGED_LETTERS: Final = 4


@lru_cache(maxsize=20_000)
def _letters(word: str) -> int:
    """The letters and digits of a folded word as bits, however often each occurs."""
    bits = 0
    for character in word:
        bits |= 1 << (ord(character) - ord("0"))
    return bits


def has_own_word(words: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Whether a word of one title surely stays unpaired beside the words of another.

    It has no digit, the other title lacks it, no word there is a slip of it, and it is not joined
    or split there. If each of two titles has such a word, and neither starts or ends with the
    other, ``compare_titles`` gives ``OTHER`` or ``SIBLING``. False says nothing.
    """
    distinct = set(others)
    joined = "".join(others)
    for place, word in enumerate(words):
        if word in distinct or not word.isalpha() or _has_slip(word, others):
            continue
        if words.count(word) > 1 or (word in joined and word in _join_neighbours(others)):
            continue
        split = place > 0 and words[place - 1] + word in distinct
        if not split and "".join(words[place : place + 2]) not in distinct:
            return True
    return False


def _has_slip(word: str, others: tuple[str, ...]) -> bool:
    letters = _letters(word)
    for other in others:
        if (letters ^ _letters(other)).bit_count() <= _CHANGED_LETTERS and is_slip(word, other):
            return True
    return False


def _join_neighbours(words: tuple[str, ...]) -> set[str]:
    """Each two neighbouring words written as one."""
    return set(map(add, words, words[1:]))


def compare_titles(one: Wording, other: Wording) -> Title:
    """Compare two titles. Symmetric.

    Words are compared, not letters: titles of one series differ in one word of many, and a ratio of
    letters would call them the same.
    """
    (a, squeezed_a), (b, squeezed_b) = one, other
    if a == b or squeezed_a == squeezed_b:
        return Title.EQUAL
    set_a, set_b = set(a), set(b)
    only_a = [word for word in a if word not in set_b]
    only_b = [word for word in b if word not in set_a]
    shared = len(set_a & set_b)
    if not only_a and not only_b:
        return Title.NEAR
    starts_other = squeezed_a.startswith(squeezed_b) or squeezed_b.startswith(squeezed_a)
    if shared < 0.3 * min(len(set_a), len(set_b)) and not starts_other:
        # Slips cannot explain so few shared words, unless the titles are very short.
        longer = min(len(a), len(b)) > 3
        if longer or OSA.normalized_similarity(squeezed_a, squeezed_b) < 0.85:
            return Title.OTHER
    short, long = sorted((squeezed_a, squeezed_b), key=len)
    if long.startswith(short) or long.endswith(short):
        return _grade_contained(a, b)
    left_a, left_b = _unpaired(a, b, only_a, only_b)
    digits_a, digits_b = _digits(only_a), _digits(only_b)
    if digits_a != digits_b:
        plain_a = [word for word in left_a if not _has_digit(word)]
        plain_b = [word for word in left_b if not _has_digit(word)]
        if not plain_a and not plain_b:
            return _grade_numbers(only_a, only_b)
        return _grade_rest(plain_a, plain_b, a, b, best=Title.SIBLING)
    return _grade_rest(
        [word for word in left_a if not word.isdigit()],
        [word for word in left_b if not word.isdigit()],
        a,
        b,
        best=Title.NEAR,
    )


def _grade_contained(a: tuple[str, ...], b: tuple[str, ...]) -> Title:
    """Grade two titles, one of which is the start or end of the other."""
    short, long = (a, b) if len(a) <= len(b) else (b, a)
    added = list(long)
    for word in short:
        if word in added:
            added.remove(word)
    if len(added) <= 2 and any(_has_digit(word) for word in added):
        return _grade_numbers([], added)
    return Title.LONGER if len(short) < 3 and len(added) > 1 else Title.CONTAINED


def _grade_numbers(only_a: list[str], only_b: list[str]) -> Title:
    """Grade two titles that differ in numbers: years, other numbers, or a number in one only."""
    numbers_a, numbers_b = (
        [word for word in words if _has_digit(word)] for words in (only_a, only_b)
    )
    if not numbers_a or not numbers_b:
        return Title.NUMBERED
    # In "2008. NCES 2008-031" and "2009. NCES 2009-081" it is the year that marks the series.
    years = (any(map(_YEAR.fullmatch, numbers)) for numbers in (numbers_a, numbers_b))
    return Title.YEAR if all(years) else Title.NUMBER


def _grade_rest(
    left_a: list[str], left_b: list[str], a: tuple[str, ...], b: tuple[str, ...], *, best: Title
) -> Title:
    """Grade two titles by the words left unpaired; at most ``best``."""
    if not left_a and not left_b:
        return best
    shorter = min(len(a), len(b))
    if not left_a or not left_b:
        added = len(left_a) + len(left_b)
        if added == 1 and shorter >= 5:
            return min(best, Title.NEAR)
        start = 0
        for x, y in zip(a, b, strict=False):
            if x != y and not is_slip(x, y):
                break
            start += 1
        if start >= 4 and start >= 0.8 * shorter:
            return min(best, Title.CONTAINED)
        return min(best, Title.LONGER) if added <= 0.5 * shorter else Title.OTHER
    share = 1 - max(len(left_a) / len(a), len(left_b) / len(b))
    return Title.SIBLING if share >= 0.5 else Title.OTHER
