"""What the overview says of work under way."""

from __future__ import annotations

from dataclasses import replace

from fastapi import FastAPI

from store.core import leases
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import rankings
from store.searching import imports
from store.searching.imports import NewImport
from tests.api.people import browser
from tests.api.services.reporting.test_evaluation import RANKING
from tests.store.builders import add_records
from tests.store.deciding import decide, plan


def test_the_overview_says_that_decided_records_wait_for_a_second_person(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    reports = add_records(store, review.id, 3)
    with store.write() as session:
        rankings.save_ranking(session, review.id, replace(RANKING, cold_start=True))
    page = browser(app, store, person)
    address = f"/reviews/{review.slug}"
    assert "it learns once you have an include and an exclude" in page.get(address).text
    plan(store, review, person, dual_share=1.0)
    for report, word in zip(reports, ("include", "exclude"), strict=False):
        decide(store, review, person, report, word)
    text = page.get(address).text
    assert "2 decided records wait for a second person" in text
    assert "once you have" not in text


def test_the_overview_says_that_a_file_is_being_imported(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    new = NewImport(
        name="other.csv", sha256="0" * 64, size=1, request={}, search_id=None, search_fields={}
    )
    with store.write() as session:
        owner = leases.create_owner()
        imports.create_import(session, review.id, new, person_id=person.id, owner=owner)
    text = browser(app, store, person).get(f"/reviews/{review.slug}").text
    assert "other.csv is being imported" in text
    assert f'<a href="/reviews/{review.slug}/searches">Imports</a>' in text
