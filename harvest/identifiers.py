"""Clean DOIs, PubMed ids and links. A malformed id is dropped, but never the record."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>|{}^`\\]+", re.IGNORECASE)
_PMID = re.compile(r"^(?:pmid:?\s*|medline:)?(\d{1,9})(?:\s*\[pmid\])?$", re.IGNORECASE)
_PMCID = re.compile(r"\bPMC\s?(\d{1,9})\b", re.IGNORECASE)
_PUBMED_URL = re.compile(r"(?:pubmed\.ncbi\.nlm\.nih\.gov|ncbi\.nlm\.nih\.gov/pubmed)/(\d{1,9})")


# The longest DOIs have about a hundred characters.
_LONGEST = 300
# What publishers' addresses add to a DOI: the part or form of the article that is shown.
_VIEWS = (
    *("/full", "/fulltext", "/full-text", "/abstract", "/summary", "/pdf", "/epdf", "/pdfft"),
    *("/epub", "/html", "/meta", "/references", "/citations", "/figures", "/tables", "/suppinfo"),
    *("/supplementary", "/download", "/print", "/cite", "/related"),
    *(".pdf", ".epdf", ".htm", ".html", ".full", ".full-text", ".abstract", ".short"),
)
_OLD = re.compile(r"10\.\d{4,9}/\S*")
# bioRxiv and medRxiv: the address names the version, the DOI does not.
_VERSION = re.compile(r"^(10\.1101/\d[\d.]*\d)v\d+$")
# Cochrane's and Oxford's addresses put numbers and file names behind the DOI.
_BEHIND = re.compile(
    r"^(10\.1002/14651858\.[a-z]{2}\d+(?:\.pub\d+)?|10\.1093/[a-z]+/[a-z]{2,}\d+)/.*$"
)
# DOIs of things that a report names but is not: a test of APA PsycTests, a trial in the ISRCTN
# register, a funder, a journal.
_NOT_A_REPORT = re.compile(
    r"^10\.(?:1037/t\d+-\d+|1186/isrctn\d+|13039/\d+|\d{4,9}/\(issn\)[\dx-]+)$"
)
_WHOLE_DOI = re.compile(
    r"^\W*+(?:doi\s*+(?:[:=]\s*+)?)?(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?10\.\d{4,9}/\S+$",
    re.IGNORECASE,
)


def is_doi(text: str) -> bool:
    """Whether a text is a DOI and nothing else, as "doi: 10.1000/x" is, and a citation is not."""
    return bool(_WHOLE_DOI.match(text.strip()))


def is_pmid(text: str) -> bool:
    """Whether a text is a named PubMed id and nothing else, as "PMID: 12345678" is."""
    return bool(re.match(r"^\W*PMID\W{0,3}\d{1,9}\W*$", text.strip(), re.IGNORECASE))


def clean_doi(text: str | None) -> str | None:
    """The DOI in a text, in lower case and without what addresses add to it, or None.

    Examples: "https://doi.org/10.1000/ABC." -> "10.1000/abc"; "doi: 10.1000%2Fx" -> "10.1000/x";
    "https://example.org/doi/10.1000/x/full?a=b#top" -> "10.1000/x";
    "10.1002/(sici)1097(199801)1:1<1::aid-x>3.0.co;2-q" keeps its brackets.
    """
    if not text:
        return None
    doi = _find_doi(text)
    while doi is not None and doi != text:
        # What was behind a part that is gone may have to go too: "10.1000/a)/full".
        text, doi = doi, _find_doi(doi)
    return doi


def _find_doi(text: str) -> str | None:
    if re.search(r"%2f", text, re.IGNORECASE):
        text = unquote(text)
    match = next(filter(_is_sici, _OLD.finditer(text)), None) or _DOI.search(text)
    if not match:
        return None
    # If the DOI is a parameter of a link, the next parameter follows directly.
    doi = re.split(r"&\w+=|[?#]", match.group(0), maxsplit=1)[0].rstrip(".,;:'\"")
    if len(doi) > _LONGEST:
        return None
    for opening, closing in ("()", "[]"):
        while doi.endswith(closing) and doi.count(closing) > doi.count(opening):
            doi = doi[:-1].rstrip(".,;:")
    doi = _without_view(doi.lower())
    doi = _BEHIND.sub(r"\1", _VERSION.sub(r"\1", doi)).rstrip("/.,;:")
    return None if len(doi) <= len("10.1234/") or _NOT_A_REPORT.match(doi) else doi


def _is_sici(match: re.Match[str]) -> bool:
    """Whether a DOI has a part in pointed brackets, which a character precedes and follows."""
    text = match.group(0)
    opening = text.find("<", text.index("/") + 1)
    return opening >= 0 and text.find(">", opening + 2, len(text) - 1) >= 0


def _without_view(doi: str) -> str:
    bare = doi.removesuffix("/")
    end = len(bare)
    while part := next((view for view in _VIEWS if bare.endswith(view, 0, end)), None):
        end -= len(part)
    return bare[:end] if end < len(bare) else doi


def clean_pmid(text: str | None) -> str | None:
    """The PubMed id in a text as digits without leading zeros, or None."""
    if not text:
        return None
    stripped = re.sub(r"\.0$", "", text.strip())
    match = _PMID.match(stripped) or _PUBMED_URL.search(stripped)
    if not match:
        return None
    return match.group(1).lstrip("0") or None


def find_accession_pmids(accession: str | None, *databases: str | None) -> list[str]:
    """The accession number, if a database named with it numbers its records by PMID.

    EndNote names NLM as the provider of what it took from PubMed.
    """
    names = " ".join(name for name in databases if name)
    by_pmid = re.search(r"pubmed|medline|\bnlm\b", names, re.IGNORECASE)
    return [accession] if accession and by_pmid else []


def clean_pmcid(text: str | None) -> str | None:
    """The PubMed Central id in a text as "PMC" and digits, or None."""
    match = _PMCID.search(text) if text else None
    return f"PMC{match.group(1)}" if match else None


def clean_url(text: str | None) -> str | None:
    """The link if it is http or https with a host; None for anything else."""
    if not text:
        return None
    # Exports of XML leave "&amp;" in; other references could be parameters ("&copy=1").
    url = text.strip().replace("&amp;", "&")
    if url.lower().startswith("www."):
        url = f"https://{url}"
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
        return None
    return None if re.search(r"\s", url) else url
