"""Pilot rounds: which records are drawn."""

from __future__ import annotations

import pytest

from api.services.screening.pilots import close_round, start_round
from store.core.errors import Conflict
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import pilots
from store.screening.pilots import RoundRequest
from tests.store.builders import add_records, join


@pytest.fixture
def colleague(store: Store, review: ReviewInfo) -> PersonInfo:
    with store.write() as session:
        return join(session, review.id, "bo")


# Places of the drawn records, as the first version of the draw gave them. A review that names its
# seed can be checked against the records that it read.
@pytest.mark.parametrize(
    ("records", "size", "seed", "first", "second"),
    [
        (9, 3, 5, (3, 6, 7), (1, 5, 9)),
        (40, 6, 0, (6, 16, 22, 23, 25, 34), (11, 14, 17, 27, 30, 40)),
        (40, 6, 7, (1, 25, 26, 27, 28, 31), (2, 3, 19, 24, 28, 33)),
    ],
)
@pytest.mark.usefixtures("colleague")
def test_the_same_seed_draws_the_same_records(
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    records: int,
    size: int,
    seed: int,
    first: tuple[int, ...],
    second: tuple[int, ...],
) -> None:
    reports = add_records(store, review.id, records)
    for number, places in enumerate((first, second), start=1):
        start_round(store, review.id, RoundRequest(size, seed), person_id=person.id)
        with store.read() as session:
            newest = pilots.list_rounds(session, review.id)[-1]
        assert newest.number == number
        assert newest.report_ids == tuple(reports[place - 1] for place in places)
        close_round(store, review.id, note="read alike", person_id=person.id)


@pytest.mark.usefixtures("colleague")
def test_a_round_has_a_sensible_size(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    (report,) = add_records(store, review.id, 1)
    for size in (0, 501):
        with pytest.raises(ValueError, match="1 to 500"):
            start_round(store, review.id, RoundRequest(size), person_id=person.id)
    start_round(store, review.id, RoundRequest(500), person_id=person.id)
    with store.read() as session:
        assert [each.report_ids for each in pilots.list_rounds(session, review.id)] == [(report,)]


def test_a_round_needs_two_people(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    add_records(store, review.id, 1)
    with pytest.raises(Conflict, match="invite a second person"):
        start_round(store, review.id, RoundRequest(1), person_id=person.id)
