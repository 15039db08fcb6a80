"""The rules by which two records are one report, or a question for a person, each with a name.

The first rule that fits decides. A rule's name is stored with every pair it decided, and its errors
on labelled sets are counted under it (``docs/deduplication.md``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harvest.dedupe.evidence import Evidence, Field
from harvest.dedupe.prepare import Prepared
from harvest.dedupe.titles import Title

NUMBERS: Final = (Title.YEAR, Title.NUMBER, Title.NUMBERED)
# A title of so many words is not chosen twice.
_TELLING: Final = 6
# Digits of a first page that is not every volume's.
_TELLING_PAGE: Final = 3
_SIMILAR_ABSTRACT: Final = 0.85
_EQUAL_ABSTRACT: Final = 0.95
_EXACT_ABSTRACT: Final = 0.98
_LONG_ABSTRACT: Final = 500


@dataclass(frozen=True, slots=True)
class Case:
    """A pair of records with its evidence, and what the rules ask of it in common."""

    a: Prepared
    b: Prepared
    seen: Evidence

    @property
    def years(self) -> int:
        """Years apart; 0 where one record has no year."""
        return self.seen.year if self.seen.year is not None else 0

    @property
    def shaky(self) -> bool:
        """Whether the title says too little for what is left: "Editorial", and a field differs."""
        return self.seen.generic and (self.seen.title != Title.EQUAL or self.seen.conflicts > 0)

    @property
    def close(self) -> bool:
        """Whether the titles are the same but for slips."""
        return self.seen.title >= Title.NEAR and not self.shaky

    @property
    def telling(self) -> bool:
        """Whether the titles are the same but for slips and name one report."""
        return self.seen.title >= Title.NEAR and not self.seen.generic

    @property
    def long(self) -> bool:
        """Whether both titles have words enough not to be chosen twice."""
        return min(len(self.a.title), len(self.b.title)) >= _TELLING

    @property
    def fitting(self) -> bool:
        """Whether the titles are close, one begins the other, or only a number differs."""
        fits = self.seen.title == Title.CONTAINED or self.seen.title in NUMBERS
        return self.close or (fits and not self.shaky)

    @property
    def same_authors(self) -> bool:
        return self.seen.authors == Field.AGREE

    @property
    def same_venue(self) -> bool:
        return self.seen.venue == Field.AGREE

    @property
    def clean(self) -> bool:
        """Whether neither the place nor the DOI contradicts, nor more than a year lies between."""
        return self.seen.conflicts == 0 and self.own_doi and self.years <= 1

    @property
    def own_doi(self) -> bool:
        """Whether the DOIs do not contradict each other."""
        return self.seen.doi != Field.CONFLICT

    @property
    def placed(self) -> bool:
        """Whether volume and first page agree, or the page in one journal of one year."""
        return self.seen.page == Field.AGREE and (
            self.seen.volume == Field.AGREE
            or (self.seen.volume == Field.MISSING and self.years == 0 and self.same_venue)
        )

    @property
    def unique(self) -> bool:
        """Whether the pages and the people are such that no two reports share them by chance."""
        people = min(len(self.a.authors), len(self.b.authors))
        return min(len(self.a.page_number), len(self.b.page_number)) >= _TELLING_PAGE and people > 1

    @property
    def same_text(self) -> bool:
        """Whether the abstracts are one text."""
        return self.seen.abstract is not None and self.seen.abstract >= _EQUAL_ABSTRACT


@dataclass(frozen=True, slots=True)
class Rule:
    """A named condition, and what it says to a reader."""

    name: str
    says: str
    fits: Callable[[Case], bool]


def _doi(case: Case) -> bool:
    seen = case.seen
    if seen.doi != Field.AGREE:
        return False
    if seen.authors != Field.CONFLICT:
        return case.fitting or (seen.title == Title.MISSING and not seen.conflicts)
    return case.fitting and not seen.conflicts and seen.agreements >= 2


def _doi_translated(case: Case) -> bool:
    seen = case.seen
    return (
        seen.doi == Field.AGREE
        and seen.title == Title.OTHER
        and {case.a.language, case.b.language} == {"en", "other"}
        and seen.authors in (Field.MISSING, Field.AGREE)
        and not seen.conflicts
        and case.years == 0
    )


def _doi_other_wording(case: Case) -> bool:
    seen = case.seen
    return (
        seen.doi == Field.AGREE
        and seen.title >= Title.SIBLING
        and not seen.generic
        and case.same_authors
        and not seen.conflicts
        and seen.agreements >= (1 if seen.title == Title.LONGER else 2)
    )


def _pmid(case: Case) -> bool:
    seen = case.seen
    return seen.pmid == Field.AGREE and case.fitting and seen.authors != Field.CONFLICT


def _place(case: Case) -> bool:
    seen = case.seen
    if not (case.fitting and case.placed and seen.authors != Field.CONFLICT and case.years <= 2):
        return False
    if case.same_authors or seen.venue in (Field.AGREE, Field.PARTIAL):
        return True
    return case.close and (seen.authors == Field.PARTIAL or seen.same_last_page)


def _place_but_authors(case: Case) -> bool:
    seen = case.seen
    by_text = seen.page == Field.AGREE and seen.same_last_page and case.same_text
    return (
        case.telling
        and not case.shaky
        and (case.placed or by_text)
        and case.same_venue
        and case.years <= 1
    )


def _place_other_wording(case: Case) -> bool:
    seen = case.seen
    return (
        seen.title in (Title.SIBLING, Title.LONGER, Title.CONTAINED, Title.NEAR)
        and seen.page == Field.AGREE
        and (seen.same_last_page or (case.placed and seen.title >= Title.LONGER))
        and (not seen.generic or (seen.same_last_page and (seen.agreements >= 2 or case.unique)))
        and case.same_authors
        and case.same_venue
        and case.clean
        and (case.years == 0 or seen.title >= Title.LONGER)
    )


def _citation(case: Case) -> bool:
    seen = case.seen
    named = case.same_authors or (seen.authors == Field.MISSING and not seen.generic)
    enough = seen.agreements > 0 or (not seen.generic and case.same_authors)
    # A conference abstract, and the paper in the same journal at an unknown time.
    meeting = case.a.meeting == case.b.meeting or seen.agreements > 0 or seen.year == 0
    return case.close and named and case.same_venue and case.clean and enough and meeting


def _citation_no_author(case: Case) -> bool:
    seen = case.seen
    return (
        seen.title == Title.EQUAL
        and not seen.generic
        and case.long
        and seen.authors == Field.MISSING
        and case.same_venue
        and seen.year == 0
        and case.clean
    )


def _citation_similar_journal(case: Case) -> bool:
    seen = case.seen
    return (
        case.telling
        and case.same_authors
        and seen.venue == Field.PARTIAL
        and seen.agreements > 0
        and case.clean
        and case.years == 0
    )


def _citation_subtitle(case: Case) -> bool:
    seen = case.seen
    return (
        seen.title == Title.CONTAINED
        and case.same_authors
        and case.same_venue
        and seen.agreements > 0
        and case.clean
    )


def _citation_one_slip(case: Case) -> bool:
    seen = case.seen
    if not (
        case.telling
        and case.same_authors
        and seen.venue in (Field.AGREE, Field.PARTIAL)
        and case.years <= 1
        and case.own_doi
    ):
        return False
    if seen.conflicts > 1:
        return seen.page == Field.AGREE and case.same_text and seen.year == 0
    if seen.page == Field.CONFLICT:
        return seen.volume == Field.AGREE and not seen.one_page
    return seen.page == Field.AGREE


def _no_venue(case: Case) -> bool:
    seen = case.seen
    return (
        case.telling
        and case.same_authors
        and case.clean
        and case.years == 0
        and seen.agreements >= (1 if seen.venue == Field.MISSING else 2)
    )


def _abstract(case: Case) -> bool:
    seen = case.seen
    if seen.abstract is None or seen.authors == Field.CONFLICT or not case.clean:
        return False
    long = min(case.a.abstract_length, case.b.abstract_length) >= _LONG_ABSTRACT
    if case.telling:
        alike = seen.abstract >= _SIMILAR_ABSTRACT
    elif seen.title in (Title.SIBLING, Title.LONGER) and not seen.generic:
        # A title with broken characters over the same text, where there is nothing else to go by.
        nothing = not seen.agreements and seen.year is None
        bare = nothing and seen.authors == seen.venue == Field.MISSING
        alike = bare and long and seen.abstract >= _EXACT_ABSTRACT
    else:
        cut = seen.title == Title.CONTAINED and not seen.generic
        alike = case.same_text and (case.close or cut)
    # A journal's name that fits badly is outweighed: a conference in the journal's supplement.
    supplement = (
        seen.volume == Field.AGREE and case.same_authors and seen.year == 0 and case.same_text
    )
    return alike and (seen.venue != Field.CONFLICT or supplement)


def _identical(case: Case) -> bool:
    def told(record: Prepared) -> tuple[object, ...]:
        place = (record.venue, record.volume, record.issue, record.first_page)
        return record.authors, record.year, place, record.doi, record.pmid, record.abstract

    return case.seen.title == Title.EQUAL and not case.seen.generic and told(case.a) == told(case.b)


def _same_pages(case: Case) -> bool:
    seen = case.seen
    return (
        seen.page == Field.AGREE
        and seen.volume == Field.AGREE
        and seen.issue != Field.CONFLICT
        and seen.same_last_page
        and case.a.last_page != case.a.first_page
        and case.same_venue
        and case.same_authors
        and case.own_doi
        and case.years == 0
    )


SAME: Final = (
    Rule("doi", "the same DOI and a fitting title", _doi),
    Rule("doi-translated-title", "the same DOI, the title in another language", _doi_translated),
    Rule("doi-other-wording", "the same DOI, authors and place", _doi_other_wording),
    Rule("pmid", "the same PubMed id and a fitting title", _pmid),
    Rule("place", "a fitting title at the same volume and page", _place),
    Rule(
        "place-but-authors",
        "the same title at the same place of the same journal, authors written otherwise",
        _place_but_authors,
    ),
    Rule("place-other-wording", "the same authors and pages, words missing", _place_other_wording),
    Rule("citation", "the same title, authors and journal, nothing contradicting", _citation),
    Rule(
        "citation-no-author",
        "the same long title, journal and year, authors unknown on a side",
        _citation_no_author,
    ),
    Rule(
        "citation-similar-journal",
        "the same title and authors, a journal of similar name, part of the place",
        _citation_similar_journal,
    ),
    Rule("citation-subtitle", "the same citation, one without its subtitle", _citation_subtitle),
    Rule(
        "citation-one-slip",
        "the same citation, one of volume, issue and page wrong",
        _citation_one_slip,
    ),
    Rule("no-venue", "the same title, authors, year and place, no journal", _no_venue),
    Rule("abstract", "the same title and the same abstract", _abstract),
    Rule("identical", "no field differs or is known on one side only", _identical),
    Rule(
        "place-no-title",
        "the same authors, journal, volume and pages, no title on a side",
        lambda case: case.seen.title == Title.MISSING and _same_pages(case),
    ),
    Rule(
        "translated-title",
        "the same authors, journal, volume and pages under another title",
        lambda case: case.seen.title == Title.OTHER and _same_pages(case),
    ),
)


def _bare(case: Case) -> bool:
    seen = case.seen
    return (
        case.telling
        and (case.same_authors or (seen.authors == Field.MISSING and case.long))
        and case.clean
        and seen.venue in (Field.MISSING, Field.PARTIAL)
    )


def _subtitle(case: Case) -> bool:
    return (
        case.seen.title == Title.CONTAINED
        and case.long
        and case.same_authors
        and case.same_venue
        and case.clean
        and case.seen.year == 0
    )


def _one_page(case: Case) -> bool:
    seen = case.seen
    return (
        case.telling
        and case.same_authors
        and case.same_venue
        and seen.volume == Field.AGREE
        and seen.conflicts == 1
        and seen.one_page
        and case.years == 0
        and case.own_doi
    )


def _shared_doi(case: Case) -> bool:
    seen = case.seen
    if seen.doi != Field.AGREE:
        return False
    return seen.title >= Title.SIBLING or (case.same_authors and seen.page != Field.CONFLICT)


ASK: Final = (
    Rule("bare", "the same title and authors, too little else to be sure", _bare),
    Rule("subtitle", "the same citation, one with words more, no place to tell by", _subtitle),
    Rule("one-page", "the same citation, but one is a single page elsewhere", _one_page),
    Rule("shared-doi", "the same DOI, but the titles do not fit", _shared_doi),
    Rule(
        "shared-pmid",
        "the same PubMed id, but the titles do not fit",
        lambda case: case.seen.pmid == Field.AGREE,
    ),
)


def first(rules: tuple[Rule, ...], case: Case) -> str | None:
    """The name of the first rule that fits; None where none does."""
    return next((rule.name for rule in rules if rule.fits(case)), None)
