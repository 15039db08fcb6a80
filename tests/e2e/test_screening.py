"""Screening in Chromium: keys, buttons, undo, a lost network, a reload, a killed server."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from api.protocol import ProtocolBody, Reason
from api.security import cookie_name
from api.services.reviews import protocols
from store.reports.reports import list_active_reports
from store.reviews import people
from store.reviews.reviews import NewProtocol
from store.screening import decisions
from store.screening.decisions import NewDecision
from store.screening.queue import LeaseRequest
from store.screening.stage_queue import Screener
from tests.e2e.browser import Visit, press, until
from tests.store import dealing
from tests.store.builders import join

pytestmark = pytest.mark.browser


def open_screen(page: Page, served: Visit) -> None:
    page.goto(f"{served.address}/screen")
    page.wait_for_selector("html.js #stage h2")


def title(page: Page) -> str:
    return page.inner_text("#stage h2")


def sent(page: Page) -> None:
    expect(page.locator("#outbox")).to_have_text("All saved.")


def ask(page: Page, served: Visit, path: str, **options: object) -> Any:
    """Ask the review's API from the browser."""
    address = f"/api/v1{served.path}{path}"
    script = "([address, options]) => fetch(address, options).then(answer => answer.json())"
    return page.evaluate(script, [address, options])


def log(page: Page, served: Visit) -> list[dict[str, Any]]:
    return ask(page, served, "/decisions")


def counted(page: Page, served: Visit) -> list[str]:
    return [entry["decision"] for entry in log(page, served) if entry["counts"]]


def test_keys_and_buttons_decide_and_undo_brings_the_card_back(page: Page, served: Visit) -> None:
    open_screen(page, served)
    first = title(page)
    press(page, "i")
    second = title(page)
    assert second != first
    page.click("button.exclude")
    third = title(page)
    press(page, "m")
    press(page, "u")
    assert title(page) == third
    assert page.evaluate("document.activeElement.textContent") == third
    page.click("#undo")
    assert title(page) == second
    press(page, "e")
    sent(page)
    decisions = [(entry["decision"], entry["counts"]) for entry in log(page, served)]
    assert [d for d, counts in decisions if counts] == ["include", "exclude"]
    # Undone before it was sent, or undone on the server: the result is the same.
    assert all(entry["place"] for entry in log(page, served) if entry["counts"])
    expect(page.locator("#left")).to_have_text("58 left for you.")


@pytest.mark.parametrize("key", ["Control+i", "Alt+e", "Meta+m"])
def test_keys_with_a_modifier_are_left_to_the_browser(page: Page, served: Visit, key: str) -> None:
    open_screen(page, served)
    before = title(page)
    press(page, key)
    assert title(page) == before


def test_keys_type_in_the_note_and_can_be_switched_off(page: Page, served: Visit) -> None:
    open_screen(page, served)
    before = title(page)
    press(page, "n")
    page.keyboard.type("i e m: check the setting")
    assert title(page) == before
    assert page.input_value("#note") == "i e m: check the setting"
    press(page, "Enter")
    page.uncheck("#keys")
    press(page, "i")
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


def test_a_lost_network_and_a_reload_lose_nothing(
    page: Page, served: Visit, context: BrowserContext
) -> None:
    open_screen(page, served)
    context.set_offline(True)
    titles = []
    for key in "ieem":
        titles.append(title(page))
        press(page, key)
    assert len(set(titles)) == 4
    expect(page.locator("#outbox")).to_contain_text("4 not sent yet")
    # Reload while the server is out of reach; when it is back, the outbox is still there.
    page.route("**/api/v1/**/decisions", lambda route: route.abort())
    context.set_offline(False)
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.wait_for_selector("html.js #stage h2")
    expect(page.locator("#outbox")).to_contain_text("4 not sent yet")
    assert title(page) not in titles
    page.unroute("**/api/v1/**/decisions")
    sent(page)
    assert counted(page, served) == ["include", "exclude", "exclude", "maybe"]


def test_an_expired_session_keeps_the_outbox_until_the_next_sign_in(
    page: Page, served: Visit, context: BrowserContext
) -> None:
    open_screen(page, served)
    context.clear_cookies()
    press(page, "i")
    press(page, "e")
    alert = page.locator("#alert")
    expect(alert).to_contain_text("2 decisions wait in this browser")
    expect(alert.locator("a")).to_have_attribute("href", f"/login?next={served.path}/screen")
    page.once("dialog", lambda dialog: dialog.accept())
    page.goto(served.site.link())
    page.click("button.primary")
    expect(page.locator("#unsent")).to_contain_text("2 decisions are not sent yet")
    page.click("#unsent a")
    sent(page)
    assert counted(page, served) == ["include", "exclude"]


