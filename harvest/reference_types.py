"""One table of the types of references, for RIS and BibTeX, both ways."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from harvest.record import Record


@dataclass(frozen=True, slots=True)
class ReferenceType:
    """A type of reference.

    Attributes:
        bibtex: BibTeX's entry type.
        name: in words.
        words: how databases call it, as ``_key`` writes them.
    """

    bibtex: str
    name: str
    words: frozenset[str]


def _type(bibtex: str, name: str, words: str) -> ReferenceType:
    return ReferenceType(bibtex, name, frozenset(words.split()))


JOURNAL: Final = "JOUR"
GENERIC: Final = "GEN"
# By RIS's code. Special types come before the article, which sources name beside them.
TYPES: Final[Mapping[str, ReferenceType]] = {
    "UNPB": _type(
        "unpublished",
        "Unpublished Work",
        "preprint unpublished unpublishedwork postedcontent manuscript",
    ),
    "CHAP": _type(
        "incollection",
        "Book Chapter",
        "bookchapter chapter booksection incollection inbook encyclopedia encyclopediaarticle "
        "referenceentry editedbookchapter chapterinbook",
    ),
    "CPAPER": _type(
        "inproceedings",
        "Conference Paper",
        "conferencepaper proceedingspaper proceedingsarticle inproceedings paperconference "
        "meetingpaper conferenceabstract meetingabstract",
    ),
    "CONF": _type(
        "proceedings",
        "Conference Proceedings",
        "conferenceproceedings proceedings conference conferencereview",
    ),
    "THES": _type(
        "phdthesis",
        "Thesis",
        "thesis dissertation dissertationthesis dissertationstheses phdthesis mastersthesis "
        "doctoraldissertation academicdissertation dissertationabstract",
    ),
    "RPRT": _type(
        "techreport",
        "Report",
        "report techreport technicalreport governmentreport workingpaper reportcomponent",
    ),
    "BOOK": _type(
        "book", "Book", "book wholebook authoredbook editedbook monograph collection booklet"
    ),
    "DATA": _type("misc", "Dataset", "dataset datafile"),
    "COMP": _type("misc", "Software", "software computerprogram"),
    "ELEC": _type(
        "misc", "Web Page", "web webpage website online electronicresource blogpost internet"
    ),
    "NEWS": _type("article", "Newspaper Article", "newspaperarticle newspaper articlenewspaper"),
    "MGZN": _type(
        "article", "Magazine Article", "magazinearticle magazine articlemagazine tradepublication"
    ),
    "VIDEO": _type("misc", "Video", "video audiovisual film audiovisualmaterial"),
    "PAT": _type("misc", "Patent", "patent"),
    "STAND": _type("misc", "Standard", "standard"),
    "LEGAL": _type("misc", "Legal Rule", "legalruleorregulation"),
    JOURNAL: _type(
        "article",
        "Journal Article",
        "journalarticle journalarticles article articles articlejournal journalpaper "
        "originalarticle originalarticles researcharticles articleinpress inpress earlyaccess j "
        "journal review systematicreview letter editorial "
        "note shortsurvey comment metaanalysis casereports "
        "randomizedcontrolledtrial clinicaltrial researcharticle",
    ),
    GENERIC: _type("misc", "Generic", "generic misc other"),
}
# RIS's other codes, which are kept as they are.
_OTHER_CODES: Final = frozenset(
    "ABST ADVS AGGR ANCIENT ART BILL BLOG CASE CHART CLSWK CTLG DBASE DICT EBOOK ECHAP EDBOOK "
    "EJOUR ENCYC EQUA FIGURE GOVDOC GRANT HEAR ICOMM INPR JFULL MANSCPT MAP MPCT MULTI MUSIC PAMP "
    "PCOMM SER SLIDE SOUND STAT UNBILL".split()
)
CODES: Final = frozenset(TYPES) | _OTHER_CODES
_BIBTEX: Final[Mapping[str, str]] = {
    "EJOUR": "article",
    "INPR": "article",
    "ABST": "article",
    "EBOOK": "book",
    "EDBOOK": "book",
    "ECHAP": "incollection",
    "ENCYC": "incollection",
    "GOVDOC": "techreport",
    "MANSCPT": "unpublished",
}
# By RIS's other codes, the type that says the same.
_SAME: Final[Mapping[str, str]] = {
    "EJOUR": JOURNAL,
    "INPR": JOURNAL,
    "EBOOK": "BOOK",
    "EDBOOK": "BOOK",
    "ECHAP": "CHAP",
    "GOVDOC": "RPRT",
    "MANSCPT": "UNPB",
}
# Words that say more than the type of reference, with one name for each.
_KINDS: Final[Mapping[str, str]] = {
    "review": "Review",
    "reviews": "Review",
    "reviewarticle": "Review",
    "systematicreview": "Systematic Review",
    "systematicreviews": "Systematic Review",
    "metaanalysis": "Meta-Analysis",
    "metaanalyses": "Meta-Analysis",
    "letter": "Letter",
    "letters": "Letter",
    "editorial": "Editorial",
    "editorials": "Editorial",
    "note": "Note",
    "shortsurvey": "Short Survey",
    "comment": "Comment",
    "casereport": "Case Reports",
    "casereports": "Case Reports",
    "randomizedcontrolledtrial": "Randomized Controlled Trial",
    "randomisedcontrolledtrial": "Randomized Controlled Trial",
    "clinicaltrial": "Clinical Trial",
    "conferenceabstract": "Meeting Abstract",
    "meetingabstract": "Meeting Abstract",
    "conferencereview": "Conference Review",
}


def _key(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def find_ris_code(record: Record) -> str:
    """RIS's code for a record's type.

    That is a code that the source gave, or else the most special type that its words name. A record
    whose source names no type is an article if it has a place in a journal, and else generic.
    """
    given = next((name for name in record.types if name in CODES), None)
    if given:
        return given
    keys = {_key(part) for name in record.types for part in (name, *re.split(r"[;,/]", name))}
    named = next((code for code, kind in TYPES.items() if keys & kind.words), None)
    if named:
        return named
    if any(re.search(r"conference(?:paper|abstract|article)|proceeding", key) for key in keys):
        return "CPAPER"
    in_journal = record.venue and (record.volume or record.issue or record.issn or record.pmid)
    return JOURNAL if in_journal or _is_study_type(record.types) else GENERIC


def _is_study_type(types: Iterable[str]) -> bool:
    """Whether the types name kinds of studies, as PubMed does beside or instead of "article"."""
    return any(re.search(r"\b(?:trial|study|review|report)s?\b", name, re.I) for name in types)


def find_bibtex_type(code: str) -> str:
    """BibTeX's entry type for RIS's code."""
    return TYPES[code].bibtex if code in TYPES else _BIBTEX.get(code, "misc")


def name_types(types: Iterable[str]) -> tuple[str, ...]:
    """The types that a record states, each by one name, in their order.

    "JOUR", "Article" and "journal-article" are all "Journal Article". A kind of study or of article
    keeps a name of its own, such as "Review"; a word that the table lacks keeps its letters.
    """
    return tuple(dict.fromkeys(filter(None, map(_name_type, types))))


def _name_type(name: str) -> str:
    stripped = name.strip()
    code, key = _SAME.get(stripped, stripped), _key(stripped)
    if code in TYPES:
        return TYPES[code].name
    if key in _KINDS:
        return _KINDS[key]
    named = next((kind.name for kind in TYPES.values() if key in kind.words), None)
    if named:
        return named
    # "GUIDE BOOKS" and "guide books" are one, but "Non-U.S. Gov't" keeps its capitals.
    same_case = stripped.islower() or (stripped.isupper() and len(stripped.split()) > 1)
    return named or (
        string.capwords(stripped) if same_case else stripped[:1].upper() + stripped[1:]
    )
