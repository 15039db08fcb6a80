"""Clean volume, issue, pages and date: what exports write around them or instead of them."""

from __future__ import annotations

import re

from harvest.text import clean

_LABELS = {
    "volume": re.compile(r"^(?:(?:v|vol|volume)(?:\.\s*|\s+|(?=\d)))+(?=\w)", re.IGNORECASE),
    "issue": re.compile(r"^(?:n|no|nr|num|iss|issue)(?:\.\s*|\s+|(?=\d))(?=\d)", re.IGNORECASE),
    "pages": re.compile(r"^(?:p|pp|pgs?|pages?)(?:\.\s*|\s+|(?=\d))(?=\w)", re.IGNORECASE),
}
# "xi-xx"; EndNote's and ProQuest's "XX, 327" is how many pages a book has.
_ROMAN = re.compile(r"^[ivxlcdm]+(?:\s?[-–—]\s?[ivxlcdm]+)?$", re.IGNORECASE)
_COUNT = re.compile(r"^(?:\d{1,2}-)?[ivxlcdm]+,\s*\d+\.?$|^\d+\s*(?:pp?|pages?)\.?$", re.IGNORECASE)
# Ovid writes NLM's number of the journal where RIS has the issue.
_NLM_ID = re.compile(r"^(?:[a-z0-9]{3}, )?\d{7,9}[a-z]?(?:, [a-z0-9]{3})?$")
_LONGEST = 40


def _unlabelled(kind: str, text: str | None) -> str | None:
    value = clean(text)
    return _LABELS[kind].sub("", value) if value else None


def clean_volume(text: str | None) -> str | None:
    """The volume without a word for it: "v. 47" -> "47"."""
    return _unlabelled("volume", text)


def clean_issue(text: str | None) -> str | None:
    """The issue without a word for it; None for a journal's number, an address, a citation."""
    value = _unlabelled("issue", text)
    if not value or len(value) > _LONGEST or _NLM_ID.match(value):
        return None
    return value


def clean_pages(text: str | None) -> str | None:
    """The pages without a word for them; None for words instead ("N.PAG") and for a count."""
    value = _unlabelled("pages", text)
    if not value or "://" in value or _COUNT.match(value):
        return None
    words = re.search(r"[^\W\d_]{2}", value) and not re.search(r"\d", value)
    if (words or re.match(r"^n\.\s?pag", value, re.IGNORECASE)) and not _ROMAN.match(value):
        return None
    return re.sub(r"(?<=\w)\s?[-‐–—]+$", "", value)


def clean_date(text: str | None) -> str | None:
    """The date without the words that programs write for an empty part: "2019/10//undefined"."""
    value = re.sub(r"(?<=[/ -])(?:undefined|null|nan|none)\b", "", text or "", flags=re.IGNORECASE)
    return clean(value)
