"""A pair of records with its evidence, and the questions that several rules ask about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harvest.dedupe.evidence import Evidence, Field
from harvest.dedupe.prepare import Prepared
from harvest.dedupe.titles import Title

NUMBERS: Final = (Title.YEAR, Title.NUMBER, Title.NUMBERED)
# Two reports seldom have the same title if it has at least this many words.
_SPECIFIC_TITLE: Final = 6
# A first page with at least this many digits does not occur in every volume.
_SPECIFIC_PAGE: Final = 3
_EQUAL_ABSTRACT: Final = 0.95


@dataclass(frozen=True, slots=True)
class Case:
    """A pair of records with its evidence."""

    a: Prepared
    b: Prepared
    evidence: Evidence

    @property
    def years(self) -> int:
        """Years apart; 0 if one record has no year."""
        return self.evidence.year if self.evidence.year is not None else 0

    @property
    def too_generic(self) -> bool:
        """Whether the title says too little ("Editorial") and it or another field differs."""
        return self.evidence.generic and (
            self.evidence.title != Title.EQUAL or self.evidence.conflicts > 0
        )

    @property
    def close(self) -> bool:
        """Whether the titles are the same apart from slips."""
        return self.evidence.title >= Title.NEAR and not self.too_generic

    @property
    def same_specific_title(self) -> bool:
        """Whether the titles are the same apart from slips, and specific to one report."""
        return self.evidence.title >= Title.NEAR and not self.evidence.generic

    @property
    def long(self) -> bool:
        """Whether both titles are too long to be the same by chance."""
        return min(len(self.a.title), len(self.b.title)) >= _SPECIFIC_TITLE

    @property
    def title_fits(self) -> bool:
        """Whether the titles are close, one starts with the other, or only a number differs."""
        fits = self.evidence.title == Title.CONTAINED or self.evidence.title in NUMBERS
        return self.close or (fits and not self.too_generic)

    @property
    def same_authors(self) -> bool:
        return self.evidence.authors == Field.AGREE

    @property
    def same_venue(self) -> bool:
        return self.evidence.venue == Field.AGREE

    @property
    def no_conflict(self) -> bool:
        """Whether no part of the place and no DOI conflicts, and they are at most a year apart."""
        return self.evidence.conflicts == 0 and self.own_doi and self.years <= 1

    @property
    def own_doi(self) -> bool:
        """Whether the DOIs do not conflict."""
        return self.evidence.doi != Field.CONFLICT

    @property
    def same_place(self) -> bool:
        """Whether first page and volume agree, or without a volume the page, journal and year."""
        return self.evidence.page == Field.AGREE and (
            self.evidence.volume == Field.AGREE
            or (self.evidence.volume == Field.MISSING and self.years == 0 and self.same_venue)
        )

    @property
    def unique(self) -> bool:
        """Whether two reports would hardly share these pages and authors by chance."""
        people = min(len(self.a.authors), len(self.b.authors))
        return (
            min(len(self.a.page_number), len(self.b.page_number)) >= _SPECIFIC_PAGE and people > 1
        )

    @property
    def same_text(self) -> bool:
        """Whether the abstracts are the same text."""
        return self.evidence.abstract is not None and self.evidence.abstract >= _EQUAL_ABSTRACT
