"""Where a file comes from: database and platform of its records, and a strategy that it carries."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harvest.record import Record

# A line of a search history: number, query, and how many it found.
_LINE = re.compile(r"^\s*#?(\d{1,3})[.)]?\s+(\S.*?)\s*[(\[]\s*(\d[\d,. ]*)\s*[)\]]\s*$")
_DATABASE = re.compile(r"^\s*Databases?\s*(?:\(s\))?:\s*(\S.*?)\s*$", re.IGNORECASE)
_PROVIDER = re.compile(r"^\s*Provider:\s*(\S.*?)\s*$")
# A set of ProQuest's: S1, the query, the databases and the hits, each on a line or parted by tabs.
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
)
# What EBSCOhost calls its databases by in exports.
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
# More names than this are of a reference manager's library, not of a search.
_NAMES = 4
# Of a platform that is a database itself.
_OWN = {"Scopus": "Scopus", "Embase.com": "Embase", "PubMed": "PubMed", "JSTOR": "JSTOR"}


@dataclass(frozen=True, slots=True)
class Stated:
    """What a file says of the search that it is of; None is "not stated".

    Attributes:
        strategy: the lines of the search history, with hits, as they stand.
        reported: hits of its last line.
    """

    database: str | None = None
    platform: str | None = None
    strategy: str | None = None
    reported: int | None = None


def _number(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def stated_in(lines: Sequence[str]) -> Stated | None:
    """What lines outside of records say of a search; None where they say nothing."""
    database = next((m.group(1) for line in lines if (m := _DATABASE.match(line))), None)
    platform = next((m.group(1) for line in lines if (m := _PROVIDER.match(line))), None)
    history = [found for line in lines if (found := _LINE.match(line))]
    sets = _sets(lines)
    strategy, reported = None, None
    if history:
        strategy = "\n".join(found.group(0).strip() for found in history)
        reported = _number(history[-1].group(3))
    elif sets:
        strategy, reported = "\n".join(words for words, _ in sets), sets[-1][1]
    if database is None and strategy is None:
        return None
    return Stated(database, platform, strategy, reported)


def _sets(lines: Sequence[str]) -> list[tuple[str, int | None]]:
    """Sets of a ProQuest search strategy, each with its hits where its last cell holds them."""
    if not any(re.match(r"^\s*(Set\s?(No\.?|#)|Search strategy)", line, re.I) for line in lines):
        return []
    found: list[list[str]] = []
    for line in lines:
        begins = _SET.match(line)
        if begins:
            found.append([begins.group(1), *filter(None, begins.group(2).split("\t"))])
        elif found and line.strip():
            found[-1].extend(cell.strip() for cell in line.split("\t") if cell.strip())
    sets = []
    for cells in found:
        last = re.sub(r"[*°,\s]", "", cells[-1])
        hits = int(last) if last.isdigit() and len(cells) > 2 else None
        sets.append((" ".join(cells), hits))
    return sets


def origin(file_format: str, records: Iterable[Record], stated: Stated | None) -> Stated:
    """Database and platform of a file, by what it says, its format, and its records.

    Args:
        file_format: as the sniffer names it.
        records: what was read.
        stated: what the file says of its search.
    """
    databases: Counter[str] = Counter()
    hosts: Counter[str] = Counter()
    for record in records:
        if name := _database_of(record):
            databases[name] += 1
        if platform := _platform_of(record):
            hosts[platform] += 1
    said = stated or Stated()
    where = said.platform or _FORMATS.get(file_format)
    if where is None and hosts:
        where = hosts.most_common(1)[0][0]
    named = "; ".join(name for name, _ in databases.most_common())
    if len(databases) > _NAMES:
        named = ""
    return Stated(
        database=said.database or named or _OWN.get(where or ""),
        platform=where,
        strategy=said.strategy,
        reported=said.reported,
    )


def _database_of(record: Record) -> str | None:
    if record.database:
        # Ovid puts the years of a segment behind the name.
        plain = re.sub(r"\s*<[^>]*>|\s+Epub Ahead of Print.*$", "", record.database).strip()
        return _CODES.get(plain, plain) or None
    if (record.accession or "").startswith("WOS:"):
        return "Web of Science Core Collection"
    return "Embase" if any(name.startswith("Emtree") for name in record.extra) else None


def _platform_of(record: Record) -> str | None:
    if (record.accession or "").startswith("WOS:"):
        return "Web of Science"
    about = " ".join((*record.urls, *record.extra.values()))
    return next((platform for host, platform in _HOSTS if host in about), None)
