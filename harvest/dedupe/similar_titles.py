"""Find similar titles, to show to a person who says that a record is a duplicate."""

from __future__ import annotations

from collections.abc import Mapping

from rapidfuzz import fuzz, process

from harvest.text import fold


def find_similar_titles(title: str, others: Mapping[int, str], *, limit: int) -> list[int]:
    """Keys of the titles most similar to one, most similar first.

    Words are compared in any order, so a title whose parts are swapped is found too. Nothing is
    merged automatically: a person compares.

    Args:
        title: of the record in question; an empty title has no similar ones.
        others: titles by key.
        limit: largest number to return.
    """
    folded_title = fold(title)
    if not folded_title:
        return []
    folded = {key: fold(other) for key, other in others.items()}
    matches = process.extract(folded_title, folded, scorer=fuzz.token_sort_ratio, limit=limit)
    return [key for _, _, key in sorted(matches, key=lambda match: (-match[1], match[2]))]
