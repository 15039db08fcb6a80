"""What stored figures depend on: whatever changes them changes their basis."""

from __future__ import annotations

from api.services.duplicates.deduplicating import compare_new_records
from store.core.session import Store
from store.core.tables import Recheck
from store.reports import pairs
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.rules.plans import TITLE_ABSTRACT
from store.screening import computed_results, likely_misses
from tests.store.builders import add_records


def _find_key(store: Store, review: ReviewInfo) -> str:
    with store.read() as session:
        return computed_results.find_basis(session, review.id).key


def test_comparing_records_without_finding_anything_changes_the_basis(
    store: Store, review: ReviewInfo
) -> None:
    add_records(store, review.id, 2)
    before = _find_key(store, review)
    compare_new_records(store, review.id)
    with store.read() as session:
        assert pairs.count_uncompared_records(session, review.id) == 0
    assert _find_key(store, review) != before


def test_filling_a_list_of_likely_misses_changes_the_basis(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (report,) = add_records(store, review.id, 1)
    with store.write() as session:
        asked = Recheck(
            review_id=review.id,
            stage=TITLE_ABSTRACT,
            likely=1,
            random=0,
            seed=0,
            asked_by=person.id,
        )
        session.add(asked)
        session.flush()
        number = asked.id
    before = _find_key(store, review)
    with store.write() as session:
        likely_misses.fill_list(session, number, [(report, True)])
    assert _find_key(store, review) != before


def test_what_changed_since_another_version_of_winnow_worked_figures_out_is_not_guessed(
    store: Store, review: ReviewInfo
) -> None:
    key = _find_key(store, review)
    assert computed_results.list_changes("1.2.3.4.5", key) == ("the version of Winnow",)
    assert computed_results.list_changes(key, key) == ()
