"""The kind of report that a record describes: an article, an erratum, a reply, a protocol...

Two records of different kinds are never one report, however similar they are otherwise. The kind
depends on one record alone, so this also holds along chains: no group can have two kinds.
"""

from __future__ import annotations

import re
from typing import Final

ARTICLE: Final = "article"
ERRATUM: Final = "erratum"
RETRACTION: Final = "retraction notice"
REPLY: Final = "reply"
COMMENT: Final = "comment"
PROTOCOL: Final = "protocol"
PREPRINT: Final = "preprint"
SUMMARY: Final = "summary"

# All kinds but "article", those farthest from the study first. The first of a pair names its rule.
KINDS: Final = (COMMENT, REPLY, RETRACTION, ERRATUM, PROTOCOL, SUMMARY, PREPRINT)

# Notes that databases add to titles in round or square brackets.
_NOTE = re.compile(
    r"[\[(]\s*(?:"
    r"(?:comment|update|summary) (?:in|appears?|from|for|of)\b[^\])]{0,500}+"
    r"|see comments?|comments?|letter|editorial|review|references?|lecture|news|abstract"
    r"|meta-?analysis|randomi[sz]ed controlled trial|multicenter study|clinical trial|reprint"
    r"|\d+ refs?|cover story|dissertation|thesis|retracted(?: article)?|withdrawn|in press"
    r"|abstract no[.:]? ?\d+"
    r"|in [a-z]+|(?:article in )?(?:chinese|russian|german|french|spanish|italian|polish|portuguese"
    r"|japanese|korean|turkish|dutch|czech|hungarian|norwegian|danish|swedish|ukrainian|slovak"
    r"|hebrew|persian|english|serbian|croatian|romanian|finnish|greek|arabic)"
    r"(?:[ ,/&;-]+[a-z]+)?"
    r")\s*[\])]\.?",
    re.IGNORECASE,
)
_MARKED = re.compile(r"^\s*(?:retracted(?: article)?|withdrawn)\s*[:.\]]\s*", re.IGNORECASE)
# A note about an erratum can have brackets inside, or be cut off before its end.
_ERRATUM_NOTE = re.compile(
    r"[\[(]\s*(?:published )?(?:erratum|retraction|correction|corrected|republished)"
    r"[^\])]{0,60}?\b(?:in|appears?|from|for)\b.*$",
    re.IGNORECASE,
)
# Web of Science writes a correction as the article's title and place, "(vol 360, pg 542, 2009)";
# Embase writes "(New England Journal of Medicine (2009) 360 (542-544))".
_PLACE = re.compile(
    r"\(vol\.? ?\w+,[^)]{0,500}+\)\s*\.?$|\(see (?=[^)]{0,300}?\bvol\b)[^)]{0,500}+\)\s*\.?$"
    r"|\([^()]{3,120}\((?:19|20)\d\d\)\W{0,3}\d[^()]{0,40}(?:\([^()]{1,40}\)[^()]{0,40})*\)?\s*\.?$",
    re.IGNORECASE,
)

