"""Random samples of the filtered records."""

from __future__ import annotations

from api.services.searching.filtered_records import draw_filtered_records
from api.settings import Settings
from store.core.session import Store
from store.reports import record_listing
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.api.harvests import bench


def test_a_seed_always_draws_the_same_records(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    with bench(store, settings, review, person) as at:
        at.save()
        run = at.run("europepmc")
        at.run("openalex")
    with store.read() as session:
        first = draw_filtered_records(session, review.id, size=5, seed=0)
        second = draw_filtered_records(session, review.id, size=5, seed=42)
        of_run = draw_filtered_records(session, review.id, size=4, seed=7, run_id=run.id)
        whole = draw_filtered_records(session, review.id, size=9999, seed=1)
        record_ids = record_listing.list_filtered_record_ids(session, review.id)
    # Ids that earlier versions of Winnow drew, so that an old sample can be drawn again.
    assert (first.total, [record.id for record in first.records]) == (54, [53, 55, 93, 112, 138])
    assert [record.id for record in second.records] == [19, 83, 120, 126, 170]
    assert (of_run.total, [record.id for record in of_run.records]) == (30, [60, 62, 92, 93])
    assert [record.id for record in whole.records] == record_ids
