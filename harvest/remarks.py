"""What a source says happened to a report after it came out: retracted, corrected, and the like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from harvest.record import Remark

# PubMed's names of links from an article to what was published about it (DTD of 2025,
# CommentsCorrections RefType), and Europe PMC's, which are the same in words.
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
# Types of what is published about another report and is no study itself.
_NOTICES: Final[Mapping[str, str]] = {
    "retraction of publication": "retraction",
    "retraction notice": "retraction",
    "retraction": "retraction",
    "published erratum": "correction",
    "erratum": "correction",
    "corrigendum": "correction",
    "expression of concern": "concern",
}


def linked(kind: str) -> str | None:
    """What a link of this name says of the report that has it; None where it says nothing here."""
    return _LINKS.get("".join(letter for letter in kind.lower() if letter.isalpha()))


def of_types(types: Iterable[str]) -> tuple[Remark, ...]:
    """What the types of a record say by themselves."""
    words = {kind.strip().lower() for kind in types}
    return (Remark("retracted"),) if words & _RETRACTED else ()


# Publishers write it before the title of what was retracted.
_TITLE: Final = re.compile(r"^\W*retracted(?:\s+article)?\s*[:\]]", re.IGNORECASE)


def of_title(title: str | None) -> tuple[Remark, ...]:
    """What a title says by how it begins: "RETRACTED: ..." or "RETRACTED ARTICLE: ..."."""
    return (Remark("retracted"),) if title and _TITLE.match(title) else ()


def notice_in(types: Iterable[str]) -> str | None:
    """Which kind of notice a record is by its types: retraction, correction, concern; or None."""
    for kind in types:
        found = _NOTICES.get(kind.strip().lower())
        if found:
            return found
    return None


def settled(types: Iterable[str], remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """Remarks of links and of types, each once; a bare one goes where a notice tells the same.

    A preprint that has an update was published; of any other report an update says nothing here.
    """
    kinds = tuple(types)
    preprint = any("preprint" in kind.lower() for kind in kinds)
    found = dict.fromkeys(
        remark for remark in (*remarks, *of_types(kinds)) if preprint or remark.kind != "published"
    )
    told = {remark.kind for remark in found if remark.notice}
    return tuple(remark for remark in found if remark.notice or remark.kind not in told)
