"""One way to count, and the same words on every page, in the report, the API and the commands."""

from __future__ import annotations

import json

import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from api.cli import app as cli
from api.services.screening.progress import list_progress
from api.settings import Settings
from api.wording import describe_counts
from store.core.session import Store
from store.reports import record_counts
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.searching import flow
from tests.api.people import api_client, browser
from tests.store.builders import add_records, join
from tests.store.deciding import decide, plan


@pytest.mark.case("figures", 16)
def test_every_place_counts_the_same_records_in_the_same_words(
    app: FastAPI,
    store: Store,
    settings: Settings,
    review: ReviewInfo,
    person: PersonInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with store.write() as session:
        bo = join(session, review.id, "bo")
    plan(store, review, person, dual_share=1.0)
    reports = add_records(store, review.id, 12)
    settled = ["include"] * 2 + ["maybe"] * 3 + ["exclude"] * 1
    for report, word in zip(reports, settled, strict=False):
        decide(store, review, person, report, word)
        decide(store, review, bo, report, word)
    decide(store, review, person, reports[6], "include")
    decide(store, review, bo, reports[6], "exclude")
    for report in reports[7:9]:
        decide(store, review, person, report, "include")
    words = "2 included, 3 maybe, 1 excluded, 2 need a second person, 1 conflict, 3 not screened"
    with store.read() as session:
        counts = record_counts.count_reports(session, review.id)
        assert describe_counts(counts) == words
        last = list_progress(session, review.id)[-1]
        flowed = flow.count_flow(session, review.id)
    assert (last.read, last.found) == (counts.decided, counts.include) == (6, 2)
    assert (flowed.included, flowed.maybe, flowed.excluded) == (2, 3, 1)

    found = api_client(app, store, person).get(f"/api/v1/reviews/{review.slug}").json()["counts"]
    assert (found["include"], found["maybe"], found["exclude"]) == (2, 3, 1)
    assert (found["awaiting"], found["conflict"], found["not_screened"]) == (2, 1, 3)
    page = browser(app, store, person)
    overview = page.get(f"/reviews/{review.slug}").text
    for name, number in (("Included", 2), ("Maybe", 3), ("Excluded", 1), ("Not screened", 3)):
        assert f"<dt>{name}</dt><dd>{number}</dd>" in overview
    row = page.get("/").text
    assert [int(cell.split("<")[0]) for cell in row.split('<td class="n">')[1:7]] == [
        12,
        2,
        3,
        1,
        3,
        3,
    ]
    report = page.get(f"/reviews/{review.slug}/screening-report").text
    assert "2 were included, 3 kept as maybe and 1 excluded" in report
    assert "2 need another person" in report
    assert "3 records have not been screened" in report
    monkeypatch.setenv("WINNOW_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("WINNOW_DATABASE_URL", settings.database_url)
    assert f"12 records: {words}" in " ".join(
        CliRunner().invoke(cli, ["review", "list"]).output.split()
    )
    (listed,) = json.loads(CliRunner().invoke(cli, ["review", "list", "--json"]).output)["reviews"]
    assert (listed["maybe"], listed["not_screened"]) == (3, 3)
