"""Setting a review up in the browser: everything without a shell."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import Site, until

pytestmark = pytest.mark.browser

RECORDS = "Name of paper,Summary,label\nJoint working,With health,1\nSteel,Corrosion,0\nCare,,1\n"


def test_a_review_is_set_up_screened_and_evaluated_without_a_shell(
    page: Page, served: Site, tmp_path: Path
) -> None:
    file = tmp_path / "export.csv"
    file.write_text(RECORDS)
    gold = tmp_path / "gold.csv"
    gold.write_text("title,year\nJoint working,\nSomething else,2012\n")
    page.click("text=Set up a review")
    page.fill("[name=title]", "Joint working: a review")
    page.fill("[name=questions]", "What works?\nFor whom?")
    page.fill("[name=year_from]", "2011")
    page.fill("[name=year_to]", "20 22")
    page.click("text=Make the review")
    expect(page.locator(".problem")).to_contain_text("last year")
    assert page.input_value("[name=questions]") == "What works?\nFor whom?"
    page.fill("[name=year_to]", "2022")
    page.click("text=Make the review")
    page.wait_for_url("**/reviews/joint-working-a-review/searches")

    page.set_input_files("[name=file]", file)
    page.click("button:text('Preview')")
    expect(page.locator("h1")).to_contain_text("Preview of export.csv")
    # Without a title column the third row has neither title nor abstract.
    expect(page.locator("main")).to_contain_text("2 records and 1 that would be rejected")
    page.select_option("[name='map.title']", "Name of paper")
    page.click("text=Show the preview again")
    expect(page.locator("main")).to_contain_text("3 records and 0 that would be rejected")
    expect(page.locator("table.records")).to_contain_text("Joint working")
    page.fill("[name=source]", "PsycINFO")
    page.fill("[name=reported]", "5")
    page.click("button:text('Import')")
    expect(page.locator("#jobs .done, main .done").first).to_contain_text(
        "3 entries = 3 new", timeout=30_000
    )
    expect(page.locator("main table")).to_contain_text("2 unexplained")

    page.click("nav >> text=Known relevant")
    page.set_input_files("[name=file]", gold)
    page.click("button:text('Add')")
    expect(page.locator("main")).to_contain_text("gold.csv (2)")

    page.click("nav >> text=Screen")
    page.wait_for_selector("html.js #stage h2")
    page.keyboard.press("i")
    expect(page.locator("#outbox")).to_have_text("All sent.")
    page.click("nav >> text=Evaluation")
    expect(page.locator("main")).to_contain_text("Search recall 50.0%")
    expect(page.locator("main")).to_contain_text("Something else")
    page.click("nav >> text=Overview")
    plot = page.locator("img.plot")
    expect(plot).to_have_attribute("alt", "After 1 records read, 1 were included.")
    until(lambda: plot.evaluate("image => image.naturalWidth") > 0)
    with page.expect_download() as download:
        page.click("text=CSV, includes")
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert text.count("\n") == 2
    assert "include" in text


def test_a_refused_file_is_explained_on_the_page(page: Page, served: Site, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"%PDF-1.4 not records")
    page.goto(f"{served.url}/reviews/r/searches")
    page.set_input_files("[name=file]", bad)
    page.click("button:text('Preview')")
    expect(page.locator(".problem").first).to_contain_text("bad.pdf: The file is a PDF")


def test_an_earlier_decision_is_found_and_changed(page: Page, served: Site) -> None:
    page.goto(f"{served.url}/reviews/r/screen")
    page.wait_for_selector("html.js #stage h2")
    title = page.inner_text("#stage h2")
    page.keyboard.press("e")
    expect(page.locator("#outbox")).to_have_text("All sent.")
    page.click("nav >> text=Records")
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


def test_a_wrong_file_is_withdrawn_with_a_reason(page: Page, served: Site) -> None:
    page.goto(f"{served.url}/reviews/r/searches/1")
    page.click("summary:text('Withdraw this file')")
    page.fill("[name=reason]", "the wrong export")
    page.click("button:text('Withdraw')")
    expect(page.locator("main")).to_contain_text("the wrong export")
    page.click("nav >> text=Overview")
    expect(page.locator("dl.figures dd").first).to_have_text("0")


def test_pages_have_one_heading_labels_and_no_inline_style(page: Page, served: Site) -> None:
    paths = ("", "/screen", "/records", "/searches", "/protocol", "/gold", "/evaluation")
    for path in (*(f"/reviews/r{path}" for path in paths), "/", "/new", "/account"):
        page.goto(f"{served.url}{path}")
        assert page.locator("h1").count() == 1, path
        assert page.locator("[style]").count() == 0, path
        unlabelled = page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]"
            ".filter(field => !field.labels.length).length"
        )
        assert unlabelled == 0, path
