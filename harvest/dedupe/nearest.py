"""Titles that read alike: what somebody is shown who says that a record was there before."""

from __future__ import annotations

from collections.abc import Mapping

from rapidfuzz import fuzz, process

from harvest.text import fold


def nearest(title: str, others: Mapping[int, str], *, limit: int) -> list[int]:
    """The keys of the titles that are most like one, the likest first.

    By the words in any order, so that a title with its parts turned round is found. Nothing is
    merged by it: a person compares.

    Args:
        title: of the record in question; without one nothing is like it.
        others: titles by key.
        limit: how many at most.
    """
    wanted = fold(title)
    if not wanted:
        return []
    folded = {key: fold(other) for key, other in others.items()}
    found = process.extract(wanted, folded, scorer=fuzz.token_sort_ratio, limit=limit)
    return [key for _, _, key in sorted(found, key=lambda each: (-each[1], each[2]))]
