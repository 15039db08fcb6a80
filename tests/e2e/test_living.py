"""A living review in Chromium: frozen, a late file waits, is admitted, the version completed."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from playwright.sync_api import Page, expect

from api.services.importing import ImportRequest, import_file
from api.services.setup import open_store
from api.settings import load
from harvest.record import Remark
from store import decisions, events, records, reviews, searches
from store.session import Store
from store.tables import Batch
from tests.e2e.browser import Site

pytestmark = pytest.mark.browser

_LATE = "title,abstract\nA late study of social work and health,Everything about it\n"


def _store(served: Site) -> Store:
    return open_store(load(data_dir=served.data), create=False).store


def _late_file(served: Site, review_id: int) -> None:
    store = _store(served)
    request = ImportRequest(
        search_fields={"source": "ASSIA", "run_on": dt.date.today().isoformat()}  # noqa: DTZ011 - as a person states it
    )
    import_file(store, review_id, io.BytesIO(_LATE.encode()), "late.csv", request, person_id=1)
    store.close()


def test_a_frozen_review_is_topped_up_and_completed(page: Page, served: Site) -> None:
    address = f"{served.url}/reviews/r"
    page.goto(f"{address}/pool")
    page.fill("input[name=day]", "2026-01-05")
    page.click("button:text('Set')")
    # Nobody said when the file's search was run: it is not sent away silently.
    expect(page.get_by_role("alert")).to_contain_text("is not stated")
    page.goto(f"{address}/searches/1")
    page.fill("input[name=run_on]", "2026-01-02")
    page.click("main form button:text('Save')")
    page.goto(f"{address}/pool")
    page.fill("input[name=day]", "2026-01-05")
    page.click("button:text('Set')")
    expect(page.locator("main")).to_contain_text("Searches are frozen on 2026-01-05")
    _late_file(served, 1)
    page.reload()
    expect(page.locator("main")).to_contain_text("1 report that is new to the review")
    page.goto(address)
    expect(page.locator("main")).to_contain_text("1 records of later searches wait in the pool")
    expect(page.locator("dl.figures").first).to_contain_text("60")
    page.goto(f"{address}/pool")
    page.click("text=Admit as a top-up")
    expect(page.locator("table").last).to_contain_text("top-up 1")
    page.click("button:text('Complete version 1')")
    expect(page.get_by_role("alert")).to_contain_text("61 records are not screened")
    page.fill("form[action$=complete] input[name=reason]", "the commission was withdrawn")
    page.click("button:text('Complete version 1')")
    expect(page.locator("main")).to_contain_text("Version 1 was completed")
    expect(page.locator("main")).to_contain_text("61 records not screened: the commission")


def test_a_schedule_is_set_and_a_retraction_shows_on_cards_and_waits_on_an_include(
    page: Page, served: Site
) -> None:
    store = _store(served)
    with store.write() as session:
        (review,) = reviews.everything(session)
        found = records.everything_of(session, review.id)
        batch = session.get(Batch, searches.everything(session, review.id)[0].batches[0].id)
        assert batch is not None
        told = Remark("retracted", notice="J Care. 2026;1:2", pmid="80000001")
        events.remarked(session, batch, [(record.id, "pubmed", [told]) for record in found])
        new = decisions.NewDecision(token="t", report_id=found[-1].report_id, decision="include")
        decisions.record(session, review.id, 1, new)
    store.close()
    page.goto(f"{served.url}/reviews/r/nights")
    page.check("input[name=on]")
    page.fill("input[name=cron]", "0 2 30 2 *")
    page.fill("input[name=zone]", "Europe/London")
    page.click("form[action$=schedule] button")
    expect(page.get_by_role("alert")).to_contain_text("no cron line")
    expect(page.locator("input[name=cron]")).to_have_value("0 2 30 2 *")
    page.fill("input[name=cron]", "0 2 * * *")
    page.click("form[action$=schedule] button")
    expect(page.locator("main")).to_contain_text("02:00 (Europe/London)")
    page.goto(f"{served.url}/reviews/r/screen")
    expect(page.locator(".card .event").first).to_contain_text("Retracted, says pubmed: J Care")
    page.goto(f"{served.url}/reviews/r/events")
    expect(page.locator("main")).to_contain_text("1 on included reports")
    page.fill("input[name=note] >> nth=0", "data are sound, authorship was disputed")
    page.click("button:text('Sensitivity analysis')")
    expect(page.locator("main")).not_to_contain_text("on included reports, for somebody")
    expect(page.locator("main")).to_contain_text("sensitivity by ada")
