"""Two people in two browsers: invitation, pilot round, conflict, agreement, second decisions."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import Visit, press

pytestmark = pytest.mark.browser


def _screen(page: Page, address: str, keys: str) -> list[str]:
    """Decide by keys, and return the titles in the order shown."""
    page.goto(f"{address}/screen")
    seen = []
    for key in keys:
        heading = page.locator("#stage h2")
        seen.append(heading.inner_text())
        press(page, key)
        expect(page.locator("#stage h2").first).not_to_have_text(seen[-1])
    expect(page.locator("#outbox")).to_have_text("All saved.")
    return seen


def test_two_people_screen_dually(page: Page, served: Visit, chromium: Browser) -> None:
    address = f"{served.address}"
    page.goto(f"{address}/team")
    page.click("button:text('Make an invitation link')")
    link = page.inner_text("#link")
    second = chromium.new_context()
    second.set_default_timeout(60_000)
    bo = second.new_page()
    bo.goto(link)
    expect(bo.locator("main")).to_contain_text("ada invites you to A review. Your role: Screens.")
    bo.fill("input[name=name]", "Bo")
    bo.fill("input[name=password]", "a long pass phrase")
    bo.fill("input[name=again]", "a long pass phrase")
    bo.click("button.primary")
    bo.wait_for_url(address)
    expect(bo.locator("main")).not_to_contain_text("Import a file")

    page.goto(f"{address}/protocol")
    page.check("input[name=preset][value=dual]")
    page.fill("textarea[name=reasons]", "Not about children\nNo study")
    page.fill("input[name=reason]", "two people decide each record")
    page.click("button:text('Save as a new version')")
    page.goto(f"{address}/agreement")
    page.fill("input[name=size]", "3")
    page.click("button:text('Start a round')")
    page.goto(f"{address}/screen")
    expect(page.locator("main")).to_contain_text("This is a pilot round")
    for who, keys in ((page, "i12"), (bo, "112")):
        who.goto(f"{address}/screen")
        for key in keys:
            before = who.locator("#stage h2").inner_text()
            press(who, key)
            expect(who.locator("#stage h2", has_text=before)).to_have_count(0)
        expect(who.locator("#outbox")).to_have_text("All saved.")
    bo.goto(f"{address}/screen")
    expect(bo.locator("#empty")).to_contain_text("Your part of the pilot round")

    page.goto(f"{address}/agreement")
    expect(page.locator("main")).to_contain_text("ada decided 3, Bo decided 3.")
    expect(page.locator("main")).to_contain_text("They gave the same decision on 2 of 3")
    page.fill("input[name=note]", "hubs count as services")
    page.click("button:text('Close the round')")
    bo.goto(f"{address}/conflicts")
    expect(bo.locator("article tbody tr")).to_have_count(2)
    expect(bo.locator("article tbody")).to_contain_text("Not about children")
    bo.fill("input[name=note]", "we read it again")
    bo.click("button[value=include]")
    expect(bo.locator("main")).to_contain_text("You have no conflicts")

    # Records that one has decided come first in the other's queue, without showing the decision.
    mine = _screen(page, address, "i1")
    theirs = _screen(bo, address, "1")
    assert theirs[0] in mine
    page.goto(address)
    expect(page.locator("main")).to_contain_text("Need a second person")

    # Stars and tags are private until the other has decided; a card is handed to the colleague.
    bo.goto(f"{address}/screen")
    bo.click("#aside summary")
    bo.click("#star")
    expect(bo.locator("#marked")).to_have_text("Starred.")
    bo.fill("#tag-form input", "surely in")
    bo.click("#tag-form button")
    expect(bo.locator("#marked")).to_have_text("Tagged “surely in”.")
    handed = bo.locator("#stage h2").inner_text()
    bo.click("#hand-over button")
    expect(bo.locator("#stage h2", has_text=handed)).to_have_count(0)
    page.goto(f"{address}/records?tag=surely+in")
    expect(page.locator("main")).to_contain_text("0 reports")
    page.goto(f"{address}/screen")
    bo.goto(f"{address}/screen")
    expect(bo.locator("#stage h2")).not_to_have_text(handed)

    # The criteria change: what was excluded as not about children is screened again, blind.
    page.goto(f"{address}/protocol")
    page.fill("textarea[name=inclusion]", "Children and young people to 25")
    page.click("button:text('Save as a new version')")
    expect(page.locator("[role=alert]")).to_contain_text("Say why the criteria change")
    page.fill("input[name=reason]", "services reach to 25")
    page.click("button:text('Save as a new version')")
    page.click("a:text('Changes')")
    page.select_option("select[name=reason]", label="Not about children")
    page.click("button:text('Show')")
    page.fill("input[name=why]", "older ages may be in")
    page.click("button.primary")
    expect(page.locator("main")).to_contain_text("older ages may be in")
    expect(page.locator("main")).to_contain_text("services reach to 25")
    for who in (page, bo):
        who.goto(f"{address}/screen")
        who.click("a:text('Screen it')")
        expect(who.locator("main")).to_contain_text(
            "decided under criteria that have changed since"
        )
        expect(who.locator("#stage h2")).to_have_count(1)
        press(who, "i")
        expect(who.locator("#empty")).to_be_visible()
        expect(who.locator("#outbox")).to_have_text("All saved.")
    page.goto(f"{address}/rescreens")
    expect(page.locator("tbody", has_text="older ages may be in")).to_contain_text("0")
    page.goto(f"{address}/screening-report")
    expect(page.locator("main")).to_contain_text("1 record screened again")
    expect(page.locator("main")).to_contain_text("none of them counts as excluded")
    second.close()