def test_what_one_person_left_is_never_sent_as_anothers(
    page: Page, served: Visit, context: BrowserContext
) -> None:
    open_screen(page, served)
    page.route("**/api/v1/**/decisions", lambda route: route.abort())
    press(page, "i")
    expect(page.locator("#outbox")).to_contain_text("1 not sent yet")
    store = served.site.store()
    with store.write() as session:
        other = join(session, served.review_id, f"bo of {served.slug}")
        secret = people.create_web_session(session, other.id, valid=dt.timedelta(hours=1))
    store.close()
    # Somebody else signs in with the same browser, and the network is back.
    context.add_cookies([{"name": cookie_name(secure=False), "value": secret, "url": served.url}])
    page.unroute("**/api/v1/**/decisions")
    expect(page.locator("#alert")).to_contain_text("1 decision waits in this browser")
    assert log(page, served) == []


def test_an_undone_decision_whose_answer_was_lost_is_undone_on_the_server(
    page: Page, served: Visit
) -> None:
    open_screen(page, served)

    tried: list[Route] = []

    def lose_the_answer(route: Route) -> None:
        # The server gets what is sent once; the browser hears nothing, however often it tries.
        if not tried:
            route.fetch()
        tried.append(route)
        route.abort()

    page.route("**/api/v1/**/decisions", lose_the_answer)
    press(page, "i")
    expect(page.locator("#outbox")).to_contain_text("no connection")
    press(page, "u")
    page.unroute("**/api/v1/**/decisions")
    sent(page)
    assert counted(page, served) == []
    assert [entry["decision"] for entry in log(page, served)] == ["include", "undo"]


def test_signing_out_with_unsent_decisions_asks_first(page: Page, served: Visit) -> None:
    open_screen(page, served)
    page.route("**/api/v1/**/decisions", lambda route: route.abort())
    press(page, "i")
    expect(page.locator("#outbox")).to_contain_text("1 not sent yet")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.click("#sign-out button")
    assert asked
    assert "1 decision is not sent yet" in asked[0]
    assert page.url.endswith("/screen")
    page.unroute("**/api/v1/**/decisions")
    sent(page)


def test_a_newer_ranking_replaces_the_cards_after_the_next_two(page: Page, served: Visit) -> None:
    page.clock.install()
    open_screen(page, served)
    expect(page.locator("#from")).to_contain_text("close records are to your questions")
    # The clock can only be stopped at a time that the page has not reached yet.
    page.clock.pause_at(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=2))
    for key in "ieieie":  # both kinds, so that a model is fitted
        press(page, key)
    until(lambda: ask(page, served, "/ranking")["ranking"]["n_decisions"] >= 6)
    # The page looks for a newer ranking every few seconds.
    with page.expect_response("**/screen/cards") as dealt:
        page.clock.fast_forward(5_000)
    dealt.value.finished()
    # When the server has answered once more, the page has the cards of the answer before.
    page.evaluate("() => fetch('/healthz').then((answer) => answer.text())")
    # The two cards after the one on screen stay; those behind them come from the newer ranking.
    for _ in range(3):
        press(page, "e")
    expect(page.locator("#from")).to_have_text(re.compile(r"Learns from [6-9] settled decisions\."))
    sent(page)
    # Exchanged cards were released, so everything that is left can be dealt again.
    headers = {"content-type": "application/json"}
    hand = ask(page, served, "/queue/next", method="POST", headers=headers, body='{"n": 200}')
    assert len(hand["cards"]) == 60 - 9


@pytest.mark.parametrize("served", ["own_server"], indirect=True)
def test_a_killed_server_loses_nothing(page: Page, served: Visit) -> None:
    open_screen(page, served)
    press(page, "i")
    sent(page)
    served.site.kill()
    for key in "eem":
        press(page, key)
    expect(page.locator("#outbox")).to_contain_text("3 not sent yet")
    served.site.start()
    sent(page)
    assert counted(page, served) == ["include", "exclude", "exclude", "maybe"]


def test_two_tabs_share_the_outbox_and_send_each_decision_once(
    page: Page, served: Visit, context: BrowserContext
) -> None:
    open_screen(page, served)
    other = context.new_page()
    other.goto(f"{served.address}/screen")
    other.wait_for_selector("html.js #stage h2")
    for key in "ieieie":
        press(page, key)
        press(other, key)
    sent(page)
    sent(other)
    entries = log(page, served)
    assert len(entries) == 12
    assert len({entry["token"] for entry in entries}) == 12


def test_the_card_is_a_form_without_script(served: Visit, chromium: Any) -> None:
    context = chromium.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(served.site.link())
    plain.click("button.primary")
    plain.goto(f"{served.address}/screen")
    first = plain.inner_text("#stage h2")
    plain.click("button.include")
    assert plain.inner_text("#stage h2") != first
    plain.click("#undo")
    assert plain.inner_text("h1") == first
    assert "none" in plain.inner_text("main h2")
    context.close()


