"""The named rules that decide that two records are the same report, or a question for a person.

The first rule that fits decides. Its name is stored with every pair that it decides, and its errors
on labelled sets are counted under that name (``docs/deduplication.md``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harvest.dedupe.case import Case
from harvest.dedupe.evidence import Field
from harvest.dedupe.prepare import Prepared
from harvest.dedupe.titles import Title

_SIMILAR_ABSTRACT: Final = 0.85
_EXACT_ABSTRACT: Final = 0.98
_LONG_ABSTRACT: Final = 500


@dataclass(frozen=True, slots=True)
class Rule:
    """A named condition, with a description for readers."""

    name: str
    says: str
    fits: Callable[[Case], bool]


def _doi(case: Case) -> bool:
    evidence = case.evidence
    if evidence.doi != Field.AGREE:
        return False
    if evidence.authors != Field.CONFLICT:
        return case.title_fits or (evidence.title == Title.MISSING and not evidence.conflicts)
    return case.title_fits and not evidence.conflicts and evidence.agreements >= 2


def _doi_translated(case: Case) -> bool:
    evidence = case.evidence
    return (
        evidence.doi == Field.AGREE
        and evidence.title == Title.OTHER
        and {case.a.language, case.b.language} == {"en", "other"}
        and evidence.authors in (Field.MISSING, Field.AGREE)
        and not evidence.conflicts
        and case.years == 0
    )


def _doi_other_wording(case: Case) -> bool:
    evidence = case.evidence
    return (
        evidence.doi == Field.AGREE
        and evidence.title >= Title.SIBLING
        and not evidence.generic
        and case.same_authors
        and not evidence.conflicts
        and evidence.agreements >= (1 if evidence.title == Title.LONGER else 2)
    )


def _pmid(case: Case) -> bool:
    evidence = case.evidence
    return evidence.pmid == Field.AGREE and case.title_fits and evidence.authors != Field.CONFLICT


def _place(case: Case) -> bool:
    evidence = case.evidence
    if not (
        case.title_fits
        and case.same_place
        and evidence.authors != Field.CONFLICT
        and case.years <= 2
    ):
        return False
    if case.same_authors or evidence.venue in (Field.AGREE, Field.PARTIAL):
        return True
    return case.close and (evidence.authors == Field.PARTIAL or evidence.same_last_page)


def _place_but_authors(case: Case) -> bool:
    evidence = case.evidence
    by_text = evidence.page == Field.AGREE and evidence.same_last_page and case.same_text
    return (
        case.same_specific_title
        and not case.too_generic
        and (case.same_place or by_text)
        and case.same_venue
        and case.years <= 1
    )


def _place_other_wording(case: Case) -> bool:
    evidence = case.evidence
    return (
        evidence.title in (Title.SIBLING, Title.LONGER, Title.CONTAINED, Title.NEAR)
        and evidence.page == Field.AGREE
        and (evidence.same_last_page or (case.same_place and evidence.title >= Title.LONGER))
        and (
            not evidence.generic
            or (evidence.same_last_page and (evidence.agreements >= 2 or case.unique))
        )
        and case.same_authors
        and case.same_venue
        and case.no_conflict
        and (case.years == 0 or evidence.title >= Title.LONGER)
    )


def _citation(case: Case) -> bool:
    evidence = case.evidence
    named = case.same_authors or (evidence.authors == Field.MISSING and not evidence.generic)
    enough = evidence.agreements > 0 or (not evidence.generic and case.same_authors)
    # Not a conference abstract and the paper in the same journal, if nothing else agrees.
    meeting = case.a.meeting == case.b.meeting or evidence.agreements > 0 or evidence.year == 0
    return case.close and named and case.same_venue and case.no_conflict and enough and meeting


def _citation_no_author(case: Case) -> bool:
    evidence = case.evidence
    return (
        evidence.title == Title.EQUAL
        and not evidence.generic
        and case.long
        and evidence.authors == Field.MISSING
        and case.same_venue
        and evidence.year == 0
        and case.no_conflict
    )


def _citation_similar_journal(case: Case) -> bool:
    evidence = case.evidence
    return (
        case.same_specific_title
        and case.same_authors
        and evidence.venue == Field.PARTIAL
        and evidence.agreements > 0
        and case.no_conflict
        and case.years == 0
    )


def _citation_subtitle(case: Case) -> bool:
    evidence = case.evidence
    return (
        evidence.title == Title.CONTAINED
        and case.same_authors
        and case.same_venue
        and evidence.agreements > 0
        and case.no_conflict
    )


def _citation_one_slip(case: Case) -> bool:
    evidence = case.evidence
    if not (
        case.same_specific_title
        and case.same_authors
        and evidence.venue in (Field.AGREE, Field.PARTIAL)
        and case.years <= 1
        and case.own_doi
    ):
        return False
    if evidence.conflicts > 1:
        return evidence.page == Field.AGREE and case.same_text and evidence.year == 0
    if evidence.page == Field.CONFLICT:
        return evidence.volume == Field.AGREE and not evidence.one_page
    return evidence.page == Field.AGREE


def _no_venue(case: Case) -> bool:
    evidence = case.evidence
    return (
        case.same_specific_title
        and case.same_authors
        and case.no_conflict
        and case.years == 0
        and evidence.agreements >= (1 if evidence.venue == Field.MISSING else 2)
    )


def _abstract(case: Case) -> bool:
    evidence = case.evidence
    if evidence.abstract is None or evidence.authors == Field.CONFLICT or not case.no_conflict:
        return False
    long = min(case.a.abstract_length, case.b.abstract_length) >= _LONG_ABSTRACT
    if case.same_specific_title:
        alike = evidence.abstract >= _SIMILAR_ABSTRACT
    elif evidence.title in (Title.SIBLING, Title.LONGER) and not evidence.generic:
        # A title with broken characters above the same abstract, with no other field to compare.
        no_place = not evidence.agreements and evidence.year is None
        bare = no_place and evidence.authors == evidence.venue == Field.MISSING
        alike = bare and long and evidence.abstract >= _EXACT_ABSTRACT
    else:
        cut = evidence.title == Title.CONTAINED and not evidence.generic
        alike = case.same_text and (case.close or cut)
    # This much agreement outweighs a different journal name: a conference in a supplement.
    supplement = (
        evidence.volume == Field.AGREE
        and case.same_authors
        and evidence.year == 0
        and case.same_text
    )
    return alike and (evidence.venue != Field.CONFLICT or supplement)


def _identical(case: Case) -> bool:
    def fields(record: Prepared) -> tuple[object, ...]:
        place = (record.venue, record.volume, record.issue, record.first_page)
        return record.authors, record.year, place, record.doi, record.pmid, record.abstract

    same_title = case.evidence.title == Title.EQUAL and not case.evidence.generic
    return same_title and fields(case.a) == fields(case.b)


def _same_pages(case: Case) -> bool:
    evidence = case.evidence
    return (
        evidence.page == Field.AGREE
        and evidence.volume == Field.AGREE
        and evidence.issue != Field.CONFLICT
        and evidence.same_last_page
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
        "the same title at the same place of the same journal, authors written differently",
        _place_but_authors,
    ),
    Rule("place-other-wording", "the same authors and pages, words missing", _place_other_wording),
    Rule("citation", "the same title, authors and journal, and nothing contradicts it", _citation),
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
        lambda case: case.evidence.title == Title.MISSING and _same_pages(case),
    ),
    Rule(
        "translated-title",
        "the same authors, journal, volume and pages, with a different title",
        lambda case: case.evidence.title == Title.OTHER and _same_pages(case),
    ),
)


def _bare(case: Case) -> bool:
    evidence = case.evidence
    return (
        case.same_specific_title
        and (case.same_authors or (evidence.authors == Field.MISSING and case.long))
        and case.no_conflict
        and evidence.venue in (Field.MISSING, Field.PARTIAL)
    )


def _subtitle(case: Case) -> bool:
    return (
        case.evidence.title == Title.CONTAINED
        and case.long
        and case.same_authors
        and case.same_venue
        and case.no_conflict
        and case.evidence.year == 0
    )


def _one_page(case: Case) -> bool:
    evidence = case.evidence
    return (
        case.same_specific_title
        and case.same_authors
        and case.same_venue
        and evidence.volume == Field.AGREE
        and evidence.conflicts == 1
        and evidence.one_page
        and case.years == 0
        and case.own_doi
    )


def _shared_doi(case: Case) -> bool:
    evidence = case.evidence
    if evidence.doi != Field.AGREE:
        return False
    return evidence.title >= Title.SIBLING or (
        case.same_authors and evidence.page != Field.CONFLICT
    )


ASK: Final = (
    Rule("bare", "the same title and authors, too little else to be sure", _bare),
    Rule(
        "subtitle",
        "the same citation, one with extra words, and there is no volume or page to decide by",
        _subtitle,
    ),
    Rule("one-page", "the same citation, but one is a single page at another place", _one_page),
    Rule("shared-doi", "the same DOI, but the titles do not fit", _shared_doi),
    Rule(
        "shared-pmid",
        "the same PubMed id, but the titles do not fit",
        lambda case: case.evidence.pmid == Field.AGREE,
    ),
)


def find_rule(rules: tuple[Rule, ...], case: Case) -> str | None:
    """Name of the first rule that fits; None if none does."""
    return next((rule.name for rule in rules if rule.fits(case)), None)