_KINDS: Final = (
    (
        ERRATUM,
        r"^\W*(?:erratum|errata|corrigend\w+|addendum)\b"
        r"|^\W*(?:(?:publisher|author)(?:'?s?'?) )?corrections?(?:\s*:| to\b| in\b|$)"
        r"|[:\-.\[(]\s*(?:published )?(?:erratum|errata|corrigend\w+|addendum|correction)\W*$",
    ),
    (RETRACTION, r"^\W*retraction\b|^\W*expression of concern|[:\-.\[(]\s*retraction\W*$"),
    (
        REPLY,
        r"^\W*(?:in )?(?:the )?(?:authors?\W{0,2}s?\W{0,2} )?(?:reply|response|rejoinder)"
        r"(?: (?:to|by|from)\b|\s*[:.]|\W*$)"
        r"|[:\-.\[(]\s*(?:the )?(?:authors?\W{0,2}s?\W{0,2} )?(?:reply|response|rejoinder)\W*$"
        r"|[:\-.]\s*(?:reply|response) to\b",
    ),
    (
        COMMENT,
        r"^\W*(?:invited |editorial |editor\W{0,2}s? )?comment(?:s|ary|aries)?(?: (?:on|to)\b|\s*:)"
        r"|[:\-.]\s*(?:a |an )?(?:invited )?comment(?:s|ary)?\W*$|[:\-.]\s*comment(?:s|ary)? on\b",
    ),
    (
        PROTOCOL,
        r"\b(?:study|trial|review|research) protocols?\b|[:\-.(\[]\s*(?:a )?protocol\b"
        r"|\bprotocol (?:for|of) (?:a|an|the)\b|^\W*protocol\b|\bprotocol\W*$",
    ),
    (
        SUMMARY,
        r"\b(?:executive|plain[- ]language|lay) summary\b|\b(?:research|policy|issue) briefs?\b"
        r"|\bappendi(?:x|ces)\W*$",
    ),
)
_KIND = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)
# Every title that a pattern of ``_KINDS`` fits has one of these; few titles have any of them, and
# to look for them is quicker.
_MARKS: Final = (
    *("errat", "corrigend", "addendum", "correction", "retraction", "expression of concern"),
    *("reply", "response", "rejoinder", "comment", "protocol", "summary", "brief", "appendi"),
)
_TYPES: Final = {
    "published erratum": ERRATUM,
    "erratum": ERRATUM,
    "correction": ERRATUM,
    "corrigendum": ERRATUM,
    "retraction": RETRACTION,
    "retraction of publication": RETRACTION,
    "expression of concern": RETRACTION,
    "preprint": PREPRINT,
    "posted-content": PREPRINT,
}
_PREPRINT_DOI = re.compile(
    r"^10\.(?:1101/\d{4}\.|1101/\d{6}|48550/|2139/ssrn|21203/rs|31234/|31235/|31219/|35542/|20944/"
    r"|22541/|26434/|36227/|12688/)"
)
_PREPRINT_VENUE = re.compile(
    r"\b(?:medrxiv|biorxiv|arxiv|chemrxiv|psyarxiv|socarxiv|edarxiv|ssrn|research square"
    r"|preprints?(?:\.org)?|osf preprints)\b"
)
_VERSION = re.compile(r"\.pub(\d+)$")


def strip_notes(title: str) -> str:
    """The title without notes that databases add, and without "RETRACTED:" before it."""
    if "[" in title or "(" in title:
        title = _NOTE.sub(" ", _ERRATUM_NOTE.sub(" ", title))
        title = _PLACE.sub(" ", title)
    return _MARKED.sub("", title).strip()


def find_kind(
    title: str,
    *,
    types: tuple[str, ...] = (),
    doi: str | None = None,
    venue: str = "",
    paged: bool = False,
) -> str:
    """The kind of report that a record describes; "article" unless something says otherwise.

    Args:
        title: the folded title, with the notes that databases add.
        types: publication types from the source.
        doi: cleaned; its registrant can be a preprint server.
        venue: folded; names the preprint server if there is no DOI.
        paged: whether the record has a page range. If the venue is not a preprint server, the
            record is a published paper to which somebody added the preprint's DOI.
    """
    for name in types:
        kind = _TYPES.get(name.lower())
        if kind and kind != PREPRINT:
            return kind
    plain = title
    if "[" in title or "(" in title:
        plain = _PLACE.sub(" ", _NOTE.sub(" ", _ERRATUM_NOTE.sub(" ", title)))
    if any(mark in plain for mark in _MARKS):
        for kind, pattern in _KIND:
            if pattern.search(plain):
                return kind
    if _PLACE.search(title):
        return ERRATUM
    server = bool(_PREPRINT_VENUE.search(venue))
    if doi:
        published = paged and venue and not server
        return PREPRINT if _PREPRINT_DOI.match(doi) and not published else ARTICLE
    return PREPRINT if server else ARTICLE


def find_version(doi: str | None) -> str | None:
    """Version number of a Cochrane review: "2" in ``10.1002/14651858.cd001.pub2``; else None."""
    if not doi or not doi.startswith("10.1002/14651858."):
        return None
    match = _VERSION.search(doi)
    return match.group(1) if match else "1"
