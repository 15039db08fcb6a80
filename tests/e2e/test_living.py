"""A living review in Chromium: a late file waits and is let in, and a version is completed."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from playwright.sync_api import Page, expect

from api.services.searching.importing import ImportRequest, import_file
from harvest.record import StatusNotice
from store.core.tables import Batch
from store.reports import source_events
from store.screening import decisions
from store.searching import searches
from store.searching.searches import SearchInfo
from tests.e2e.browser import Visit
from tests.store.builders import list_all_records

pytestmark = pytest.mark.browser

_LATE = "title,abstract\nA late study of social work and health,Everything about it\n"


def first_search(served: Visit) -> SearchInfo:
    """The search that found the review's records."""
    store = served.site.store()
    with store.read() as session:
        search = searches.list_searches(session, served.review_id)[0]
    store.close()
    return search


def import_late_file(served: Visit) -> None:
    """Import a file whose search was run today."""
    store = served.site.store()
    request = ImportRequest(
        search_fields={"source": "ASSIA", "run_on": dt.date.today().isoformat()}  # noqa: DTZ011 - as a person states it
    )
    import_file(
        store, served.review_id, io.BytesIO(_LATE.encode()), "late.csv", request, person_id=1
    )
    store.close()


def test_a_frozen_review_is_topped_up_and_completed(page: Page, served: Visit) -> None:
    address = f"{served.address}"
    page.goto(f"{address}/pool")
    page.fill("input[name=day]", "2026-01-05")
    page.click("button:text('Set')")
    # Nobody gave the date of the file's search, so it does not become incoming without a word.
    expect(page.get_by_role("alert")).to_contain_text("is not stated")
    page.goto(f"{address}/searches/{first_search(served).id}")
    page.fill("input[name=run_on]", "2026-01-02")
    page.click("main form button:text('Save')")
    page.goto(f"{address}/pool")
    page.fill("input[name=day]", "2026-01-05")
    page.click("button:text('Set')")
    expect(page.locator("main")).to_contain_text("Searches frozen on 2026-01-05")
    import_late_file(served)
    page.reload()
    expect(page.locator("main")).to_contain_text("1 report new to the review")
    page.goto(address)
    expect(page.locator("main")).to_contain_text(
        "1 record from a later search waits under Incoming records"
    )
    expect(page.locator("dl.figures").first).to_contain_text("60")
    page.goto(f"{address}/pool")
    page.click("text=Let them in now")
    expect(page.locator("table").last).to_contain_text("top-up 1")
    page.click("button:text('Complete the first version')")
    expect(page.get_by_role("alert")).to_contain_text("61 records are not screened")
    page.fill("form[action$=complete] input[name=reason]", "the commission was withdrawn")
    page.click("button:text('Complete the first version')")
    expect(page.locator("main")).to_contain_text("Version 1 was completed")
    expect(page.locator("main")).to_contain_text("61 records not screened: the commission")


def test_a_retraction_shows_on_cards_and_needs_a_decision_on_an_include(
    page: Page, served: Visit
) -> None:
    search = first_search(served)
    store = served.site.store()
    with store.write() as session:
        imported = list_all_records(session, served.review_id)
        batch = session.get(Batch, search.batches[0].id)
        assert batch is not None
        retraction = StatusNotice("retracted", notice="J Care. 2026;1:2", pmid="80000001")
        source_events.add_notice_events(
            session, batch, [(record.id, "pubmed", [retraction]) for record in imported]
        )
        new = decisions.NewDecision(token="t", report_id=imported[-1].report_id, decision="include")
        decisions.record_decision(session, served.review_id, 1, new)
    store.close()
    page.goto(f"{served.address}/nights")
    page.check("input[name=on]")
    page.fill("input[name=cron]", "0 2 30 2 *")
    page.fill("input[name=zone]", "Europe/London")
    page.click("form[action$=schedule] button")
    expect(page.get_by_role("alert")).to_contain_text("is not a cron line")
    expect(page.locator("input[name=cron]")).to_have_value("0 2 30 2 *")
    page.fill("input[name=cron]", "0 2 * * *")
    page.click("form[action$=schedule] button")
    expect(page.locator("main")).to_contain_text("02:00 (Europe/London)")
    page.goto(f"{served.address}/screen")
    expect(page.locator(".card .event").first).to_contain_text("Retracted, says pubmed: J Care")
    page.goto(f"{served.address}/events")
    expect(page.locator("main")).to_contain_text("1 event on an included report needs a decision")
    page.fill("input[name=note] >> nth=0", "data are sound, authorship was disputed")
    page.click("button:text('Sensitivity analysis')")
    expect(page.locator("main")).not_to_contain_text("on an included report needs")
    expect(page.locator("main")).to_contain_text("left for a sensitivity analysis by ada")
