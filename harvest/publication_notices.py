"""Find out from a record whether its report was retracted, corrected and the like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from harvest.record import StatusNotice

# PubMed's names for links from an article to notices about it (DTD of 2025, CommentsCorrections
# RefType). Europe PMC's names are the same, written with spaces.
_LINKS: Final[Mapping[str, str]] = {
    "retractionin": "retracted",
    "partialretractionin": "retracted",
    "retractedandrepublishedin": "republished",
    "correctedandrepublishedin": "corrected",
    "erratumin": "corrected",
    "corrigendumin": "corrected",
    "expressionofconcernin": "concern",
    "updatein": "published",
}
_RETRACTED: Final = frozenset({"retracted publication", "retracted article"})
# Publication types of notices about another report, which are not studies themselves.
_NOTICES: Final[Mapping[str, str]] = {
    "retraction of publication": "retraction",
    "retraction notice": "retraction",
    "retraction": "retraction",
    "published erratum": "correction",
    "erratum": "correction",
    "corrigendum": "correction",
    "expression of concern": "concern",
}


def find_status_kind(link: str) -> str | None:
    """Kind of status notice that a link of this name stands for; None for other links."""
    return _LINKS.get("".join(letter for letter in link.lower() if letter.isalpha()))


def find_status_in_types(types: Iterable[str]) -> tuple[StatusNotice, ...]:
    """A status notice if one of a record's types says that it was retracted."""
    names = {name.strip().lower() for name in types}
    return (StatusNotice("retracted"),) if names & _RETRACTED else ()


# Publishers put this before the title of a retracted report.
_TITLE: Final = re.compile(r"^\W*retracted(?:\s+article)?\s*[:\]]", re.IGNORECASE)


def find_status_in_title(title: str | None) -> tuple[StatusNotice, ...]:
    """A status notice if a title begins with "RETRACTED: ..." or "RETRACTED ARTICLE: ..."."""
    return (StatusNotice("retracted"),) if title and _TITLE.match(title) else ()


def find_notice_kind(types: Iterable[str]) -> str | None:
    """Kind of notice that a record itself is: retraction, correction, concern or None."""
    return next((kind for name in types if (kind := _NOTICES.get(name.strip().lower()))), None)


def merge_status_notices(
    types: Iterable[str], status_notices: Iterable[StatusNotice]
) -> tuple[StatusNotice, ...]:
    """Status notices from links and from types, each once; one with a notice replaces one without.

    An update of a preprint means that it was published; an update of any other report is ignored.
    """
    names = tuple(types)
    preprint = any("preprint" in name.lower() for name in names)
    unique = dict.fromkeys(
        notice
        for notice in (*status_notices, *find_status_in_types(names))
        if preprint or notice.kind != "published"
    )
    with_notice = {notice.kind for notice in unique if notice.notice}
    return tuple(notice for notice in unique if notice.notice or notice.kind not in with_notice)
