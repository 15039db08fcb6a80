"""What sources say happened to a report: links, types and titles, each once."""

from __future__ import annotations

import pytest

from harvest.record import NOTICE, Record, Remark
from harvest.remarks import linked, notice_in, of_title, settled
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
        # What a notice says of the article it is about is no remark on the notice.
        ("RetractionOf", None),
        ("Erratum for", None),
        ("CommentIn", None),
        ("RepublishedIn", None),
    ],
)
def test_links_to_what_was_published_about_a_report(link: str, kind: str | None) -> None:
    assert linked(link) == kind


def test_a_bare_remark_gives_way_to_one_with_a_notice() -> None:
    told = Remark("retracted", "J Care. 2026", "8")
    types = ("Journal Article", "Retracted Publication")
    assert settled(types, [told]) == (told,)
    assert settled(types, []) == (Remark("retracted"),)


def test_an_update_says_that_a_preprint_was_published_and_nothing_of_an_article() -> None:
    update = Remark("published", "J Care. 2026", "9")
    assert settled(("Preprint",), [update]) == (update,)
    assert settled(("Journal Article",), [update]) == ()


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
    assert bool(of_title(title)) == retracted


def test_notices_are_told_by_their_types() -> None:
    assert notice_in(["Journal Article", "Retraction of Publication"]) == "retraction"
    assert notice_in(["erratum"]) == "correction"
    assert notice_in(["Journal Article"]) is None


@needs_shared
def test_pubmeds_own_links_are_read() -> None:
    path = PUBMED / "fatcat" / "pubmedsample_2019.xml"
    found = {r.pmid: r for r in read(path.read_bytes()).records}
    retracted = [n for n, r in found.items() if any(m.kind == "retracted" for m in r.remarks)]
    assert sorted(map(str, retracted)) == ["11543891", "8655018", "8863847"]
    assert found["11543891"].remarks[-1].pmid == "11600210"
    assert {n for n, r in found.items() if NOTICE in r.flags} == {"11600210", "9634358"}


def test_pubmeds_text_format_tells_of_notices() -> None:
    text = b"PMID- 1\nTI  - One\nPT  - Journal Article\nRIN - J Care. 2026. PMID: 77\n"
    (record,) = read(text).records
    assert isinstance(record, Record)
    assert record.remarks == (Remark("retracted", "J Care. 2026. PMID: 77", "77"),)
    assert "retracted" in record.flags
