"""Find out where a file comes from: its database, its platform, and a search strategy inside it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harvest.record import Record

# A line of a search history: number and query, and then its hits in brackets.
_NUMBERED = re.compile(r"#?\d{1,3}[.)]?\s+\S")
_HITS = re.compile(r"\s*\d[\d,. ]*+\s*$")
_DATABASE = re.compile(r"^\s*Databases?\s*(?:\(s\))?:\s*(\S.*)$", re.IGNORECASE)
_PROVIDER = re.compile(r"^\s*Provider:\s*(\S.*)$")
_SEGMENT = re.compile(r"(?<!\s)(?:\s*<[^<>]*>|\s+Epub Ahead of Print(?s:.*)$)")
# A set of a ProQuest search: S1, the query, the databases and the hits, separated by line breaks or
# tabs.
_SET = re.compile(r"^\s*(S\d{1,3})\b\s*(.*)$")
_FORMATS = {
    "wos": "Web of Science",
    "ovid": "Ovid",
    "proquest-text": "ProQuest",
    "ebsco-xml": "EBSCOhost",
}
_HOSTS = (
    ("ebscohost.com", "EBSCOhost"),
    ("proquest.com", "ProQuest"),
    ("ovidsp", "Ovid"),
    ("ovid.com", "Ovid"),
    ("embase.com", "Embase.com"),
    ("scopus.com", "Scopus"),
    ("webofscience.com", "Web of Science"),
    ("ncbi.nlm.nih.gov", "PubMed"),
    ("jstor.org", "JSTOR"),
    ("openalex.org/W", "OpenAlex"),
    ("app.dimensions.ai", "Dimensions"),
    ("lens.org", "The Lens"),
    ("clinicaltrials.gov", "ClinicalTrials.gov"),
)
# EBSCOhost's codes for its databases in exports.
_CODES = {
    "psyh": "APA PsycInfo",
    "pdh": "APA PsycArticles",
    "cin20": "CINAHL",
    "ccm": "CINAHL Complete",
    "rzh": "CINAHL Plus with Full Text",
    "cmedm": "MEDLINE",
    "sih": "SocINDEX with Full Text",
    "snh": "SocINDEX",
    "eric": "ERIC",
    "ecn": "EconLit",
    "bth": "Business Source Complete",
    "i3h": "Criminal Justice Abstracts with Full Text",
}
# The numbers of CENTRAL, the Cochrane Library's register of trials.
_CENTRAL = re.compile(r"CN-\d{6,}$")
# A file with more databases than this is a reference manager's library, not a search.
_NAMES = 4
# Platforms that have only one database.
_OWN = {
    "Scopus": "Scopus",
    "Embase.com": "Embase",
    "PubMed": "PubMed",
    "JSTOR": "JSTOR",
    "OpenAlex": "OpenAlex",
    "Dimensions": "Dimensions",
    "The Lens": "The Lens",
    "ClinicalTrials.gov": "ClinicalTrials.gov",
}
# A mark that a smaller share of the records has says nothing about the file: any list has links.
_NEARLY_ALL = 0.9
# Names that a smaller share of the records has are not worth mentioning.
_SOME = 0.05


@dataclass(frozen=True, slots=True)
class Origin:
    """A file's statements about the search that it comes from; None means "not stated".

    Attributes:
        strategy: the lines of the search history with their hits, unchanged.
        reported: hits of the last line.
        mixed: databases or platforms that its records name, with how many records name each, if the
            file is none's: most named first. Empty for a file of one search.
    """

    database: str | None = None
    platform: str | None = None
    strategy: str | None = None
    reported: int | None = None
    mixed: tuple[tuple[str, int], ...] = ()


def _hits(line: str) -> int | None:
    """The hits of a line of a search history; None if it is none."""
    opening = max(line.rfind("("), line.rfind("["))
    if opening < 0 or line[-1] not in ")]" or not _HITS.match(line[opening + 1 : -1]):
        return None
    return _number(line[opening:]) if _NUMBERED.match(line[:opening]) else None


def _number(text: str) -> int | None:
    """A number with its points and commas; None if it is too long to be a number of hits."""
    digits = re.sub(r"\D", "", text)
    return int(digits) if len(digits) < 16 else None


def find_stated_origin(lines: Sequence[str]) -> Origin | None:
    """Read the search from the lines outside records; None if they do not describe one."""
    stripped = [line.strip() for line in lines]
    database = next((m.group(1) for line in stripped if (m := _DATABASE.match(line))), None)
    platform = next((m.group(1) for line in stripped if (m := _PROVIDER.match(line))), None)
    history = [(line, hits) for line in stripped if (hits := _hits(line)) is not None]
    sets = _proquest_sets(lines)
    strategy, reported = None, None
    if history:
        strategy = "\n".join(line for line, _ in history)
        reported = history[-1][1]
    elif sets:
        strategy, reported = "\n".join(text for text, _ in sets), sets[-1][1]
    if database is None and strategy is None:
        return None
    return Origin(database, platform, strategy, reported)


def _proquest_sets(lines: Sequence[str]) -> list[tuple[str, int | None]]:
    """Sets of a ProQuest search strategy: text, and hits if the last cell is a number."""
    if not any(re.match(r"^\s*(Set\s?(No\.?|#)|Search strategy)", line, re.I) for line in lines):
        return []
    sets: list[list[str]] = []
    for line in lines:
        match = _SET.match(line)
        if match:
            sets.append([match.group(1), *filter(None, match.group(2).split("\t"))])
        elif sets and line.strip():
            sets[-1].extend(cell.strip() for cell in line.split("\t") if cell.strip())
    with_hits = []
    for cells in sets:
        last = re.sub(r"[*°,\s]", "", cells[-1])
        hits = int(last) if last.isdigit() and len(cells) > 2 else None
        with_hits.append((" ".join(cells), hits))
    return with_hits


class OriginMarks:
    """Counts the databases and platforms that a file's records name."""

    def __init__(self) -> None:
        self._databases: Counter[str] = Counter()
        self._hosts: Counter[str] = Counter()
        self._number = 0

    def add(self, record: Record) -> None:
        """Count what one record names."""
        self._number += 1
        if name := _database_of(record):
            self._databases[name] += 1
        self._hosts.update(_platforms_of(record))

    def find(self, file_format: str, stated: Origin | None) -> Origin:
        """The file's database and platform by its own statements, its format and its records."""
        databases, hosts, number = self._databases, self._hosts, self._number
        own = stated or Origin()
        platform = own.platform or _FORMATS.get(file_format)
        if platform is None and hosts:
            host, marked = hosts.most_common(1)[0]
            platform = host if marked >= _NEARLY_ALL * number else None
        names = "; ".join(name for name, _ in databases.most_common())
        if len(databases) > _NAMES or databases.total() < _NEARLY_ALL * number:
            names = ""
        if platform is None and _OWN.get(names) == names:
            # A database that is its own platform.
            platform = names
        if platform is None and len(databases) > 1:
            # Several databases are one search only on a platform that has them all.
            names = ""
        database = own.database or names or _OWN.get(platform or "")
        return Origin(
            database=database or None,
            platform=platform,
            strategy=own.strategy,
            reported=own.reported,
            mixed=() if database else _list_mixed(databases or hosts, number),
        )


