"""Deduplication in the store: night after night, with decisions, people's answers and undos."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from api.services.duplicates import deduplicating, judging
from api.services.duplicates.deduplicating import compare_new_records
from api.services.duplicates.questions import list_questions
from harvest.dedupe.run import deduplicate
from harvest.record import Record
from store.core import audit
from store.core.errors import Conflict, NotFound
from store.core.session import Store
from store.core.tables import PairKey, RecordRow, ReportState
from store.reports import (
    compared_records,
    pairs,
    record_counts,
    record_listing,
    record_texts,
    records,
    reports,
)
from store.reports.reports import list_active_reports
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import decision_labels, decision_log, decisions
from store.screening.decisions import NewDecision
from store.searching import flow
from tests.api.copies import A_AGAIN, A_BARE, ERRATUM, A, B, arrive, decide, judge, report_of
from tests.shared import on_postgresql, on_sqlite


def groups(store: Store, review: ReviewInfo) -> set[frozenset[int]]:
    with store.read() as session:
        rows = session.execute(
            select(RecordRow.id, RecordRow.report_id).where(RecordRow.review_id == review.id)
        )
        found: dict[int, set[int]] = {}
        for record_id, report_id in rows:
            found.setdefault(report_id, set()).add(record_id)
    return {frozenset(ids) for ids in found.values()}


def newest_judgement(store: Store, review: ReviewInfo) -> int:
    with store.read() as session:
        return pairs.list_judgements(session, review.id, limit=1)[0].id


def counting(store: Store, record_id: int) -> str | None:
    report = report_of(store, record_id)
    with store.read() as session:
        return decision_labels.get_settled_decisions(session, [report]).get(report)


def test_copies_of_a_report_are_shown_once_with_the_best_values(
    store: Store, review: ReviewInfo
) -> None:
    one, two = arrive(
        store,
        review,
        replace(A, title=A.title.upper() if A.title else None, abstract="Short.", volume=None),
        replace(A_AGAIN, abstract="A longer abstract than the other one has.", pmid="77"),
    )
    assert groups(store, review) == {frozenset((one, two))}
    with store.read() as session:
        report = report_of(store, one)
        shown = records.get_representatives(session, review.id, [report])[report]
        assert (shown.id, shown.copies) == (one, 2)
        assert shown.record.title == A.title
        assert shown.record.abstract == "A longer abstract than the other one has."
        assert (shown.record.doi, shown.record.pmid) == ("10.1000/abcdef", "77")
        assert shown.origins["abstract"] == two
        (text,) = record_texts.list_report_texts(session, review.id)
        assert (text.title, text.abstract) == (shown.record.title, shown.record.abstract)
        total, listed = record_listing.list_records(
            session, review.id, record_listing.RecordFilter(), offset=0, limit=9
        )
        assert (total, [each.id for each in listed]) == (1, [one])
        counts = record_counts.count_reports(session, review.id)
        assert (counts.records, counts.reports) == (2, 1)
        counted = flow.count_flow(session, review.id)
        assert (counted.identified, counted.duplicates, counted.not_screened) == (2, 1, 1)


def test_a_late_duplicate_of_a_screened_record_inherits_its_decision(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (first,) = arrive(store, review, A)
    decide(store, review, person, first, "exclude")
    (late,) = arrive(store, review, A_AGAIN)
    assert groups(store, review) == {frozenset((first, late))}
    assert counting(store, late) == "exclude"
    with store.read() as session:
        (line,) = decision_log.list_log(session, review.id, seen_by=None)
        assert (line.record_id, line.counts) == (first, True)
        assert record_counts.count_reports(session, review.id).undecided == 0
        assert flow.count_flow(session, review.id).screened == 1
        event = audit.list_events(session, review.id)[0]
        assert event.action == "reports.deduplicated"
        assert event.detail["reports"][0]["joined"] == [late]


def test_contradicting_decisions_on_copies_become_a_question(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (one,) = arrive(store, review, A)
    (two,) = arrive(store, review, replace(A_BARE, venue="Elsewhere"))
    assert len(groups(store, review)) == 2
    decide(store, review, person, one, "include")
    decide(store, review, person, two, "exclude")
    # A third record that is the same as both.
    with store.write() as session:
        row = session.get(RecordRow, two)
        assert row is not None
        row.venue, row.volume, row.pages, row.paired = "J Integr Care", "22", "101", False
    compare_new_records(store, review.id)
    assert len(groups(store, review)) == 2
    with store.read() as session:
        (question,) = list_questions(session, review.id)
        assert question.kind == "conflict"
        assert set(question.decisions) == {"include", "exclude"}
    with pytest.raises(Conflict, match="exclude and include"):
        judge(store, review, one, two, "same")
    assert len(groups(store, review)) == 2
    judge(store, review, one, two, "same", reason="read both", decision="include")
    assert groups(store, review) == {frozenset((one, two))}
    assert counting(store, one) == "include"
    with store.read() as session:
        assert list_questions(session, review.id) == []
        # Both old decisions can still be read.
        assert [
            line.decision for line in decision_log.list_log(session, review.id, seen_by=None)
        ] == [
            "include",
            "exclude",
            "include",
        ]


def test_a_settled_conflict_can_be_undone_and_settled_differently(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, other = arrive(store, review, A, B)
    decide(store, review, person, one, "include")
    decide(store, review, person, other, "exclude")

    def settle(word: str) -> None:
        judge(store, review, one, other, "same", decision=word)

    settle("include")
    judging.undo_judgement(store, review.id, newest_judgement(store, review), person_id=person.id)
    assert (counting(store, one), counting(store, other)) == ("include", "exclude")
    settle("exclude")
    assert counting(store, one) == counting(store, other) == "exclude"


def test_a_split_outlives_later_runs_and_decisions_stay_with_their_record(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = arrive(store, review, A, A_AGAIN)
    decide(store, review, person, one, "include")
    judging.split_record(store, review.id, two, reason="another study", person_id=person.id)
    assert groups(store, review) == {frozenset((one,)), frozenset((two,))}
    assert (counting(store, one), counting(store, two)) == ("include", None)
    # A third copy joins one side; the two stay apart.
    (three,) = arrive(store, review, replace(A, issue=None))
    found = groups(store, review)
    assert frozenset((two,)) in found or frozenset((one,)) in found
    assert not any({one, two} <= ids for ids in found)
    assert any(three in ids and len(ids) == 2 for ids in found)
    # Undoing it restores what the rules say.
    with store.read() as session:
        (said,) = pairs.list_judgements(session, review.id)
    judging.undo_judgement(store, review.id, said.id, person_id=person.id)
    assert groups(store, review) == {frozenset((one, two, three))}
    assert counting(store, two) == "include"
    with store.read() as session:
        assert audit.find_first_broken_event(session) is None


def test_a_merge_by_a_person_wins_over_the_rules_and_can_be_undone(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, other = arrive(store, review, A, B)
    before = groups(store, review)
    judge(store, review, one, other, "same")
    assert groups(store, review) == {frozenset((one, other))}
    (again,) = arrive(store, review, A_AGAIN)
    assert groups(store, review) == {frozenset((one, other, again))}
    with store.read() as session:
        (said,) = pairs.list_judgements(session, review.id)
    judging.undo_judgement(store, review.id, said.id, person_id=person.id)
    assert groups(store, review) == (before - {frozenset((one,))}) | {frozenset((one, again))}
    with pytest.raises(Conflict, match="already been undone"):
        judging.undo_judgement(store, review.id, said.id, person_id=person.id)


def test_a_record_with_few_fields_becomes_a_question_and_an_answer_ends_it(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, bare = arrive(store, review, A, A_BARE)
    with store.read() as session:
        (question,) = list_questions(session, review.id)
        assert (question.kind, question.pair.rule) == ("ask", "bare")
    judge(store, review, bare, one, "different")
    with store.read() as session:
        assert list_questions(session, review.id) == []
    assert len(groups(store, review)) == 2
    judge(store, review, bare, one, "same", reason="on reflection")
    assert groups(store, review) == {frozenset((one, bare))}


def test_contradicting_judgements_are_refused_and_nothing_is_lost(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two, three = arrive(
        store,
        review,
        A,
        replace(B, pages="1-9"),
        replace(B, title="Sleep in night nurses, a study"),
    )
    judge(store, review, one, two, "same")
    judge(store, review, two, three, "same")
    # It breaks the chain: one of the two "same" must be wrong, so a person is asked.
    judge(store, review, one, three, "different")
    assert sorted(map(len, groups(store, review))) == [1, 2]
    with store.read() as session:
        (question,) = list_questions(session, review.id)
        assert question.kind == "contradiction"
    with pytest.raises(Conflict, match="records 3 and 1 are different"):
        judge(store, review, two, three, "same")


def test_related_reports_stay_apart_and_are_stored_as_related(
    store: Store, review: ReviewInfo
) -> None:
    one, erratum = arrive(store, review, A, ERRATUM)
    assert len(groups(store, review)) == 2
    with store.read() as session:
        (pair,) = pairs.list_live_pairs(session, [one])
        assert (pair.a, pair.b, pair.label, pair.guard) == (
            one,
            erratum,
            "related",
            "one is an article, the other an erratum",
        )
        assert list_questions(session, review.id) == []


def test_a_record_that_gains_values_is_compared_again(store: Store, review: ReviewInfo) -> None:
    one = Record(1, title="Untitled", accession="X1", doi=None)
    (bare,) = arrive(store, review, replace(one, title=None))
    (full,) = arrive(store, review, A_AGAIN)
    assert len(groups(store, review)) == 2
    # The same record comes again, now with a title and a DOI.
    arrive(store, review, replace(A_AGAIN, accession="X1"))
    assert groups(store, review) == {frozenset((bare, full))}


def test_an_abstract_that_follows_an_exclude_on_title_offers_to_screen_again(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (one,) = arrive(store, review, A)
    (read,) = arrive(store, review, replace(B, abstract="It had an abstract."))
    made = decide(store, review, person, one, "exclude")
    decide(store, review, person, read, "exclude")
    with store.read() as session:
        assert decision_log.list_decided_on_title(session, review.id) == []
    arrive(store, review, replace(A_AGAIN, abstract="Now there is an abstract."))
    with store.read() as session:
        (offer,) = decision_log.list_decided_on_title(session, review.id)
        assert (offer.decision_id, offer.report_id) == (made, report_of(store, one))
    decide(store, review, person, one, "exclude", token="with it")
    with store.read() as session:
        assert decision_log.list_decided_on_title(session, review.id) == []


def test_a_decision_on_a_merged_report_counts_for_the_report_it_joined(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = arrive(store, review, A, A_AGAIN, compare=False)
    card = report_of(store, two)
    compare_new_records(store, review.id)
    new = NewDecision("card", card, "include")
    with store.write() as session:
        number, stored = decisions.record_decision(session, review.id, person.id, new)
        again = decisions.record_decision(session, review.id, person.id, new)
    assert stored
    assert again == (number, False)
    assert counting(store, one) == "include"
    with store.read() as session:
        assert decision_log.get_decision(session, review.id, number).record_id == two


def test_records_left_by_a_killed_import_are_compared_by_the_next_run(
    store: Store, review: ReviewInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deduplicating, "STEP", 2)
    arrive(store, review, A, B, A_AGAIN, replace(B, doi="10.1000/b"), compare=False)
    with store.read() as session:
        assert pairs.list_reviews_to_compare(session) == [review.id]
    steps = iter((False, True))
    first = compare_new_records(store, review.id, stop=lambda: next(steps))
    assert first.compared == 2
    with store.read() as session:
        assert pairs.count_uncompared_records(session, review.id) == 2
    told: list[tuple[int, int]] = []
    compare_new_records(store, review.id, progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (2, 2)]
    assert sorted(map(len, groups(store, review))) == [2, 2]
    with store.read() as session:
        assert pairs.list_reviews_to_compare(session) == []


@pytest.mark.parametrize(
    ("size", "seconds", "following"),
    [(500, 0.2, 1000), (1000, 1.5, 1333), (4000, 0.5, 4000), (4000, 8.0, 1000), (500, 9.0, 500)],
)
def test_steps_grow_while_they_are_quick(size: int, seconds: float, following: int) -> None:
    assert deduplicating._next_size(size, seconds) == following


def test_a_record_that_changes_while_it_is_compared_is_compared_again(
    store: Store, review: ReviewInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = arrive(store, review, A, A_AGAIN, compare=False)
    store_pairs, changed = deduplicating._store_pairs, [False]

    def change_first(*given: Any) -> bool:
        session = given[-1]
        if not changed[0]:
            changed[0] = True
            values = {"title": B.title, "abstract": B.abstract, "authors": [], "doi": "10.1000/new"}
            values |= {"volume": "99", "pages": "1-2", "venue": "Elsewhere", "year": 1980}
            session.execute(update(RecordRow).where(RecordRow.id == two).values(**values))
        return store_pairs(*given)

    monkeypatch.setattr(deduplicating, "_store_pairs", change_first)
    outcome = compare_new_records(store, review.id)
    assert (outcome.compared, outcome.joined) == (2, 0)
    assert groups(store, review) == {frozenset((one,)), frozenset((two,))}
    with store.read() as session:
        assert pairs.list_reviews_to_compare(session) == []


def test_two_who_compare_the_same_records_at_once_lose_no_pair(
    store: Store, review: ReviewInfo
) -> None:
    one, two = arrive(store, review, A, A_AGAIN, compare=False)
    with store.read() as session:
        new = compared_records.list_next_uncompared(session, review.id, limit=2)
        found = deduplicating._compare_new(session, review.id, new, deduplicating._Outlines())
    # The first has stored all its pairs when the second stores those of its first piece.
    for part in ([one, two], [one]):
        with store.write() as session:
            assert deduplicating._store_pairs(review.id, found, part, session)
    with store.write() as session:
        deduplicating._group(review.id, found, [one, two], session)
    assert groups(store, review) == {frozenset((one, two))}


def test_who_did_not_see_an_earlier_record_replaces_no_pair_with_it(
    store: Store, review: ReviewInfo
) -> None:
    one, two = arrive(store, review, A, A_AGAIN, compare=False)
    with store.read() as session:
        both = compared_records.list_next_uncompared(session, review.id, limit=2)
        # On PostgreSQL a smaller number can be committed later.
        later = {two: both[two]}
        alone, together = (
            deduplicating._compare_new(session, review.id, new, deduplicating._Outlines())
            for new in (later, both)
        )
    with store.write() as session:
        assert deduplicating._store_pairs(review.id, together, [one, two], session)
    with store.write() as session:
        assert not deduplicating._store_pairs(review.id, alone, [two], session)
    with store.write() as session:
        deduplicating._group(review.id, together, [one, two], session)
    assert groups(store, review) == {frozenset((one, two))}


def test_decisions_made_during_a_comparison_are_kept(
    store: Store, review: ReviewInfo, person: PersonInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deduplicating, "STEP", 4)
    made = [
        replace(record, title=f"{record.title} {n}", pages=f"{100 * n + 1}", doi=None)
        for n in range(10)
        for record in (A, A_AGAIN)
    ]
    ids = arrive(store, review, *made, compare=False)
    own = [report_of(store, record_id) for record_id in ids]
    failed: list[Exception] = []

    def decide_all(numbers: list[int]) -> None:
        try:
            for number in numbers:
                with store.write() as session:
                    new = NewDecision(f"t{number}", number, "exclude")
                    decisions.record_decision(session, review.id, person.id, new)
        except Exception as error:  # noqa: BLE001 - the thread's failure is the test's
            failed.append(error)

    threads = [
        threading.Thread(target=decide_all, args=(own[::2],)),
        threading.Thread(target=decide_all, args=(own[1::2],)),
    ]
    for thread in threads:
        thread.start()
    compare_new_records(store, review.id)
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(map(len, groups(store, review))) == [2] * 10
    with store.read() as session:
        assert len(list(decision_log.list_log(session, review.id, seen_by=None))) == 20
        live = list_active_reports(session, review.id)
        assert len(live) == 10
        for report in live:
            (counted,) = session.execute(
                select(ReportState.decision_id).where(ReportState.report_id == report)
            ).one()
            assert counted is not None
            assert counted == decision_log.find_latest_active_decision(session, report)


def test_only_new_pairs_are_evaluated(store: Store, review: ReviewInfo) -> None:
    arrive(store, review, A, B)
    (late,) = arrive(store, review, A_AGAIN, compare=False)
    outcome = compare_new_records(store, review.id)
    assert (outcome.compared, outcome.joined) == (1, 1)
    assert outcome.pairs <= 2
    with store.read() as session:
        assert session.scalars(select(PairKey.key).where(PairKey.record_id == late)).first()


def test_a_judgement_needs_two_records_of_the_review(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, _ = arrive(store, review, A, A_AGAIN)
    with pytest.raises(NotFound, match="no record 999999"):
        judge(store, review, one, 999999, "same")
    with pytest.raises(ValueError, match="compared with itself"):
        judge(store, review, one, one, "same")
    with pytest.raises(ValueError, match="label"):
        judge(store, review, one, 2, "perhaps")


# ---- any history

_KINDS = (A, A_AGAIN, A_BARE, ERRATUM, B, replace(B, doi="10.1000/b"), Record(1, title="Editorial"))


def _copies(chosen: Iterable[int]) -> list[Record]:
    return [_KINDS[place] for place in chosen]


def check_nights(store: Store, review: ReviewInfo, nights: Sequence[Sequence[int]]) -> None:
    """Add records night by night, and compare the groups with those of one batch."""
    with store.read() as session:
        before = set(session.scalars(select(RecordRow.id)))
    for night in nights:
        arrive(store, review, *_copies(night))
    # Earlier examples are in the same review, so all of them together are one batch.
    with store.read() as session:
        held = compared_records.get_parsed_records(
            session, session.scalars(select(RecordRow.id)).all()
        )
    assert before <= held.keys()
    whole = deduplicate((str(number), held[number]) for number in sorted(held))
    wanted = {frozenset(map(int, keys)) for keys in whole.groups}
    limited = any(refused.why == "limit" for refused in whole.refused)
    assert limited or groups(store, review) == wanted


@on_sqlite
@settings(max_examples=8)
@given(
    nights=st.lists(st.lists(st.integers(0, len(_KINDS) - 1), min_size=1, max_size=4), max_size=4)
)
def test_records_that_come_night_by_night_are_grouped_as_in_one_batch(
    store: Store, review: ReviewInfo, nights: list[list[int]]
) -> None:
    check_nights(store, review, nights)


@on_postgresql
def test_every_kind_of_record_is_grouped_night_by_night_as_in_one_batch(
    store: Store, review: ReviewInfo
) -> None:
    check_nights(store, review, [[2, 4], [0, 6], [1, 3], [5, 6, 0]])


def check_history(store: Store, review: ReviewInfo, person: PersonInfo, seed: int) -> None:
    """Add, decide, judge and undo at random; check the sum, the decisions and the trail."""
    chance = random.Random(seed)
    mine: dict[int, str] = {}
    ids: list[int] = []
    for step in range(8):
        ids += arrive(store, review, *_copies(chance.choices(range(len(_KINDS)), k=2)))
        with store.read() as session:
            standing = decision_log.list_decisions_not_undone(session, ids)
        one, other = chance.sample(ids, 2)
        act = chance.randrange(4)
        if act == 0 and one not in standing:
            mine[one] = chance.choice(("include", "exclude"))
            with store.write() as session:
                report = reports.get_report_by_record(session, [one])[one]
                new = NewDecision(f"{seed}:{step}:{len(ids)}:{one}", report, mine[one])
                number, _ = decisions.record_decision(session, review.id, person.id, new)
                mine[decision_log.get_decision(session, review.id, number).record_id or 0] = mine[
                    one
                ]
        elif act in (1, 2):
            before = groups(store, review)
            label = ("same", "different", "related")[chance.randrange(3)]
            try:
                judge(store, review, one, other, label)
            except Conflict:
                assert groups(store, review) == before
            else:
                together = any({one, other} <= found for found in groups(store, review))
                assert together == (label == "same")
                if chance.random() < 0.5:
                    newest = newest_judgement(store, review)
                    judging.undo_judgement(store, review.id, newest, person_id=person.id)
        with store.read() as session:
            counted = flow.count_flow(session, review.id)
            parts = (counted.rejected, counted.filtered, counted.duplicates, counted.screened)
            assert counted.identified == sum(parts) + counted.not_screened
            now = decision_log.list_decisions_not_undone(session, ids)
            for record_id, found in standing.items():
                assert now[record_id][: len(found)] == found
            assert audit.find_first_broken_event(session) is None


@on_sqlite
@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_in_any_history_the_sum_holds_and_decisions_are_kept(
    store: Store, review: ReviewInfo, person: PersonInfo, seed: int
) -> None:
    check_history(store, review, person, seed)


@on_postgresql
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.soak)])
def test_in_a_random_history_the_sum_holds_and_decisions_are_kept(
    store: Store, review: ReviewInfo, person: PersonInfo, seed: int
) -> None:
    check_history(store, review, person, seed)
