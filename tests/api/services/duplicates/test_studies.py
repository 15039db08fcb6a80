"""Studies: reports of one piece of research, linked by rules or by people."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.services.duplicates.questions import list_questions
from api.services.duplicates.studies import count_studies, find_studies
from harvest.record import Author
from store.core.errors import Conflict, NotFound
from store.core.session import Store
from store.reports import (
    studies,
)
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.api.copies import A_AGAIN, ERRATUM, A, B, arrive, decide, judge, report_of

# ---- studies


def test_related_reports_are_linked_by_the_protocols_table(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    article, erratum, comment, other = arrive(
        store,
        review,
        A,
        ERRATUM,
        replace(A, title=f"Comment on: {A.title}", pages="300", authors=(Author("Wu, L"),)),
        B,
    )
    with store.read() as session:
        found = find_studies(session, review.id)
        both = tuple(sorted((report_of(store, article), report_of(store, erratum))))
        assert found.linked == (both,)
        assert count_studies(session, review.id).studies == 3
    decide(store, review, person, article, "include")
    decide(store, review, person, erratum, "include")
    with store.read() as session:
        counted = count_studies(session, review.id)
        assert (counted.included_reports, counted.included_studies) == (2, 1)
    # A person may link reports that the table does not link, and separate those it links.
    judge(store, review, comment, other, "related")
    judge(store, review, article, erratum, "different")
    with store.read() as session:
        assert len(find_studies(session, review.id).linked) == 1
        assert count_studies(session, review.id).included_studies == 2


def test_a_report_can_belong_to_several_studies(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = arrive(store, review, A, B)
    with store.write() as session:
        north = studies.add_to_study(
            session, review.id, one, "  Site   North ", person_id=person.id
        )
        studies.add_to_study(session, review.id, one, "Site South", person_id=person.id)
        assert (
            studies.add_to_study(session, review.id, two, "Site North", person_id=person.id)
            == north
        )
        with pytest.raises(Conflict, match="already"):
            studies.add_to_study(session, review.id, two, "Site North", person_id=person.id)
        with pytest.raises(ValueError, match="name"):
            studies.add_to_study(session, review.id, two, "  ", person_id=person.id)
    decide(store, review, person, one, "include")
    decide(store, review, person, two, "include")
    with store.read() as session:
        counted = count_studies(session, review.id)
        assert (counted.included_reports, counted.included_studies) == (2, 2)
    # A later copy of the report is in the same studies.
    (copy,) = arrive(store, review, A_AGAIN)
    with store.read() as session:
        names = [
            member.name
            for member in studies.list_memberships(session, review.id)
            if member.report_id == report_of(store, copy)
        ]
        assert names == ["Site North", "Site South"]
    with store.write() as session:
        studies.remove_from_study(session, review.id, copy, north, person_id=person.id)
        with pytest.raises(NotFound):
            studies.remove_from_study(session, review.id, copy, north, person_id=person.id)


def test_pairs_that_the_protocol_asks_about_become_questions(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = arrive(store, review, A, replace(A, title=f"{A.title} 2", pages="300"))
    with store.read() as session:
        (question,) = list_questions(session, review.id)
        assert (question.kind, question.pair.rule) == ("study", "other-number")
    judge(store, review, one, two, "related")
    with store.read() as session:
        assert list_questions(session, review.id) == []
        assert len(find_studies(session, review.id).linked) == 1