def give_reasons(served: Visit, **values: Any) -> None:
    """Give the protocol reasons for exclusion, and what else is named."""
    store = served.site.store()
    reasons = (
        Reason(key="population", text="Not about children"),
        Reason(key="r2", text="No study"),
    )
    body = ProtocolBody(reasons=reasons, **values).stored()
    protocols.save_protocol(store, served.review_id, NewProtocol(body, None, reason="asked for"))
    store.close()


@pytest.mark.case("figures", 15)
def test_a_note_and_ticked_reasons_stay_with_their_card(page: Page, served: Visit) -> None:
    give_reasons(served)
    open_screen(page, served)
    first = title(page)
    page.fill("#note", "about the first")
    page.check("#reasons input[value=r2]")
    page.locator("#stage h2").focus()
    press(page, "j")
    second = title(page)
    assert second != first
    assert page.input_value("#note") == ""
    assert page.locator("#reasons input:checked").count() == 0
    press(page, "e")
    press(page, "k")
    assert title(page) == first
    assert page.input_value("#note") == "about the first"
    assert page.is_checked("#reasons input[value=r2]")
    press(page, "e")
    sent(page)
    by_note = {entry["note"]: entry["reasons"] for entry in log(page, served)}
    assert by_note == {None: [], "about the first": ["r2"]}
    # An undo brings the draft back with its card, and after a reload too.
    press(page, "u")
    assert title(page) == first
    assert page.input_value("#note") == "about the first"
    assert page.is_checked("#reasons input[value=r2]")
    press(page, "e")
    sent(page)
    page.reload()
    page.wait_for_selector("html.js #stage h2")
    assert page.input_value("#note") == ""
    press(page, "u")
    assert title(page) == first
    assert page.input_value("#note") == "about the first"
    assert page.is_checked("#reasons input[value=r2]")


def leave_few(served: Visit, number: int) -> None:
    """Decide all but a few records of the review."""
    store = served.site.store()
    with store.write() as session:
        ada = people.get_person_by_name(session, "ada")
        for report in list_active_reports(session, served.review_id)[number:]:
            new = NewDecision(f"before {report}", report, "exclude")
            decisions.record_decision(session, served.review_id, ada.id, new)
    store.close()


@pytest.mark.case("figures", 13)
def test_at_the_end_the_page_says_that_everything_is_screened(page: Page, served: Visit) -> None:
    leave_few(served, 3)
    open_screen(page, served)
    expect(page.locator("#left")).to_have_text("3 left for you.")
    for _ in range(3):
        press(page, "e")
    empty = page.locator("#empty")
    expect(empty).to_contain_text("Every record is screened.")
    expect(empty.locator("a")).to_have_attribute("href", served.path)
    expect(page.locator("#left")).to_have_text("0 left for you.")
    assert "colleague" not in page.inner_text("main")
    page.reload()
    expect(empty).to_contain_text("Every record is screened.")


@pytest.mark.case("figures", 13)
def test_without_a_network_the_end_says_so_until_it_is_back(
    page: Page, served: Visit, context: BrowserContext
) -> None:
    leave_few(served, 2)
    open_screen(page, served)
    context.set_offline(True)
    for _ in range(2):
        press(page, "e")
    empty = page.locator("#empty")
    expect(empty).to_contain_text("No connection, and no cards are left in this browser.")
    expect(empty).to_contain_text("2 decisions wait in this browser and will be sent.")
    context.set_offline(False)
    expect(empty).to_contain_text("Every record is screened.")


@pytest.mark.case("figures", 13)
def test_cards_that_a_colleague_holds_are_counted_and_come_back(page: Page, served: Visit) -> None:
    leave_few(served, 2)
    store = served.site.store()
    with store.write() as session:
        bo = join(session, served.review_id, f"bo of {served.slug}")
        request = LeaseRequest(number=2, valid=dt.timedelta(minutes=10))
        dealing.lease_cards(session, Screener(served.review_id, bo.id), [], request)
    page.goto(f"{served.address}/screen")
    empty = page.locator("#empty")
    expect(empty).to_contain_text("2 records that you could decide are on a colleague's screen.")
    expect(empty).to_contain_text(re.compile(r"the first within (10|9|8) minutes"))
    with store.write() as session:
        dealing.release_leases(session, Screener(served.review_id, bo.id), keep=())
    store.close()
    # The page looks again every few seconds.
    expect(page.locator("#stage h2")).to_be_visible(timeout=20_000)
    expect(empty).to_be_hidden()
