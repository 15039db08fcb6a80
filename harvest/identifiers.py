"""Cleaning of DOIs, PubMed ids and links. A malformed id is dropped; it never costs the record."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>|{}^`\\]+", re.IGNORECASE)
_PMID = re.compile(r"^(?:pmid:?\s*|medline:)?(\d{1,9})(?:\s*\[pmid\])?$", re.IGNORECASE)
_PMCID = re.compile(r"\bPMC\s?(\d{1,9})\b", re.IGNORECASE)
_PUBMED_URL = re.compile(r"(?:pubmed\.ncbi\.nlm\.nih\.gov|ncbi\.nlm\.nih\.gov/pubmed)/(\d{1,9})")


def clean_doi(text: str | None) -> str | None:
    """The DOI in a text, lower-cased and without resolver prefix; None where there is none.

    Examples: "https://doi.org/10.1000/ABC." -> "10.1000/abc"; "doi: 10.1000%2Fx" -> "10.1000/x";
    "10.1002/(sici)1097(199801)1:1<1::aid-x>3.0.co;2-q" keeps its brackets.
    """
    if not text:
        return None
    candidate = unquote(text) if re.search(r"%2f", text, re.IGNORECASE) else text
    sici = re.search(r"10\.\d{4,9}/\S*<\S+>\S+", candidate)
    found = sici or _DOI.search(candidate)
    if not found:
        return None
    # In a link that asks for it by parameters, the next of these begins behind it.
    doi = re.split(r"&\w+=", found.group(0))[0].rstrip(".,;:'\"")
    for opening, closing in ("()", "[]"):
        while doi.endswith(closing) and doi.count(closing) > doi.count(opening):
            doi = doi[:-1].rstrip(".,;:")
    doi = doi.lower()
    return doi if len(doi) > len("10.1234/") else None


def clean_pmid(text: str | None) -> str | None:
    """The PubMed id in a text as digits without leading zeros; None where there is none."""
    if not text:
        return None
    stripped = re.sub(r"\.0$", "", text.strip())
    found = _PMID.match(stripped) or _PUBMED_URL.search(stripped)
    if not found:
        return None
    return found.group(1).lstrip("0") or None


def clean_pmcid(text: str | None) -> str | None:
    """The PubMed Central id in a text as "PMC" and digits; None where there is none."""
    found = _PMCID.search(text) if text else None
    return f"PMC{found.group(1)}" if found else None


def clean_url(text: str | None) -> str | None:
    """The link, if it is http or https with a host; None for everything else."""
    if not text:
        return None
    url = text.strip()
    if url.lower().startswith("www."):
        url = f"https://{url}"
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
        return None
    return None if re.search(r"\s", url) else url
