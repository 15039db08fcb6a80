"""Prepare a record for comparison: fold and split its text, and parse its pages and names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from harvest.dedupe.kinds import find_kind, find_version, strip_notes
from harvest.record import Author, Record
from harvest.text import clean_markup, fold, squeeze

# A longer abstract says nothing more about identity, and one of 100,000 characters must not take as
# long as a thousand others.
ABSTRACT_LIMIT: Final = 3000
_HEAD: Final = 300
_TITLE_LIMIT: Final = 600
_AUTHORS_LIMIT: Final = 60
_NAMES_LIMIT: Final = 8

STOP: Final = frozenset(
    "a an and are as at by do does for from in is its of on or the their to using with via "
    "der die das und von im in zur zum le la les des du de et el los las y".split()
)
_ENGLISH: Final = frozenset("the of and for in with to on by from an at".split())
_OTHER: Final = frozenset(
    "der die das und von im zur zum fur bei eine einer mit le la les des du et dans pour sur une "
    "de el los las y del en para con por una e em da do das dos na no il della nel di i og av "
    "och i het een van voor met".split()
) - {"do", "no", "i", "van"}
_WORD = re.compile(r"[a-z0-9]+")
_LONGER_WORD = re.compile(r"[a-z0-9]{3,}")
_ROMAN: Final = {
    **{"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9"},
}
_NUMBERED = re.compile(
    r"\b(part|phase|volume|vol|study|chapter|stage|type|grade|module|book|report|series|class)"
    r"s?\W{1,3}(i|v|x|one|two|three|four|five|[a-e])\b"
)
_ORDINAL: Final = {
    **{"i": "1", "v": "5", "x": "10", "one": "1", "two": "2", "three": "3", "four": "4"},
    **{"five": "5", "a": "1", "b": "2", "c": "3", "d": "4", "e": "5"},
}
# A shorter text next to brackets is a remark, not another title.
_WORDING_MIN: Final = 15
# Parts of journals that have the same title in every issue.
_SECTION: Final = frozenset(
    "editor editors editorial editorials letter letters abstracts "
    "proceedings contents index news obituary memoriam correspondence reviewers announcement "
    "announcements calendar miscellany colophon masthead".split()
)
_OPENING: Final = frozenset(("introduction", "preface", "foreword", "commentary"))
_BRACKETED = re.compile(r"\[([^\[\]]{15,})\]")
_NO_AUTHOR = re.compile(r"^(?:\[?anonymous\]?|anon|no authors? listed|n ?/? ?a|unknown|et al)\W*$")
_RUN_ON = re.compile(r"(?<=\.)(?=[A-Z][a-z'’-]+ )")
_INITIALS = re.compile(r"^(?:[A-Z]\.?[- ]?){1,4}$")
_PARTICLE: Final = frozenset(
    "de da del della di du la le van von der den ter ten al el bin".split()
)
_ET_AL = re.compile(r"(?:[,;]|(?<![\s,;]))\s+et\.? al\b\.?(?s:.*)$", re.IGNORECASE)
_THESIS = re.compile(
    r"\bdissertation abs|\bproquest diss|\bdissertations?\b.{0,300}\bthes"
    r"|[\[(](?:dissertation|thesis)\b|\bdiss\w* abs\w* int|^ph\.? ?d\b"
    r"|university[, ]+\d{4}\.\s*\d+ pp",
    re.IGNORECASE,
)
# Every text that the pattern fits has one of these.
_THESIS_MARKS: Final = ("diss", "thesis", "ph", "university")
# Embase names the meeting after the journal that printed its abstracts.
_MEETING = re.compile(r"\. ?conference\b", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\([^)]{0,500}\)|\[[^\]]{0,500}\]")
_AFTER_VENUE = re.compile(r" : | / |;|\. ?conference")
_PUBLISHER = re.compile(
    r"^(?:springer|elsevier|wiley|biomed central|sage publications|taylor|oxford university press"
    r"|cambridge university press|routledge|john wiley|wolters kluwer|mdpi|frontiers media)\b"
)
_PAGE_WORD = re.compile(r"^(?:pp?|pages?|article|art)\b[. ]*")
_NO_PAGES = re.compile(r"no pag|n/?a\b|^\W*$|online|ahead")
_PAGE = re.compile(r"([a-z]*)0*(\d+)([a-z]?)")


class Wording(NamedTuple):
    """One wording of a title.

    Attributes:
        words: without stop words; numbers of parts as digits.
        squeezed: all letters and digits, including stop words, for a quick test of equality.
    """

    words: tuple[str, ...]
    squeezed: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """The fields of a record that are compared. All text is folded (``harvest.text.fold``).

    Attributes:
        key: the caller's id of the record.
        titles: the title, and its translation if one is in brackets. Empty if there is no title.
        generic: whether the title says too little to identify a report ("Editorial").
        authors: family names in order, at most 60; empty if unknown or a collective.
        names: given and family names of each of the first eight authors, in case they are swapped.
        first_page: letters and digits ("e1000"); "" if unknown, like volume, issue and last page.
        abstract: the first 300 letters and digits; ``abstract_length`` is at most 3,000.
        language: "en" or "other", by the small words of the title; "" if they do not decide.
        thesis: whether it is a dissertation, judging by its series, its university or a note.
        meeting: whether a conference is named after the journal.
    """

    key: str
    titles: tuple[Wording, ...]
    generic: bool
    kind: str
    authors: tuple[str, ...]
    names: tuple[frozenset[str], ...]
    year: int | None
    venue: tuple[str, ...]
    volume: str
    issue: str
    first_page: str
    last_page: str
    doi: str | None
    version: str | None
    pmid: str | None
    abstract: str
    abstract_length: int
    language: str
    thesis: bool
    meeting: bool

    @property
    def page_number(self) -> str:
        """The first page without leading letters."""
        return self.first_page.lstrip("abcdefghijklmnopqrstuvwxyz")

    @property
    def title(self) -> tuple[str, ...]:
        """The words of the title itself."""
        return self.titles[0].words if self.titles else ()


def _wording(text: str) -> Wording:
    """Words of a folded title without stop words; roman numerals and part numbers as digits."""
    if _NUMBERED.search(text):
        text = _NUMBERED.sub(lambda match: f"{match[1]} {_ORDINAL[match[2]]}", text)
    all_words = _WORD.findall(text.replace("'", "").replace("`", ""))
    if not _ROMAN.keys().isdisjoint(all_words):
        all_words = [_ROMAN.get(word, word) for word in all_words]
    words = tuple(word for word in all_words if word not in STOP)
    return Wording(words or tuple(all_words), "".join(all_words))


def _titles(raw: str, folded: str) -> tuple[Wording, ...]:
    """The title, then any long text in brackets, which is a translation or the original title."""
    if not raw:
        return ()
    title = strip_notes(clean_markup(raw) or "")[:_TITLE_LIMIT]
    texts = [title]
    match = _BRACKETED.search(title)
    if match:
        rest = (title[: match.start()] + " " + title[match.end() :]).strip(" .:=")
        inside = match.group(1)
        texts = [rest, inside] if len(rest) >= _WORDING_MIN else [f"{inside} {rest}"]
    elif " = " in title:
        texts = [part for part in title.split(" = ", 1) if len(part) >= _WORDING_MIN] or texts
    wordings = (_wording(folded if text == raw else fold(text)) for text in texts)
    return tuple(wording for wording in wordings if wording.words)


def _language(folded: str) -> str:
    words = set(_WORD.findall(folded[:_TITLE_LIMIT]))
    english, other = len(words & _ENGLISH), len(words & _OTHER)
    if english == other:
        return ""
    return "en" if english > other else "other"


def _generic(words: tuple[str, ...]) -> bool:
    if len(words) < 4 or (len(words) == 4 and not _OPENING.isdisjoint(words)):
        return True
    return len(words) <= 9 and not _SECTION.isdisjoint(words)


def family_name(name: str) -> tuple[str, frozenset[str]]:
    """The folded family name and all folded parts of a name, however it is written.

    "Zuna, R E", "Zuna RE", "R. E. Zuna" and "ZUNA R.E." all give "zuna". Without a comma, the
    family name is the part before trailing initials, or otherwise the last word.
    """
    parts = frozenset(_LONGER_WORD.findall(fold(name)))
    if "," in name:
        family = name.split(",", 1)[0]
    else:
        words = name.replace(".", ". ").split()
        end = len(words)
        while end > 1 and _INITIALS.match(words[end - 1]):
            end -= 1
        if end < len(words):
            family = " ".join(words[:end])
        else:
            start = end - 1
            while start > 1 and words[start - 1].lower() in _PARTICLE:
                start -= 1
            family = " ".join(words[start:])
    return squeeze(family), parts


def _authors(authors: Sequence[Author]) -> tuple[tuple[str, ...], tuple[frozenset[str], ...]]:
    names = [author.name for author in authors[: _AUTHORS_LIMIT + 1] if not author.collective]
    if len(names) == 1 and _RUN_ON.search(names[0]):
        # One reference manager joins its authors like this: "Adeli K.Lewis G. F."
        names = _RUN_ON.split(names[0])
    families: list[str] = []
    parts: list[frozenset[str]] = []
    for name in names[:_AUTHORS_LIMIT]:
        lower = name.lower()
        if len(name) > 200 or _NO_AUTHOR.match(lower):
            continue
        family, others = family_name(_ET_AL.sub("", name) if " al" in lower else name)
        if not family:
            continue
        families.append(family)
        if len(families) <= _NAMES_LIMIT:
            parts.append(others)
    return tuple(families), tuple(parts)


def _venue(venue: str | None) -> tuple[str, ...]:
    folded = fold(clean_markup(venue[:300])) if venue else ""
    # "PLoS ONE [Electronic Resource]", "The BMJ : official journal of ...", "X. Conference: ...".
    folded = _IN_BRACKETS.sub(" ", folded)
    folded = _AFTER_VENUE.split(folded, maxsplit=1)[0]
    if _PUBLISHER.match(folded):
        return ()
    return tuple(word for word in _WORD.findall(folded.replace("'", "")) if word not in STOP)


def _number(text: str | None) -> str:
    """A volume or issue: "3 Suppl 1" gives "3", "Suppl 1" gives "s1", "SI" "si"; "" if unknown."""
    if text and text.isascii() and text.isdigit():
        return text[:40].lstrip("0")
    folded = fold(text[:40]) if text else ""
    number = re.search(r"\d+", folded)
    supplement = re.match(r"\W*s(?:upp\w*)?\W*(\d*)", folded)
    if supplement and (supplement[1] or folded.startswith("supp")):
        return "s" + supplement[1].lstrip("0")
    if number:
        return number.group(0).lstrip("0")
    return folded.strip() if len(folded) <= 4 else ""


def _volume(volume: str | None, issue: str | None) -> tuple[str, str]:
    """Volume and issue; "24 Suppl 3" and "24(3)" contain both."""
    number = _number(issue)
    if volume and not number:
        match = re.search(r"\((\d+)\)|\b(s\w*)\.? ?(\d*)", volume.lower())
        if match:
            number = match[1] or f"s{match[3]}"
            volume = volume[: match.start()] or volume
    return _number(volume), number


def _pages(text: str | None) -> tuple[str, str]:
    """First and last page, each "" if unknown; "2309-16" ends at 2316."""
    folded = fold(text[:60]) if text else ""
    folded = _PAGE_WORD.sub("", folded)
    if not folded or _NO_PAGES.search(folded):
        return "", ""
    pages = _PAGE.findall(folded.replace(" ", ""))
    if not pages:
        return "", ""
    (letters, first, tail), last = pages[0], pages[-1][1] if len(pages) > 1 else ""
    if last and len(last) < len(first):
        last = first[: len(first) - len(last)] + last
    return f"{letters}{first}{tail}", last


def _is_thesis(text: str) -> bool:
    """Whether a venue, volume or title is that of a dissertation."""
    if text.isascii():
        lower = text.lower()
        # The pattern is slow, and hardly any text can fit it.
        if not any(mark in lower for mark in _THESIS_MARKS):
            return False
    return _THESIS.search(text) is not None


def prepare(record: Record, key: str) -> Prepared:
    """Prepare a record for comparison; the result depends on this record alone.

    Args:
        record: as parsed; it may contain markup, other scripts and very long fields.
        key: the caller's id, returned unchanged.
    """
    title = (record.title or "")[: 3 * _TITLE_LIMIT]
    folded = fold(title)
    titles = _titles(title, folded)
    venue = _venue(record.venue)
    thesis = any(_is_thesis(text) for text in (record.venue, record.volume, record.title) if text)
    authors, names = _authors(record.authors)
    first_page, last_page = _pages(record.pages)
    volume, issue = _volume(record.volume, record.issue)
    abstract = squeeze((record.abstract or "")[:ABSTRACT_LIMIT])
    return Prepared(
        key=key,
        titles=titles,
        generic=_generic(titles[0].words if titles else ()),
        kind=find_kind(
            folded,
            types=record.types,
            doi=record.doi,
            venue=fold(record.venue or ""),
            paged=bool(first_page and last_page),
        ),
        authors=authors,
        names=names,
        year=record.year,
        venue=venue,
        volume=volume,
        issue=issue,
        first_page=first_page,
        last_page=last_page,
        doi=record.doi,
        version=find_version(record.doi),
        pmid=record.pmid,
        abstract=abstract[:_HEAD],
        abstract_length=len(abstract),
        language=_language(folded),
        thesis=thesis,
        meeting=bool(_MEETING.search(record.venue or "")),
    )
