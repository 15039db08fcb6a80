"""Questions about duplicates in Chromium: keys answer, an answer is undone, a split stays."""

from __future__ import annotations

import io

import pytest
from playwright.sync_api import Page, expect

from api.services.searching.importing import ImportRequest, import_file
from tests.e2e.browser import Visit, press

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


def import_copies(served: Visit) -> None:
    """Add two records of one report, and one that may be of the same report."""
    store = served.site.store()
    file = io.BytesIO(_FILE.encode())
    import_file(store, served.review_id, file, "more.csv", ImportRequest(), person_id=1)
    store.close()


def test_a_question_is_answered_by_key_and_the_answer_undone(page: Page, served: Visit) -> None:
    import_copies(served)
    page.goto(f"{served.address}/duplicates")
    expect(page.locator(".figures")).to_contain_text("Questions")
    page.click("text=Answer 1 question")
    expect(page.locator("tr.differs th")).to_contain_text(["Authors"])
    page.fill("input[name=reason]", "s and d typed here press nothing")
    page.locator("h1").click()
    press(page, "s")
    expect(page.locator("main")).to_contain_text("There are no open questions")
    page.goto(f"{served.address}/duplicates")
    expect(page.locator("ol.log")).to_contain_text("typed here press nothing")
    page.click("text=Take back")
    expect(page.locator("ol.log")).to_contain_text("no longer applies")
    expect(page.locator("text=Answer 1 question")).to_be_visible()


def test_a_record_shows_the_sources_of_its_values_and_can_be_split(
    page: Page, served: Visit
) -> None:
    import_copies(served)
    page.goto(f"{served.address}/records?q=home+visiting")
    expect(page.locator("table.records")).to_contain_text("2 records")
    page.locator("table.records a").first.click()
    expect(page.locator("h2", has_text="2 records of this report")).to_be_visible()
    expect(page.locator("main")).to_contain_text("rule place")
    expect(page.locator("article")).to_contain_text("Visits.")
    page.locator("input[name=reason]").last.fill("another trial")
    page.locator("button", has_text="Not the same report").last.click()
    page.goto(f"{served.address}/records?q=home+visiting")
    expect(page.locator("table.records tbody tr")).to_have_count(3)


def test_a_reviewer_marks_a_card_as_a_duplicate_of_another_record(
    page: Page, served: Visit
) -> None:
    page.goto(f"{served.address}/screen")
    heading = page.locator("#stage h2")
    title = heading.inner_text()
    left = int(page.locator("#left").inner_text().split()[0].replace(",", ""))
    press(page, "d")
    expect(page.locator("h1")).to_have_text("Which record is it a copy of?")
    expect(page.locator("main")).to_contain_text(title)
    page.locator("table.records a").first.click()
    expect(page.locator("table.pair")).to_contain_text(title)
    # Keys work once the page's script has loaded.
    page.wait_for_load_state()
    press(page, "s")
    expect(page.locator("#stage h2")).to_be_visible()
    expect(page.locator("#left")).to_have_text(f"{left - 1} left for you.")
    # A key also moves the link to the next card.
    press(page, "j")
    card = page.locator("#stage .card").get_attribute("data-record")
    expect(page.locator("#duplicate")).to_have_attribute(
        "href", f"{served.path}/records/{card}/duplicate?after=screen"
    )
