"""Tell quickly that two records are not one report.

Most records that share a key are not one report, and this is soon seen: they share no id and no
page, and each title has a word of its own. A record's outline holds what this takes. It is small,
so the outlines of many records can be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from sys import intern

from harvest.dedupe.prepare import Prepared, Wording
from harvest.dedupe.titles import has_own_word


@dataclass(frozen=True, slots=True)
class Outline:
    """The fields of a prepared record that tell most pairs apart; about 700 bytes.

    Attributes:
        page: the first page without leading letters; "" if unknown.
        known: 1 if the authors are known, plus 2 if the venue is, plus 4 if the year is.
    """

    kind: str
    version: str | None
    doi: str | None
    pmid: str | None
    page: str
    known: int
    titles: tuple[Wording, ...]


def make_outline(record: Prepared) -> Outline:
    """The outline of a prepared record."""
    return Outline(
        kind=record.kind,
        version=record.version,
        doi=record.doi,
        pmid=record.pmid,
        page=record.page_number,
        known=bool(record.authors) | bool(record.venue) << 1 | bool(record.year) << 2,
        # Titles of one subject share most of their words.
        titles=tuple(
            Wording(tuple(map(intern, words)), squeezed) for words, squeezed in record.titles
        ),
    )


def are_apart(a: Outline, b: Outline) -> bool:
    """Whether ``compare`` surely finds two records different, without a guard. Symmetric.

    False says nothing. Whatever lets a rule join, link or ask about two records although both
    titles have a word of their own must be tested here too.
    """
    if a.kind != b.kind or (a.version and b.version and a.version != b.version):
        return False
    if a.doi and b.doi and (a.doi.startswith(b.doi) or b.doi.startswith(a.doi)):
        return False
    if (a.pmid and a.pmid == b.pmid) or (a.page and a.page == b.page):
        return False
    # The same long abstract joins such titles if there is nothing else to compare.
    if not a.known & b.known:
        return False
    return all(_both_have_own_words(one, other) for one in a.titles for other in b.titles)


def _both_have_own_words(one: Wording, other: Wording) -> bool:
    (a, squeezed_a), (b, squeezed_b) = one, other
    short, long = squeezed_a, squeezed_b
    if len(short) > len(long):
        short, long = long, short
    if long.startswith(short) or long.endswith(short):
        return False
    return has_own_word(a, b) and has_own_word(b, a)
