"""Compare two records field by field: the evidence for and against their being one report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from harvest.dedupe.prepare import Prepared
from harvest.dedupe.titles import Title, compare_titles

# A shorter text in place of an abstract is a remark such as "No abstract available".
_ABSTRACT_MIN: Final = 150
_COMPARED: Final = 300


class Field(IntEnum):
    """Result of comparing one field of a pair."""

    CONFLICT = -1
    MISSING = 0
    """At least one record does not have it."""
    PARTIAL = 1
    """Some agreement: shared authors, a similar journal."""
    AGREE = 2


@dataclass(frozen=True, slots=True)
class Evidence:
    """The comparison of two records' fields.

    Attributes:
        year: difference in years, at least 0; None if one record has no year.
        abstract: similarity of the abstracts' first 300 letters, 0 to 1; None if one is missing.
        same_last_page: whether both page ranges end on the same page.
        one_page: whether exactly one of them is a single page, as an erratum is.
        generic: whether a title says too little to identify a report ("Editorial").
    """

    title: Title
    authors: Field
    venue: Field
    volume: Field
    issue: Field
    page: Field
    year: int | None
    doi: Field
    pmid: Field
    abstract: float | None
    same_last_page: bool
    one_page: bool
    generic: bool

    @property
    def conflicts(self) -> int:
        """How many of volume, issue and page conflict."""
        return (self.volume, self.issue, self.page).count(Field.CONFLICT)

    @property
    def agreements(self) -> int:
        """How many of volume, issue and page agree."""
        return (self.volume, self.issue, self.page).count(Field.AGREE)


def _near(a: str, b: str) -> bool:
    if a == b:
        return True
    if min(len(a), len(b)) < 4:
        return False
    return (a.startswith(b) or b.startswith(a)) or OSA.distance(a, b, score_cutoff=1) <= 1


def compare_authors(a: Prepared, b: Prepared) -> Field:
    """Compare authors: they agree if the first is the same and most of the shorter list matches."""
    if not a.authors or not b.authors:
        return Field.MISSING
    short, long = (
        (a.authors, b.authors) if len(a.authors) <= len(b.authors) else (b.authors, a.authors)
    )
    if a.authors == b.authors:
        return Field.AGREE
    names = set(long)
    shared = sum(1 for name in short if name in names or any(_near(name, other) for other in long))
    if shared == len(short) > 1:
        return Field.AGREE
    first = _near(a.authors[0], b.authors[0])
    if first and (shared >= 0.5 * len(short) or len(short) == 1):
        return Field.AGREE
    swapped = _compare_swapped(a, b)
    if swapped is not None:
        return swapped
    return Field.PARTIAL if shared or first else Field.CONFLICT


def _compare_swapped(a: Prepared, b: Prepared) -> Field | None:
    """Compare authors whose given and family names may be swapped.

    "Xiaoguang, Wang; Junping, Liu" and "Wang, X.; Liu, J." are the same people. None if the first
    author of neither list occurs in the other.
    """
    names_a: frozenset[str] = frozenset().union(*a.names)
    names_b: frozenset[str] = frozenset().union(*b.names)
    if a.authors[0] not in names_b and b.authors[0] not in names_a:
        return None
    if len(names_a & names_b) >= min(len(a.authors), len(b.authors), 3):
        return Field.AGREE
    if len(a.authors) != len(b.authors):
        return Field.PARTIAL
    matched = [
        family_a in parts_b or family_b in parts_a
        for family_a, family_b, parts_a, parts_b in zip(
            a.authors, b.authors, a.names, b.names, strict=False
        )
    ]
    return Field.AGREE if 3 * sum(matched) >= 2 * len(matched) else Field.PARTIAL


def _abbreviates(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """Whether each word of one starts a word of the other, in order: "clin infect dis"."""
    place = 0
    for word in short:
        while place < len(long) and not long[place].startswith(word):
            place += 1
        if place == len(long):
            return False
        place += 1
    return True


def compare_venues(a: tuple[str, ...], b: tuple[str, ...]) -> Field:
    """Compare journals: they agree if they have the same name, or an abbreviation or initials."""
    if not a or not b:
        return Field.MISSING
    if a == b:
        return Field.AGREE
    few, many = (a, b) if len(a) <= len(b) else (b, a)
    if len(few) >= 3 and few in (many[: len(few)], many[-len(few) :]):
        # A conference with and without its theme, a journal with and without its society.
        return Field.AGREE
    short, long = (a, b) if len("".join(a)) <= len("".join(b)) else (b, a)
    if _abbreviates(short, long) and (len(short) == len(long) or len(short) > 1):
        return Field.AGREE if len(short) >= len(long) - 1 else Field.PARTIAL
    if len(short) == 1 and short[0] == "".join(word[0] for word in long) and len(long) > 1:
        return Field.AGREE
    text_a, text_b = " ".join(a), " ".join(b)
    if text_a.replace(" ", "") == text_b.replace(" ", ""):
        return Field.AGREE
    ratio = fuzz.token_sort_ratio(text_a, text_b)
    if ratio >= 90:
        return Field.AGREE
    return Field.PARTIAL if ratio >= 70 or set(a) & set(b) else Field.CONFLICT


def _exact(a: str, b: str) -> Field:
    if not a or not b:
        return Field.MISSING
    return Field.AGREE if a == b else Field.CONFLICT


def _volumes(a: Prepared, b: Prepared) -> Field:
    field = _exact(a.volume, b.volume)
    # If a journal has no volumes, or the source does not know it, the year is given instead.
    years = (record.volume == str(record.year) for record in (a, b))
    return Field.MISSING if field == Field.CONFLICT and any(years) else field


_MONTHS: Final = {
    month: str(number)
    for number, month in enumerate(
        "jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1
    )
}


def _issues(a: str, b: str) -> Field:
    if not a or not b:
        return Field.MISSING
    if a == b:
        return Field.AGREE
    if (a in _MONTHS) != (b in _MONTHS):
        # The May issue of a monthly is the fifth; of another journal it can have any number.
        return Field.AGREE if _MONTHS.get(a, a) == _MONTHS.get(b, b) else Field.MISSING
    # "S2" can mean the second supplement, or issue 2 written badly.
    return Field.PARTIAL if a.lstrip("s") == b.lstrip("s") else Field.CONFLICT


def _pages(a: Prepared, b: Prepared) -> Field:
    if not a.first_page or not b.first_page:
        return Field.MISSING
    if a.first_page == b.first_page:
        return Field.AGREE
    digits_a, digits_b = a.page_number, b.page_number
    has_letters = digits_a != a.first_page, digits_b != b.first_page
    # "e1000" and "1000" are the same page, "S12" and "12" are not.
    if digits_a == digits_b and has_letters != (True, True):
        letters = (a.first_page + b.first_page).replace(digits_a, "")
        return Field.CONFLICT if letters.startswith("s") else Field.AGREE
    return Field.CONFLICT


def _is_single_page(record: Prepared) -> bool:
    return bool(record.last_page) and record.last_page == record.page_number


def _doi(a: str | None, b: str | None) -> Field:
    if not a or not b:
        return Field.MISSING
    if a == b or a.startswith(b) or b.startswith(a):
        return Field.AGREE if a == b or min(len(a), len(b)) > 12 else Field.CONFLICT
    return Field.CONFLICT


def _abstract(a: Prepared, b: Prepared) -> float | None:
    if min(a.abstract_length, b.abstract_length) < _ABSTRACT_MIN:
        return None
    if a.abstract == b.abstract:
        return 1.0
    # An abstract is sometimes cut off, or printed twice, so its start decides.
    length = min(len(a.abstract), len(b.abstract), _COMPARED)
    return fuzz.ratio(a.abstract[:length], b.abstract[:length]) / 100


def compare_best_titles(a: Prepared, b: Prepared) -> Title:
    """Compare titles by their most similar wordings."""
    best = Title.MISSING
    for one in a.titles:
        for other in b.titles:
            best = max(best, compare_titles(one, other))
    return best


def cannot_match(a: Prepared, b: Prepared, title: Title) -> bool:
    """Whether the titles differ and neither an id nor a page is shared."""
    return (
        title == Title.OTHER
        and (not a.doi or a.doi != b.doi)
        and (not a.pmid or a.pmid != b.pmid)
        and (not a.first_page or a.first_page != b.first_page)
    )


def gather_evidence(a: Prepared, b: Prepared, title: Title) -> Evidence:
    """Compare two records field by field, given the result for the titles. Symmetric."""
    venue, volume = compare_venues(a.venue, b.venue), _volumes(a, b)
    issue, page = _issues(a.issue, b.issue), _pages(a, b)
    if a.thesis and b.thesis:
        # A dissertation is listed by its university and by several indexes, each with its own
        # volume and pages.
        venue = Field.AGREE
        volume, issue, page = (max(field, Field.MISSING) for field in (volume, issue, page))
    return Evidence(
        title=title,
        authors=compare_authors(a, b),
        venue=venue,
        volume=volume,
        issue=issue,
        page=page,
        year=abs(a.year - b.year) if a.year and b.year else None,
        doi=_doi(a.doi, b.doi),
        pmid=_exact(a.pmid or "", b.pmid or ""),
        abstract=_abstract(a, b) if title >= Title.SIBLING else None,
        same_last_page=bool(a.last_page) and a.last_page == b.last_page,
        one_page=_is_single_page(a) != _is_single_page(b),
        generic=a.generic or b.generic,
    )
