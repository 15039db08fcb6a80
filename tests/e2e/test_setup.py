"""Setting up a review in the browser, without a shell."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from store.searching import searches
from tests.e2e.browser import Visit, press, settle, until

pytestmark = pytest.mark.browser

RECORDS = "Name of paper,Summary,label\nJoint working,With health,1\nSteel,Corrosion,0\nCare,,1\n"


def test_a_review_is_set_up_screened_and_evaluated_without_a_shell(
    page: Page, served: Visit, tmp_path: Path
) -> None:
    file = tmp_path / "export.csv"
    file.write_text(RECORDS)
    gold = tmp_path / "gold.csv"
    gold.write_text("title,year\nJoint working,\nSomething else,2012\n")
    page.goto(served.url)
    page.click("text=Set up a review")
    page.fill("[name=title]", "Joint working: a review")
    page.fill("[name=questions]", "What works?\nFor whom?")
    page.fill("[name=year_from]", "2011")
    page.fill("[name=year_to]", "20 22")
    page.click("text=Set up the review")
    expect(page.locator(".problem")).to_contain_text("Last year")
    assert page.input_value("[name=questions]") == "What works?\nFor whom?"
    page.fill("[name=year_to]", "2022")
    page.click("text=Set up the review")
    page.wait_for_url("**/reviews/joint-working-a-review/searches")

    page.set_input_files("[name=file]", file)
    page.click("button:text('Go on')")
    expect(page.locator("h1")).to_contain_text("Check export.csv")
    # Without a title column the third row has neither title nor abstract.
    expect(page.locator("main")).to_contain_text("2 records and 1 that cannot be read")
    page.select_option("[name='map.title']", "Name of paper")
    page.click("button:text('Check again')")
    expect(page.locator("main")).to_contain_text("3 records and 0 that cannot be read")
    expect(page.locator("table.records")).to_contain_text("Joint working")
    page.fill("[name=source]", "PsycINFO")
    page.fill("[name=reported]", "5")
    page.click("button:text('Import')")
    expect(page.locator("#jobs .done, main .done").first).to_contain_text("3 entries = 3 new")
    settle(page)
    expect(page.locator("main table")).to_contain_text("2, not explained")

    page.click("nav >> text=Known studies")
    page.set_input_files("[name=file]", gold)
    page.click("button:text('Add')")
    expect(page.locator("main")).to_contain_text("gold.csv (2)")

    page.click("nav >> text=Screen")
    page.wait_for_selector("html.js #stage h2")
    press(page, "i")
    expect(page.locator("#outbox")).to_have_text("All saved.")
    page.click("nav >> text=Check against known studies")
    expect(page.locator("main")).to_contain_text("The searches found 1 of the 2")
    expect(page.locator("main")).to_contain_text("Something else")
    page.click("nav >> text=Overview")
    plot = page.locator("img.plot")
    expect(plot).to_have_attribute("alt", "Settled records: 1; included: 1.")
    until(lambda: plot.evaluate("image => image.naturalWidth") > 0)
    with page.expect_download() as download:
        page.click("text=CSV, includes")
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert text.count("\n") == 2
    assert "include" in text


def test_a_refused_file_is_explained_on_the_page(page: Page, served: Visit, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"%PDF-1.4 not records")
    page.goto(f"{served.address}/searches")
    page.set_input_files("[name=file]", bad)
    page.click("button:text('Go on')")
    expect(page.locator(".problem").first).to_contain_text("bad.pdf: The file is a PDF")


def test_an_earlier_decision_can_be_found_and_changed(page: Page, served: Visit) -> None:
    page.goto(f"{served.address}/screen")
    page.wait_for_selector("html.js #stage h2")
    title = page.inner_text("#stage h2")
    press(page, "e")
    expect(page.locator("#outbox")).to_have_text("All saved.")
    page.click("nav >> text=All records")
    page.select_option("[name=decision]", "exclude")
    page.click("button:text('Show')")
    expect(page.locator("main")).to_contain_text("1 report.")
    page.click(f"table >> text={title}")
    page.fill("[name=note]", "on second thoughts")
    page.click("button:text('Include')")
    expect(page.locator("h2 .decision")).to_have_text("include")
    history = page.locator("ol.log li")
    expect(history).to_have_count(2)
    expect(history.nth(1)).to_contain_text("on second thoughts")


def test_a_wrong_file_can_be_withdrawn_with_a_reason(page: Page, served: Visit) -> None:
    store = served.site.store()
    with store.read() as session:
        (search,) = searches.list_searches(session, served.review_id)
    store.close()
    page.goto(f"{served.address}/searches/{search.id}")
    page.click("summary:text('Withdraw this file')")
    page.fill("[name=reason]", "the wrong export")
    page.click("button:text('Withdraw')")
    expect(page.locator("main")).to_contain_text("the wrong export")
    page.click("nav >> text=Overview")
    expect(page.locator("dl.figures dd").first).to_have_text("0")


def test_pages_have_one_heading_labels_and_no_inline_style(page: Page, served: Visit) -> None:
    paths = ("", "/screen", "/records", "/searches", "/protocol", "/gold", "/evaluation")
    for path in (*(f"{served.path}{path}" for path in paths), "/", "/new", "/account"):
        page.goto(f"{served.url}{path}")
        assert page.locator("h1").count() == 1, path
        assert page.locator("[style]").count() == 0, path
        unlabelled = page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]"
            ".filter(field => !field.labels.length).length"
        )
        assert unlabelled == 0, path


def test_records_outside_the_years_are_left_out_and_taken_back(page: Page, served: Visit) -> None:
    page.goto(f"{served.address}/protocol")
    page.fill("[name=year_from]", "2013")
    page.click("text=Save as a new version")
    section = page.locator("#limits")
    # Years 2011 to 2020 are six records each.
    expect(section).to_contain_text("12 records outside 2013 and later are left out")
    section.locator("text=read them").first.click()
    expect(page.locator("main")).to_contain_text("12 reports left out before screening")
    page.goto(f"{served.address}/screen")
    expect(page.locator("#left")).to_have_text("48 left for you.")
    page.goto(f"{served.address}/protocol")
    page.click("text=Screen them anyway")
    expect(section).to_contain_text("12 records outside 2013 and later are still in the queue")
    page.goto(served.address)
    expect(page.locator("main .warning")).to_contain_text("12 records in the queue are outside")
    page.click("main .warning a")
    page.click("text=Leave out those outside 2013 and later")
    expect(section).to_contain_text("12 records outside 2013 and later are left out")
    page.fill("[name=year_from]", "2012")
    page.click("text=Save as a new version")
    expect(section).to_contain_text("6 records outside 2012 and later are left out")


def test_the_search_log_asks_for_what_nobody_has_stated(page: Page, served: Visit) -> None:
    page.goto(f"{served.address}/search-log")
    head = page.locator("main section").first
    expect(head).to_contain_text("Item 3, study registries")
    rows = page.locator("#methods .row")
    rows.nth(1).locator("select").select_option("none")
    rows.nth(2).locator("[name=words]").fill("Twelve agencies' websites")
    page.click("#methods button")
    expect(head).not_to_contain_text("Item 3, study registries")
    expect(head).to_contain_text("Item 5, citation searching")
    expect(page.locator("dl.terms").first).to_contain_text("Twelve agencies' websites.")
    expect(rows.nth(1).locator("select")).to_have_value("none")
    expect(rows.nth(2).locator("select")).to_have_value("what")
