"""What speaks for and against two records being one report, field by field."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from harvest.dedupe.prepare import Prepared
from harvest.dedupe.titles import Title, compare_titles

# Below this many letters and digits an abstract ("No abstract available") says nothing.
_ABSTRACT_MIN: Final = 150
_COMPARED: Final = 300


class Field(IntEnum):
    """What one field says of a pair."""

    CONFLICT = -1
    MISSING = 0
    """At least one record does not have it."""
    PARTIAL = 1
    """Some agreement: shared authors, a similar journal."""
    AGREE = 2


@dataclass(frozen=True, slots=True)
class Evidence:
    """The fields of two records against each other.

    Attributes:
        year: difference in years, at least 0; None where one record has none.
        abstract: similarity of the abstracts' first 300 letters, 0 to 1; None where one has none.
        same_last_page: whether both ranges end alike, where both are ranges.
        one_page: whether just one of them is a page long, as an erratum is beside its article.
        generic: whether the title says too little to tell reports apart ("Editorial").
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
        """How many of volume, issue and page contradict each other."""
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
    """Agree: the first author is the same and most of the shorter list is in the longer."""
    if not a.authors or not b.authors:
        return Field.MISSING
    short, long = (
        (a.authors, b.authors) if len(a.authors) <= len(b.authors) else (b.authors, a.authors)
    )
    if a.authors == b.authors:
        return Field.AGREE
    known = set(long)
    shared = sum(1 for name in short if name in known or any(_near(name, other) for other in long))
    if shared == len(short) > 1:
        return Field.AGREE
    first = _near(a.authors[0], b.authors[0])
    if first and (shared >= 0.5 * len(short) or len(short) == 1):
        return Field.AGREE
    crossed = _crossed(a, b)
    if crossed is not None:
        return crossed
    return Field.PARTIAL if shared or first else Field.CONFLICT


def _crossed(a: Prepared, b: Prepared) -> Field | None:
    """Whether the names are the same with given and family name the other way round.

    "Xiaoguang, Wang; Junping, Liu" and "Wang, X.; Liu, J." are. None where not even the first
    author of one is anywhere in the other.
    """
    known_a: frozenset[str] = frozenset().union(*a.names)
    known_b: frozenset[str] = frozenset().union(*b.names)
    if a.authors[0] not in known_b and b.authors[0] not in known_a:
        return None
    if len(known_a & known_b) >= min(len(a.authors), len(b.authors), 3):
        return Field.AGREE
    if len(a.authors) != len(b.authors):
        return Field.PARTIAL
    named = [
        family_a in parts_b or family_b in parts_a
        for family_a, family_b, parts_a, parts_b in zip(
            a.authors, b.authors, a.names, b.names, strict=False
        )
    ]
    return Field.AGREE if 3 * sum(named) >= 2 * len(named) else Field.PARTIAL


def _abbreviates(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """Whether each word of one begins a word of the other, in order: "clin infect dis"."""
    place = 0
    for word in short:
        while place < len(long) and not long[place].startswith(word):
            place += 1
        if place == len(long):
            return False
        place += 1
    return True


def compare_venues(a: tuple[str, ...], b: tuple[str, ...]) -> Field:
    """Agree: the same name, an abbreviation or the initials of it."""
    if not a or not b:
        return Field.MISSING
    if a == b:
        return Field.AGREE
    few, many = (a, b) if len(a) <= len(b) else (b, a)
    if len(few) >= 3 and few in (many[: len(few)], many[-len(few) :]):
        # A conference with its theme, a journal with its society.
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
    # Where a journal has no volumes, or a source does not know it, the year stands in its place.
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
        # The May issue is the fifth of a monthly; of another journal it may be any.
        return Field.AGREE if _MONTHS.get(a, a) == _MONTHS.get(b, b) else Field.MISSING
    # "S2" is at times the second supplement and at times issue 2 badly written.
    return Field.PARTIAL if a.lstrip("s") == b.lstrip("s") else Field.CONFLICT


def _pages(a: Prepared, b: Prepared) -> Field:
    if not a.first_page or not b.first_page:
        return Field.MISSING
    if a.first_page == b.first_page:
        return Field.AGREE
    digits_a, digits_b = a.page_number, b.page_number
    lettered = digits_a != a.first_page, digits_b != b.first_page
    # "e1000" and "1000" are one page, "S12" and "12" are not.
    if digits_a == digits_b and lettered != (True, True):
        letters = (a.first_page + b.first_page).replace(digits_a, "")
        return Field.CONFLICT if letters.startswith("s") else Field.AGREE
    return Field.CONFLICT


def _single(record: Prepared) -> bool:
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
    # The same text is at times cut, or printed twice over: how it begins tells.
    length = min(len(a.abstract), len(b.abstract), _COMPARED)
    return fuzz.ratio(a.abstract[:length], b.abstract[:length]) / 100


def title_of(a: Prepared, b: Prepared) -> Title:
    """How alike the titles are in their most alike wordings."""
    best = Title.MISSING
    for one in a.titles:
        for other in b.titles:
            best = max(best, compare_titles(one, other))
    return best


def hopeless(a: Prepared, b: Prepared, title: Title) -> bool:
    """Whether the titles differ and neither an id nor a page could make up for it."""
    return (
        title == Title.OTHER
        and (not a.doi or a.doi != b.doi)
        and (not a.pmid or a.pmid != b.pmid)
        and (not a.first_page or a.first_page != b.first_page)
    )


def gather(a: Prepared, b: Prepared, title: Title) -> Evidence:
    """Compare two records field by field, the titles having been compared. Symmetric."""
    venue, volume = compare_venues(a.venue, b.venue), _volumes(a, b)
    issue, page = _issues(a.issue, b.issue), _pages(a, b)
    if a.thesis and b.thesis:
        # One dissertation is listed by its university and by several indexes, each with a volume
        # and pages of its own.
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
        one_page=_single(a) != _single(b),
        generic=a.generic or b.generic,
    )
