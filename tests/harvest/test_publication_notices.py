"""Status notices from links, types and titles are merged, each kept once."""

from __future__ import annotations

import pytest

from harvest.publication_notices import (
    find_notice_kind,
    find_status_in_title,
    find_status_kind,
    merge_status_notices,
)
from harvest.record import NOTICE, Record, StatusNotice
from tests.harvest.reading import read
from tests.shared import PUBMED, needs_shared


@pytest.mark.parametrize(
    ("link", "kind"),
    [
        ("RetractionIn", "retracted"),
        ("Retraction in", "retracted"),
        ("RetractedandRepublishedIn", "republished"),
        ("ErratumIn", "corrected"),
        ("Expression of concern in", "concern"),
        ("UpdateIn", "published"),
        # What a notice says of the article it is about is no status notice of its own.
        ("RetractionOf", None),
        ("Erratum for", None),
        ("CommentIn", None),
        ("RepublishedIn", None),
    ],
)
def test_links_to_what_was_published_about_a_report(link: str, kind: str | None) -> None:
    assert find_status_kind(link) == kind


def test_a_bare_status_notice_gives_way_to_one_with_a_notice() -> None:
    told = StatusNotice("retracted", "J Care. 2026", "8")
    types = ("Journal Article", "Retracted Publication")
    assert merge_status_notices(types, [told]) == (told,)
    assert merge_status_notices(types, []) == (StatusNotice("retracted"),)


def test_an_update_says_that_a_preprint_was_published_and_nothing_of_an_article() -> None:
    update = StatusNotice("published", "J Care. 2026", "9")
    assert merge_status_notices(("Preprint",), [update]) == (update,)
    assert merge_status_notices(("Journal Article",), [update]) == ()


@pytest.mark.parametrize(
    ("title", "retracted"),
    [
        ("RETRACTED: Joint work in Leeds", True),
        ("[RETRACTED] Joint work in Leeds", True),
        ("Retracted Article: Joint work", True),
        ("Retracted studies in social care: a review", False),
        (None, False),
    ],
)
def test_a_title_may_say_it(title: str | None, retracted: bool) -> None:
    assert bool(find_status_in_title(title)) == retracted


def test_notices_are_told_by_their_types() -> None:
    assert find_notice_kind(["Journal Article", "Retraction of Publication"]) == "retraction"
    assert find_notice_kind(["erratum"]) == "correction"
    assert find_notice_kind(["Journal Article"]) is None


@needs_shared
def test_pubmeds_own_links_are_read() -> None:
    path = PUBMED / "fatcat" / "pubmedsample_2019.xml"
    found = {r.pmid: r for r in read(path.read_bytes()).records}
    retracted = [
        n for n, r in found.items() if any(m.kind == "retracted" for m in r.status_notices)
    ]
    assert sorted(map(str, retracted)) == ["11543891", "8655018", "8863847"]
    assert found["11543891"].status_notices[-1].pmid == "11600210"
    assert {n for n, r in found.items() if NOTICE in r.flags} == {"11600210", "9634358"}


def test_pubmeds_text_format_tells_of_notices() -> None:
    text = b"PMID- 1\nTI  - One\nPT  - Journal Article\nRIN - J Care. 2026. PMID: 77\n"
    (record,) = read(text).records
    assert isinstance(record, Record)
    assert record.status_notices == (StatusNotice("retracted", "J Care. 2026. PMID: 77", "77"),)
    assert "retracted" in record.flags