def find_origin(file_format: str, records: Iterable[Record], stated: Origin | None) -> Origin:
    """Find a file's database and platform by its own statements, its format and its records.

    Args:
        file_format: see ``harvest.files.sniff.sniff``.
        records: the file's records.
        stated: the file's own statements.
    """
    marks = OriginMarks()
    for record in records:
        marks.add(record)
    return marks.find(file_format, stated)


def _list_mixed(named: Counter[str], number: int) -> tuple[tuple[str, int], ...]:
    """The names that a notable share of the records has, if there are two or more."""
    some = [(name, count) for name, count in named.most_common() if count >= _SOME * number]
    return tuple(some) if len(some) > 1 else ()


def _database_of(record: Record) -> str | None:
    if record.database:
        # Ovid adds the years of a segment after the name.
        plain = re.sub(
            r"(?<!\s)\s*<[^<>]*>|(?<!\s)\s+Epub Ahead of Print(?s:.*)$", "", record.database
        ).strip()
        return _CODES.get(plain, plain) or None
    if (record.accession or "").startswith("WOS:"):
        return "Web of Science Core Collection"
    if _CENTRAL.match(record.accession or ""):
        return "CENTRAL"
    return "Embase" if any(name.startswith("Emtree") for name in record.extra) else None


def _platforms_of(record: Record) -> set[str]:
    if (record.accession or "").startswith("WOS:"):
        return {"Web of Science"}
    if (record.accession or "").startswith("2-s2.0-"):
        return {"Scopus"}
    if _CENTRAL.match(record.accession or ""):
        return {"Cochrane Library"}
    about = " ".join((*record.urls, *record.extra.values()))
    return {platform for host, platform in _HOSTS if host in about}
