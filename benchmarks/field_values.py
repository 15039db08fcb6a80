"""Values of a record's fields in one comparable form, whichever reader or oracle gave them.

A value counts as the same if it says the same to a reviewer. What is folded away, for every reader:

- all text: case, accents' composition, markup (``<i>``), TeX's braces, punctuation and spaces;
- authors: family name and first letters of the given names; the sequence counts; editors stand in
  where there are no authors; a name without a comma is split before its last word, or before its
  initials ("Berg JK");
- year: the first year in the date; pages: "10-9" is 10 to 19, dashes are one, "p." goes;
- DOI: without its resolver, lower case; PMID: its digits;
- keywords: a set, divided at commas too; type: one of nine kinds, because each format has its own
  words for them.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

FIELDS: Final = (
    *("title", "authors", "year", "venue", "volume", "pages", "doi", "pmid", "abstract"),
    *("keywords", "type"),
)
# The words for kinds of report in RIS, BibTeX, PubMed, Web of Science, Ovid and Zotero; one that
# names none of these says nothing.
_SPECIFIC: Final = (
    ("thesis", r"thes|dissertation"),
    ("patent", r"^pat(ent)?$"),
    # BibTeX's @proceedings is the book, @inproceedings a paper in it.
    ("book", r"^proceedings$"),
    ("chapter", r"chap|inbook|incollection|booksection|bookinseries"),
)
_KINDS: Final = (
    *_SPECIFIC,
    ("conference", r"^conf|cpaper|proceeding|meeting"),
    ("report", r"report|^rprt|govdoc"),
    ("article", r"article|jour|review|editorial|letter|mgzn|poetry|abst"),
    ("book", r"book|monograph"),
    ("web", r"^elec|web|online|blog|icomm"),
    ("preprint", r"preprint|unpb|unpublished"),
)


def fold(text: object) -> str:
    """Text without case, markup, punctuation and spaces."""
    plain = re.sub(r"</?[A-Za-z][^<>]{0,40}>", "", html.unescape(str(text or "")))
    plain = unicodedata.normalize("NFKC", plain).casefold()
    return re.sub(r"[\W_]+", "", plain)


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", html.unescape(text)).casefold()
    return re.findall(r"[^\W_]+", plain)


def fold_name(name: str) -> str:
    """A person's family name and initials, or an organisation's whole name."""
    plain = re.sub(r"[{}]", "", name).strip()
    family, comma, given = plain.partition(",")
    if not comma:
        initials = re.match(r"^(.+?)\s+((?:[A-Z]\.?[- ]?){1,4})$", plain)
        if initials:
            family, given = initials.groups()
        elif " " in plain:
            given, family = plain.rsplit(" ", 1)
    letters = "".join(
        word if given.isupper() and len(word) <= 3 else word[0] for word in _words(given)
    )
    return f"{fold(family)} {letters}".strip()


def fold_pages(text: object) -> str:
    """A range of pages with its last page in full."""
    plain = re.sub(r"[‐-―−]|--+", "-", str(text or "")).casefold()
    plain = re.sub(r"^(?:pp?|pages?)\b[. ]*|\s|\.$", "", plain)
    first, _, last = re.sub(r"-+", "-", plain).partition("-")
    if first.isdigit() and last.isdigit() and len(last) < len(first):
        last = first[: len(first) - len(last)] + last
    return first if not last or first == last else f"{first}-{last}"


def fold_type(values: Iterable[str]) -> str:
    """The kind of report: a specific one if any word names it, else the first that is named."""
    words = [re.sub(r"[\W_]", "", value.casefold()) for value in values]
    for kinds in (_SPECIFIC, _KINDS):
        for word in words:
            found = next((kind for kind, pattern in kinds if re.search(pattern, word)), "")
            if found:
                return found
    return ""


def _year(text: object) -> str:
    found = re.search(r"(?<!\d)(1[5-9]|20)\d\d(?!\d)", str(text or ""))
    return found.group(0) if found else ""


def _doi(text: object) -> str:
    found = re.search(r"10\.\d{3,9}/\S+", str(text or "").replace("%2F", "/"))
    return found.group(0).rstrip(".,;").casefold() if found else ""


def _digits(text: object) -> str:
    found = re.search(r"\d+", str(text or ""))
    return found.group(0) if found else ""


def comparable(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record in comparable form; empty where it has no value.

    Args:
        raw: by name of field; ``authors``, ``keywords`` and ``type`` are lists of strings.
    """
    # Oracles in BibTeX have words divided by commas, so a comma divides for everybody.
    words = {fold(part) for word in raw.get("keywords") or () for part in word.split(",")}
    return {
        "title": fold(raw.get("title")),
        "authors": [name for name in map(fold_name, raw.get("authors") or ()) if name],
        "year": _year(raw.get("year")),
        "venue": fold(raw.get("venue")),
        "volume": fold(raw.get("volume")),
        "pages": fold_pages(raw.get("pages")),
        "doi": _doi(raw.get("doi")),
        "pmid": _digits(raw.get("pmid")),
        "abstract": fold(raw.get("abstract")),
        "keywords": sorted(filter(None, words)),
        "type": fold_type(raw.get("type") or ()),
    }
