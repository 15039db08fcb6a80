"""Screening in Chromium: keys, buttons, undo, a lost network, a reload, a killed server."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.browser import Site, until

pytestmark = pytest.mark.browser


def open_screen(page: Page, served: Site) -> None:
    page.goto(f"{served.url}/reviews/r/screen")
    page.wait_for_selector("html.js #stage h2")


def title(page: Page) -> str:
    return page.inner_text("#stage h2")


def sent(page: Page) -> None:
    expect(page.locator("#outbox")).to_have_text("All sent.", timeout=20_000)


def log(page: Page, served: Site) -> list[dict[str, Any]]:
    return page.evaluate("fetch('/api/v1/reviews/r/decisions').then(a => a.json())")


def counted(page: Page, served: Site) -> list[str]:
    return [entry["decision"] for entry in log(page, served) if entry["counts"]]


def test_keys_and_buttons_decide_and_undo_brings_the_card_back(page: Page, served: Site) -> None:
    open_screen(page, served)
    first = title(page)
    page.keyboard.press("i")
    second = title(page)
    assert second != first
    page.click("button.exclude")
    third = title(page)
    page.keyboard.press("m")
    page.keyboard.press("u")
    assert title(page) == third
    assert page.evaluate("document.activeElement.textContent") == third
    page.click("#undo")
    assert title(page) == second
    page.keyboard.press("e")
    sent(page)
    decisions = [(entry["decision"], entry["counts"]) for entry in log(page, served)]
    assert [d for d, counts in decisions if counts] == ["include", "exclude"]
    # Taken back before it was sent, or undone on the server: both leave the same that counts.
    assert all(entry["place"] for entry in log(page, served) if entry["counts"])
    expect(page.locator("#left")).to_have_text("58 not screened.")


@pytest.mark.parametrize("key", ["Control+i", "Alt+e", "Meta+m"])
def test_a_key_with_a_modifier_is_the_browsers(page: Page, served: Site, key: str) -> None:
    open_screen(page, served)
    before = title(page)
    page.keyboard.press(key)
    assert title(page) == before


def test_keys_write_in_the_note_and_can_be_switched_off(page: Page, served: Site) -> None:
    open_screen(page, served)
    before = title(page)
    page.keyboard.press("n")
    page.keyboard.type("i e m: check the setting")
    assert title(page) == before
    assert page.input_value("#note") == "i e m: check the setting"
    page.keyboard.press("Enter")
    page.uncheck("#keys")
    page.keyboard.press("i")
    assert title(page) == before
    page.reload()
    page.wait_for_selector("html.js #stage h2")
    assert not page.is_checked("#keys")
    page.check("#keys")
    page.locator("#stage h2").focus()
    page.fill("#note", "noted")
    page.click("button.include")
    sent(page)
    assert log(page, served)[0]["note"] == "noted"


def test_a_lost_network_loses_nothing_and_a_reload_neither(
    page: Page, served: Site, context: BrowserContext
) -> None:
    open_screen(page, served)
    context.set_offline(True)
    titles = []
    for key in "ieem":
        titles.append(title(page))
        page.keyboard.press(key)
    assert len(set(titles)) == 4
    expect(page.locator("#outbox")).to_contain_text("4 unsent")
    # A reload while the server cannot be reached, then back: the outbox is still there.
    page.route("**/api/v1/**/decisions", lambda route: route.abort())
    context.set_offline(False)
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.wait_for_selector("html.js #stage h2")
    expect(page.locator("#outbox")).to_contain_text("4 unsent")
    assert title(page) not in titles
    page.unroute("**/api/v1/**/decisions")
    sent(page)
    assert counted(page, served) == ["include", "exclude", "exclude", "maybe"]


def test_an_expired_session_keeps_the_outbox_until_the_next_sign_in(
    page: Page, served: Site, context: BrowserContext
) -> None:
    open_screen(page, served)
    cookies = context.cookies()
    context.clear_cookies()
    page.keyboard.press("i")
    page.keyboard.press("e")
    alert = page.locator("#alert")
    expect(alert).to_contain_text("2 decisions wait in this browser")
    expect(alert.locator("a")).to_have_attribute("href", "/login?next=/reviews/r/screen")
    page.once("dialog", lambda dialog: dialog.accept())
    page.goto(served.link())
    page.click("button.primary")
    expect(page.locator("#unsent")).to_contain_text("2 decisions are not sent yet")
    page.click("#unsent a")
    sent(page)
    assert counted(page, served) == ["include", "exclude"]
    assert cookies


def test_signing_out_with_unsent_decisions_asks_first(page: Page, served: Site) -> None:
    open_screen(page, served)
    page.route("**/api/v1/**/decisions", lambda route: route.abort())
    page.keyboard.press("i")
    expect(page.locator("#outbox")).to_contain_text("1 unsent")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.click("#sign-out button")
    assert asked
    assert "1 decisions are not sent yet" in asked[0]
    assert page.url.endswith("/screen")
    page.unroute("**/api/v1/**/decisions")
    sent(page)


def test_a_newer_ranking_exchanges_the_cards_beyond_the_next_two(page: Page, served: Site) -> None:
    open_screen(page, served)
    expect(page.locator("#from")).to_contain_text("protocol")
    for key in "ieieie":  # both kinds, so that a model is fitted
        page.keyboard.press(key)
    # The two cards after the shown one stay; behind them the cards say their newer ranking.
    ranked = "fetch('/api/v1/reviews/r/ranking').then(a => a.json())"
    until(lambda: page.evaluate(ranked)["ranking"]["n_decisions"] >= 6)
    page.wait_for_timeout(5_000)
    for _ in range(3):
        page.keyboard.press("e")
    expect(page.locator("#from")).to_have_text(re.compile(r"Order from [6-9] decisions\."))
    sent(page)
    # Leases of exchanged cards went back: no more than a hand is held.
    held = page.evaluate(
        "fetch('/api/v1/reviews/r/queue/next', {method: 'POST', headers: {'content-type': "
        "'application/json'}, body: '{\"n\": 200}'}).then(a => a.json()).then(q => q.cards.length)"
    )
    assert held == 60 - 9


def test_a_killed_server_loses_nothing(page: Page, served: Site) -> None:
    open_screen(page, served)
    page.keyboard.press("i")
    sent(page)
    served.kill()
    for key in "eem":
        page.keyboard.press(key)
    expect(page.locator("#outbox")).to_contain_text("3 unsent")
    served.start()
    sent(page)
    assert counted(page, served) == ["include", "exclude", "exclude", "maybe"]


def test_two_tabs_share_the_outbox_and_send_each_decision_once(
    page: Page, served: Site, context: BrowserContext
) -> None:
    open_screen(page, served)
    other = context.new_page()
    other.goto(f"{served.url}/reviews/r/screen")
    other.wait_for_selector("html.js #stage h2")
    for each in (page, other):
        each.keyboard.press("i")
        each.keyboard.press("e")
    sent(page)
    sent(other)
    entries = log(page, served)
    assert len(entries) == 4
    assert len({entry["token"] for entry in entries}) == 4


def test_without_script_the_card_is_a_form(served: Site, chromium: Any) -> None:
    context = chromium.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(served.link())
    plain.click("button.primary")
    plain.goto(f"{served.url}/reviews/r/screen")
    first = plain.inner_text("#stage h2")
    plain.click("button.include")
    assert plain.inner_text("#stage h2") != first
    plain.click("#undo")
    assert plain.inner_text("h1") == first
    assert "none" in plain.inner_text("main h2")
    context.close()
