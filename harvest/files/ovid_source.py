"""Parse Ovid's source line, which each of its databases writes in a way of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TIMES = (
    "January|February|March|April|May|June|July|August|September|October|November|December|"
    "Spring|Summer|Autumn|Fall|Winter"
)
_VOLUME = r"(?P<volume>(?=[\w-]{0,20}\d)[\w-]{1,40}+|[IVXLC]{1,20}+)"
_ISSUE = r"(?:\s?\((?P<issue>(?:[^()]|\([^()]{0,40}\)){0,80})\))?"
# Pages have a number or are Roman: "No Pagination Specified" are none.
_PAGES = r"(?P<pages>(?:[A-Za-z]{0,3}\.?\d[\w.]{0,20}|[ivxlc]{1,20}\b)(?:\s?-\s?[\w.]{1,20})?)"
# The patterns try many places for each part, so the time grows faster than the line. Real lines
# have up to 500 characters, and each part is short.
_LONGEST = 500
# Editors of a book stand before its title: "Ross, Mary [Ed]; Reed, Tom [Ed]. ".
_EDITORS = re.compile(r"^.*?\[(?:Eds?|Editors?)\b[^\]]*\](?:[;,]? [^\[\]]*\[Ed[^\]]*\])*\.\s+")
_SOURCES = tuple(
    map(
        re.compile,
        (
            # Journal. Vol.43(5), Sep 2015, pp. 623-634.
            rf"^(?P<venue>.+?)\.?\s+Vol\.?\s*{_VOLUME}{_ISSUE},?\s*(?P<date>[^,]{{0,40}}\d{{4}})"
            rf"(?:,\s*(?:pp?\.\s*)?{_PAGES})?",
            # Journal June 2015;58(6):688-696
            rf"^(?P<venue>.+?)\s+(?P<date>(?:(?:{_TIMES})[/ -]*)*\d{{0,2}},?\s?\d{{4}});"
            rf"{_VOLUME}{_ISSUE}:{_PAGES}",
            # Journal. 12 (3) (pp 101-110), 2015. Date of Publication: June 2015.
            rf"^(?P<venue>.+?)\.\s+{_VOLUME}{_ISSUE}\s+\((?:pp?\.?\s*{_PAGES}|no pagination)\),"
            r"\s*(?P<date>[^.]{0,40}\d{4})",
            # Journal. 201(2-3):327-334, November 15, 2004.
            rf"^(?P<venue>.+?)\.?\s+{_VOLUME}{_ISSUE}:\s?{_PAGES}[,.]?\s+(?P<date>.{{0,60}}\d{{4}}.{{0,60}}?)\.?$",
            # Journal 12, Winter 2007: 7-14.
            rf"^(?P<venue>.+?)\s+{_VOLUME}{_ISSUE},\s+(?P<date>[^:]{{0,40}}\d{{4}}):\s*{_PAGES}\.?$",
            # Gazette. 1288(3), Nov. 16, 2004.
            rf"^(?P<venue>.+?)\.\s+{_VOLUME}{_ISSUE},\s+(?P<date>[^:;]{{0,40}}\d{{4}})\.?$",
            # Journal, 2013(1): 3-28.
            rf"^(?P<venue>.+?)[,.]?\s+(?P<volume>\d[\w-]{{0,40}}+){_ISSUE}:\s?{_PAGES}\.?$",
            # Book. (pp. 11-31). New York: A Press.
            rf"^(?:\((?P<date>\d{{4}})\)\.\s+)?(?P<venue>.+?)\.\s+\(pp\.\s*{_PAGES}\)",
            # Book.:371-397, 2004.
            rf"^(?P<venue>.+?)\.:\s?{_PAGES},\s*(?P<date>.{{0,60}}\d{{4}})",
            # Journal. 2007 15 June; 433-441.
            rf"^(?P<venue>.+?)\.\s+(?P<date>\d{{4}}[^.;:]{{0,40}});\s+(?:\d+\s?pp|{_PAGES})\.*$",
            # [Book.] A Press, a place. 2002: 1-234. Chapter pagination: 214-218.
            r"^(?=.*Chapter pagination: )(?P<venue>\[.+?\]|.+?)(?:\.?\s.*?)?\.\s"
            r"(?P<date>\d{4}):\s\S+\s"
            rf"Chapter pagination: {_PAGES}\.?$",
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Source:
    """The parts of Ovid's source line."""

    venue: str | None
    volume: str | None = None
    issue: str | None = None
    pages: str | None = None
    date: str | None = None


def parse_source_line(line: str | None) -> Source:
    """Parse Ovid's source line into journal, volume, issue, pages and date, as far as possible."""
    text = " ".join((line or "").split())
    if len(text) <= _LONGEST:
        text = _EDITORS.sub("", text)
    for pattern in _SOURCES if len(text) <= _LONGEST else ():
        match = pattern.match(text)
        if match:
            parts = {key: (value or "").strip(" .") for key, value in match.groupdict().items()}
            return Source(**{key: value or None for key, value in parts.items()})
    year = re.search(r"\b(1[5-9]|20)\d{2}\b", text)
    return Source(text.rstrip(". ") or None, date=year.group(0) if year else None)
