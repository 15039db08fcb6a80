"""Reading is what people read: labels that came with a file draw no curve."""

from __future__ import annotations

import io

import pytest
from fastapi import FastAPI

from api.services.reporting import evaluation
from api.services.screening.progress import ProgressPoint, list_progress, list_rises
from api.services.searching.importing import ImportRequest, import_file
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.searching import gold
from tests.api.people import api_client, browser
from tests.store.builders import add_records
from tests.store.deciding import decide

LABELLED = "title,doi,year,included\n" + "".join(
    f"Study of topic {n},10.5555/{n},2015,{int(n <= 3)}\n" for n in range(1, 7)
)


@pytest.mark.case("service", 14)
def test_imported_labels_are_drawn_as_no_reading(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    import_file(
        store,
        review.id,
        io.BytesIO(LABELLED.encode()),
        "labelled.csv",
        ImportRequest(labels="decisions"),
        person_id=person.id,
    )
    with store.write() as session:
        known = [
            gold.NewGold(title=f"Study of topic {n}", doi=f"10.5555/{n}", year=2015)
            for n in (1, 2, 3)
        ]
        gold.add_gold(session, review.id, known, list_name="experts", person_id=person.id)
    with store.read() as session:
        assert list_progress(session, review.id) == [ProgressPoint(0, 0)]
        found = evaluation.evaluate(session, review.id).screening
    assert (found.imported, found.reports, found.read, found.relevant) == (6, 0, 0, 0)
    assert (found.recall_at, found.wss95, found.unplaced) == ({}, None, 0)
    # Two more, which somebody reads.
    for report, word in zip(add_records(store, review.id, 2), ("exclude", "include"), strict=True):
        decide(store, review, person, report, word)
    with store.read() as session:
        points = list_progress(session, review.id)
        found = evaluation.evaluate(session, review.id).screening
        rises = list_rises(session, review.id)
    assert points == [ProgressPoint(0, 0), ProgressPoint(1, 0), ProgressPoint(2, 1)]
    assert rises == [ProgressPoint(0, 0), ProgressPoint(2, 1)]
    assert (found.imported, found.reports, found.read) == (6, 2, 2)
    answer = api_client(app, store, person).get(f"/api/v1/reviews/{review.slug}/progress").json()
    assert (answer["read"], answer["found"]) == ([0, 1, 2], [0, 0, 1])
    page = browser(app, store, person).get(f"/reviews/{review.slug}/evaluation").text
    assert "6 records whose decision came with a file are left out" in page


def test_the_drawn_points_are_where_the_curve_rises_and_its_ends(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    words = ("exclude", "include", "maybe", "include", "exclude")
    for number, (report, word) in enumerate(
        zip(add_records(store, review.id, len(words)), words, strict=True), start=1
    ):
        decide(store, review, person, report, word)
        with store.read() as session:
            points = list_progress(session, review.id)
            rises = list_rises(session, review.id)
        assert len(points) == number + 1
        before = [ProgressPoint(-1, -1), *points]
        assert rises == [
            point
            for point, earlier in zip(points, before, strict=False)
            if point.found != earlier.found or point is points[-1]
        ]
