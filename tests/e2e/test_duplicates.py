"""Questions about duplicates in Chromium: keys answer, an answer is taken back, a split holds."""

from __future__ import annotations

import io

import pytest
from playwright.sync_api import Page, expect

from api.services.importing import ImportRequest, import_file
from api.services.setup import open_store
from api.settings import load
from store import reviews
from tests.e2e.browser import Site

pytestmark = pytest.mark.browser

_TITLE = "Home visiting for families with young children in two cities"
_FILE = "\n".join(
    (
        "title,authors,year,journal,volume,issue,pages,doi,abstract",
        f'{_TITLE},"Smith, Jane; Okafor, Chidi",2014,Journal of Integrated Care,22,3,101-112,,',
        f'{_TITLE},"Smith J; Okafor C",2014,J Integr Care,22,3,101-12,10.1000/abcdef,Visits.',
        f'{_TITLE},"Smith, Jane",2014,,,,,,',
    )
)


def _bring(served: Site) -> None:
    store = open_store(load(data_dir=served.data), create=False).store
    with store.read() as session:
        (review,) = reviews.everything(session)
    import_file(
        store, review.id, io.BytesIO(_FILE.encode()), "more.csv", ImportRequest(), person_id=1
    )
    store.close()


def test_a_question_is_answered_by_key_and_taken_back(page: Page, served: Site) -> None:
    _bring(served)
    page.goto(f"{served.url}/reviews/r/duplicates")
    expect(page.locator(".figures")).to_contain_text("Questions")
    page.click("text=Answer 1 question")
    expect(page.locator("tr.differs th")).to_contain_text(["Authors"])
    page.fill("input[name=reason]", "s and d typed here press nothing")
    page.locator("h1").click()
    page.keyboard.press("s")
    expect(page.locator("main")).to_contain_text("No question is open")
    page.goto(f"{served.url}/reviews/r/duplicates")
    expect(page.locator("ol.log")).to_contain_text("typed here press nothing")
    page.click("text=Take back")
    expect(page.locator("ol.log")).to_contain_text("holds no longer")
    expect(page.locator("text=Answer 1 question")).to_be_visible()


def test_a_record_says_where_its_values_are_from_and_can_be_split(page: Page, served: Site) -> None:
    _bring(served)
    page.goto(f"{served.url}/reviews/r/records?q=home+visiting")
    expect(page.locator("table.records")).to_contain_text("2 records")
    page.locator("table.records a").first.click()
    expect(page.locator("h2", has_text="2 records of this report")).to_be_visible()
    expect(page.locator("main")).to_contain_text("rule place")
    expect(page.locator("article")).to_contain_text("Visits.")
    page.locator("input[name=reason]").last.fill("another trial")
    page.locator("button", has_text="Another report").last.click()
    page.goto(f"{served.url}/reviews/r/records?q=home+visiting")
    expect(page.locator("table.records tbody tr")).to_have_count(3)


def test_a_screener_says_on_the_card_which_record_it_is_the_same_as(
    page: Page, served: Site
) -> None:
    page.goto(f"{served.url}/reviews/r/screen")
    heading = page.locator("#stage h2")
    title = heading.inner_text()
    left = int(page.locator("#left").inner_text().split()[0].replace(",", ""))
    page.keyboard.press("d")
    expect(page.locator("h1")).to_have_text("A duplicate of which record?")
    expect(page.locator("main")).to_contain_text(title)
    page.locator("table.records a").first.click()
    expect(page.locator("table.pair")).to_contain_text(title)
    # A key means something once the page's script has come.
    page.wait_for_load_state()
    page.keyboard.press("s")
    expect(page.locator("#stage h2")).to_be_visible()
    expect(page.locator("#left")).to_have_text(f"{left - 1} not screened.")
    # A key moves the link along with the card.
    page.keyboard.press("j")
    card = page.locator("#stage .card").get_attribute("data-record")
    expect(page.locator("#duplicate")).to_have_attribute(
        "href", f"/reviews/r/records/{card}/duplicate?after=screen"
    )
