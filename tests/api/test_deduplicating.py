"""Deduplication in the store: night after night, with decisions, persons and second thoughts."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from api.services import deduplicating
from api.services.dedupe_report import RuleCount, calibration, expected_false, expected_left
from api.services.deduplicating import deduplicate_new, judge, questions, split, undo
from api.services.studies import counts as counts_of_studies
from api.services.studies import studies_of
from harvest.dedupe.compare import VERSION
from harvest.dedupe.rules import SAME
from harvest.dedupe.run import deduplicate
from harvest.record import Author, Record
from store import audit, decisions, flow, pairs, records, reports, studies
from store.decisions import NewDecision
from store.errors import Conflict, NotFound
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from store.tables import PairKey, RecordRow, Report
from tests.store.made import content, store_content

A = Record(
    position=1,
    title="Integrating social work into primary health care for children",
    authors=(Author("Smith, Jane A"), Author("Okafor, Chidi")),
    year=2014,
    venue="Journal of Integrated Care",
    volume="22",
    issue="3",
    pages="101-112",
)
A_AGAIN = replace(A, venue="J Integr Care", doi="10.1000/abcdef", pages="101-12")
A_BARE = Record(1, title=A.title, authors=A.authors, year=2014)
ERRATUM = replace(A, title=f"Erratum: {A.title}", pages="200")
B = replace(A, title="Home visiting for families with young children in two cities", pages="1-9")


def arrive(store: Store, review: ReviewInfo, *found: Record, compare: bool = True) -> list[int]:
    """Records in a file of their own, compared; gives their ids."""
    made = content([replace(record, position=n) for n, record in enumerate(found, start=1)])
    batch = store_content(store, review.id, made)
    if compare:
        deduplicate_new(store, review.id)
    with store.read() as session:
        places = records.reports_of_batch(session, batch)
        rows = session.execute(
            select(RecordRow.id, RecordRow.own_report_id).where(RecordRow.review_id == review.id)
        )
        own = {row[1]: row[0] for row in rows}
    return sorted(own.values())[-len(places) :]


def groups(store: Store, review: ReviewInfo) -> set[frozenset[int]]:
    with store.read() as session:
        rows = session.execute(
            select(RecordRow.id, RecordRow.report_id).where(RecordRow.review_id == review.id)
        )
        found: dict[int, set[int]] = {}
        for record_id, report_id in rows:
            found.setdefault(report_id, set()).add(record_id)
    return {frozenset(ids) for ids in found.values()}


def report_of(store: Store, record_id: int) -> int:
    with store.read() as session:
        return reports.reports_of(session, [record_id])[record_id]


def decide(
    store: Store, review: ReviewInfo, person: PersonInfo, record_id: int, word: str, token: str = ""
) -> int:
    new = NewDecision(token or f"t{record_id}{word}", report_of(store, record_id), word)
    with store.write() as session:
        return decisions.record(session, review.id, person.id, new)[0]


def counting(store: Store, record_id: int) -> str | None:
    report = report_of(store, record_id)
    with store.read() as session:
        return decisions.words(session, [report]).get(report)


def test_records_of_one_report_are_shown_once_composed_of_the_best(
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
        shown = records.by_reports(session, review.id, [report])[report]
        assert (shown.id, shown.copies) == (one, 2)
        assert shown.record.title == A.title
        assert shown.record.abstract == "A longer abstract than the other one has."
        assert (shown.record.doi, shown.record.pmid) == ("10.1000/abcdef", "77")
        assert shown.origins["abstract"] == two
        (text,) = records.texts(session, review.id)
        assert (text.title, text.abstract) == (shown.record.title, shown.record.abstract)
        total, listed = records.listing(session, review.id, records.Filter(), offset=0, limit=9)
        assert (total, [each.id for each in listed]) == (1, [one])
        counts = records.counts(session, review.id)
        assert (counts.records, counts.reports) == (2, 1)
        counted = flow.flow(session, review.id)
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
        (line,) = decisions.log(session, review.id, seen_by=None)
        assert (line.record_id, line.counts) == (first, True)
        assert records.undecided(session, review.id) == 0
        assert flow.flow(session, review.id).screened == 1
        event = audit.events(session, review.id)[0]
        assert event.action == "reports.deduplicated"
        assert event.detail["reports"][0]["joined"] == [late]


def test_decisions_that_contradict_are_a_question_and_never_a_silent_choice(
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
    deduplicate_new(store, review.id)
    assert len(groups(store, review)) == 2
    with store.read() as session:
        (question,) = questions(session, review.id)
        assert question.kind == "conflict"
        assert set(question.decisions) == {"include", "exclude"}
    with store.write() as session, pytest.raises(Conflict, match="exclude and include"):
        judge(session, review.id, one, two, label="same", reason="", person_id=person.id)
    assert len(groups(store, review)) == 2
    with store.write() as session:
        judge(
            session,
            review.id,
            one,
            two,
            label="same",
            reason="read both",
            person_id=person.id,
            decision="include",
        )
    assert groups(store, review) == {frozenset((one, two))}
    assert counting(store, one) == "include"
    with store.read() as session:
        assert questions(session, review.id) == []
        # Both old decisions are readable still.
        assert [line.decision for line in decisions.log(session, review.id, seen_by=None)] == [
            "include",
            "exclude",
            "include",
        ]


def test_a_conflict_that_was_settled_and_taken_back_can_be_settled_otherwise(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, other = arrive(store, review, A, B)
    decide(store, review, person, one, "include")
    decide(store, review, person, other, "exclude")

    def settle(word: str) -> None:
        with store.write() as session:
            judge(
                session,
                review.id,
                one,
                other,
                label="same",
                reason="",
                person_id=person.id,
                decision=word,
            )

    settle("include")
    with store.write() as session:
        undo(session, review.id, pairs.by_person(session, review.id)[0].id, person_id=person.id)
    assert (counting(store, one), counting(store, other)) == ("include", "exclude")
    settle("exclude")
    assert counting(store, one) == counting(store, other) == "exclude"


def test_a_person_s_split_outlives_every_later_run_and_the_decision_stays_with_its_record(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = arrive(store, review, A, A_AGAIN)
    decide(store, review, person, one, "include")
    with store.write() as session:
        split(session, review.id, two, reason="another study", person_id=person.id)
    assert groups(store, review) == {frozenset((one,)), frozenset((two,))}
    assert (counting(store, one), counting(store, two)) == ("include", None)
    # A third copy joins one side; the two stay apart.
    (three,) = arrive(store, review, replace(A, issue=None))
    found = groups(store, review)
    assert frozenset((two,)) in found or frozenset((one,)) in found
    assert not any({one, two} <= ids for ids in found)
    assert any(three in ids and len(ids) == 2 for ids in found)
    # Taking it back restores what the rules say.
    with store.write() as session:
        (said,) = pairs.by_person(session, review.id)
        undo(session, review.id, said.id, person_id=person.id)
    assert groups(store, review) == {frozenset((one, two, three))}
    assert counting(store, two) == "include"
    with store.read() as session:
        assert audit.first_broken(session) is None


def test_a_person_s_merge_wins_over_the_rules_and_can_be_undone(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, other = arrive(store, review, A, B)
    before = groups(store, review)
    with store.write() as session:
        judge(session, review.id, one, other, label="same", reason="", person_id=person.id)
    assert groups(store, review) == {frozenset((one, other))}
    (again,) = arrive(store, review, A_AGAIN)
    assert groups(store, review) == {frozenset((one, other, again))}
    with store.write() as session:
        (said,) = pairs.by_person(session, review.id)
        undo(session, review.id, said.id, person_id=person.id)
    assert groups(store, review) == (before - {frozenset((one,))}) | {frozenset((one, again))}
    with store.write() as session, pytest.raises(Conflict, match="holds no longer"):
        undo(session, review.id, said.id, person_id=person.id)


def test_a_bare_record_is_asked_about_and_an_answer_ends_the_question(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, bare = arrive(store, review, A, A_BARE)
    with store.read() as session:
        (question,) = questions(session, review.id)
        assert (question.kind, question.pair.rule) == ("ask", "bare")
    with store.write() as session:
        judge(session, review.id, bare, one, label="different", reason="", person_id=person.id)
    with store.read() as session:
        assert questions(session, review.id) == []
    assert len(groups(store, review)) == 2
    with store.write() as session:
        judge(session, review.id, bare, one, label="same", reason="on reflection", person_id=1)
    assert groups(store, review) == {frozenset((one, bare))}


def test_contradicting_persons_are_told_and_nothing_is_lost(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two, three = arrive(
        store,
        review,
        A,
        replace(B, pages="1-9"),
        replace(B, title="Sleep in night nurses, a study"),
    )
    with store.write() as session:
        judge(session, review.id, one, two, label="same", reason="", person_id=person.id)
        judge(session, review.id, two, three, label="same", reason="", person_id=person.id)
    with store.write() as session:
        # It breaks the chain: one of the two "same" cannot hold, and a person is asked.
        judge(session, review.id, one, three, label="different", reason="", person_id=person.id)
    assert sorted(map(len, groups(store, review))) == [1, 2]
    with store.read() as session:
        (question,) = questions(session, review.id)
        assert question.kind == "contradiction"
    with store.write() as session, pytest.raises(Conflict, match="told apart"):
        judge(session, review.id, two, three, label="same", reason="", person_id=person.id)


def test_related_reports_stay_apart_and_are_kept_as_related(
    store: Store, review: ReviewInfo
) -> None:
    one, erratum = arrive(store, review, A, ERRATUM)
    assert len(groups(store, review)) == 2
    with store.read() as session:
        (pair,) = pairs.live_of(session, [one])
        assert (pair.a, pair.b, pair.label, pair.guard) == (
            one,
            erratum,
            "related",
            "one is an article, the other an erratum",
        )
        assert questions(session, review.id) == []


def test_a_record_that_says_more_is_compared_again(store: Store, review: ReviewInfo) -> None:
    one = Record(1, title="Untitled", accession="X1", doi=None)
    (bare,) = arrive(store, review, replace(one, title=None))
    (full,) = arrive(store, review, A_AGAIN)
    assert len(groups(store, review)) == 2
    # The same record comes again and has a title and a DOI now.
    arrive(store, review, replace(A_AGAIN, accession="X1"))
    assert groups(store, review) == {frozenset((bare, full))}


def test_an_abstract_that_comes_after_a_title_only_exclude_offers_to_screen_again(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    (one,) = arrive(store, review, A)
    (read,) = arrive(store, review, replace(B, abstract="It had an abstract."))
    made = decide(store, review, person, one, "exclude")
    decide(store, review, person, read, "exclude")
    with store.read() as session:
        assert decisions.on_title_alone(session, review.id) == []
    arrive(store, review, replace(A_AGAIN, abstract="Now there is an abstract."))
    with store.read() as session:
        (offer,) = decisions.on_title_alone(session, review.id)
        assert (offer.decision_id, offer.report_id) == (made, report_of(store, one))
    decide(store, review, person, one, "exclude", token="with it")
    with store.read() as session:
        assert decisions.on_title_alone(session, review.id) == []


def test_a_card_dealt_before_its_report_was_merged_decides_the_report_it_is_in(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = arrive(store, review, A, A_AGAIN, compare=False)
    card = report_of(store, two)
    deduplicate_new(store, review.id)
    new = NewDecision("card", card, "include")
    with store.write() as session:
        number, stored = decisions.record(session, review.id, person.id, new)
        again = decisions.record(session, review.id, person.id, new)
    assert stored
    assert again == (number, False)
    assert counting(store, one) == "include"
    with store.read() as session:
        assert decisions.by_id(session, review.id, number).record_id == two


def test_what_a_killed_import_left_is_compared_by_the_next(
    store: Store, review: ReviewInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deduplicating, "STEP", 2)
    arrive(store, review, A, B, A_AGAIN, replace(B, doi="10.1000/b"), compare=False)
    with store.read() as session:
        assert pairs.due(session) == [review.id]
    steps = iter((False, True))
    first = deduplicate_new(store, review.id, stop=lambda: next(steps))
    assert first.compared == 2
    with store.read() as session:
        assert pairs.waiting(session, review.id) == 2
    told: list[tuple[int, int]] = []
    deduplicate_new(store, review.id, progress=lambda done, total: told.append((done, total)))
    assert told[0] == (2, 2)
    assert sorted(map(len, groups(store, review))) == [2, 2]
    with store.read() as session:
        assert pairs.due(session) == []


def test_decisions_made_while_records_are_compared_are_all_kept(
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
                    decisions.record(session, review.id, person.id, new)
        except Exception as error:  # noqa: BLE001 - the thread's failure is the test's
            failed.append(error)

    threads = [
        threading.Thread(target=decide_all, args=(own[::2],)),
        threading.Thread(target=decide_all, args=(own[1::2],)),
    ]
    for thread in threads:
        thread.start()
    deduplicate_new(store, review.id)
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(map(len, groups(store, review))) == [2] * 10
    with store.read() as session:
        assert len(list(decisions.log(session, review.id, seen_by=None))) == 20
        live = records.live_reports(session, review.id)
        assert len(live) == 10
        for report in live:
            (counted,) = session.execute(
                select(Report.decision_id).where(Report.id == report)
            ).one()
            assert counted is not None
            assert counted == decisions.holding(session, report)


def test_only_new_pairs_are_evaluated(store: Store, review: ReviewInfo) -> None:
    arrive(store, review, A, B)
    (late,) = arrive(store, review, A_AGAIN, compare=False)
    outcome = deduplicate_new(store, review.id)
    assert (outcome.compared, outcome.joined) == (1, 1)
    assert outcome.pairs <= 2
    with store.read() as session:
        assert session.scalars(select(PairKey.key).where(PairKey.record_id == late)).first()


def test_what_is_no_pair_is_refused(store: Store, review: ReviewInfo, person: PersonInfo) -> None:
    one, _ = arrive(store, review, A, A_AGAIN)
    with store.write() as session, pytest.raises(NotFound, match="no record 999999"):
        judge(session, review.id, one, 999999, label="same", reason="", person_id=person.id)
    with store.write() as session, pytest.raises(ValueError, match="against itself"):
        judge(session, review.id, one, one, label="same", reason="", person_id=person.id)
    with store.write() as session, pytest.raises(ValueError, match="label"):
        judge(session, review.id, one, 2, label="perhaps", reason="", person_id=person.id)


# ---- any history

_KINDS = (A, A_AGAIN, A_BARE, ERRATUM, B, replace(B, doi="10.1000/b"), Record(1, title="Editorial"))


def _copies(chosen: Iterable[int]) -> list[Record]:
    return [_KINDS[place] for place in chosen]


@settings(max_examples=8)
@given(
    nights=st.lists(st.lists(st.integers(0, len(_KINDS) - 1), min_size=1, max_size=4), max_size=4)
)
def test_nights_one_by_one_give_the_groups_of_one_batch(
    store: Store, review: ReviewInfo, nights: list[list[int]]
) -> None:
    with store.read() as session:
        before = set(session.scalars(select(RecordRow.id)))
    for night in nights:
        arrive(store, review, *_copies(night))
    # Earlier examples are in the same review: all of it is one batch.
    with store.read() as session:
        held = pairs.by_ids(session, session.scalars(select(RecordRow.id)).all())
    assert before <= held.keys()
    whole = deduplicate((str(number), held[number]) for number in sorted(held))
    wanted = {frozenset(map(int, keys)) for keys in whole.groups}
    limited = any(refused.why == "limit" for refused in whole.refused)
    assert limited or groups(store, review) == wanted


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_in_any_history_the_sum_holds_decisions_stay_and_undo_restores(
    store: Store, review: ReviewInfo, person: PersonInfo, seed: int
) -> None:
    chance = random.Random(seed)
    mine: dict[int, str] = {}
    ids: list[int] = []
    for step in range(8):
        ids += arrive(store, review, *_copies(chance.choices(range(len(_KINDS)), k=2)))
        with store.read() as session:
            standing = decisions.standing(session, ids)
        one, other = chance.sample(ids, 2)
        act = chance.randrange(4)
        if act == 0 and one not in standing:
            mine[one] = chance.choice(("include", "exclude"))
            with store.write() as session:
                report = reports.reports_of(session, [one])[one]
                new = NewDecision(f"{seed}:{step}:{len(ids)}:{one}", report, mine[one])
                number, _ = decisions.record(session, review.id, person.id, new)
                mine[decisions.by_id(session, review.id, number).record_id or 0] = mine[one]
        elif act in (1, 2):
            before = groups(store, review)
            label = ("same", "different", "related")[chance.randrange(3)]
            try:
                with store.write() as session:
                    judge(
                        session, review.id, one, other, label=label, reason="", person_id=person.id
                    )
            except Conflict:
                assert groups(store, review) == before
            else:
                together = any({one, other} <= found for found in groups(store, review))
                assert together == (label == "same")
                if chance.random() < 0.5:
                    with store.write() as session:
                        newest = pairs.by_person(session, review.id, limit=1)[0]
                        undo(session, review.id, newest.id, person_id=person.id)
        with store.read() as session:
            counted = flow.flow(session, review.id)
            parts = (counted.rejected, counted.filtered, counted.duplicates, counted.screened)
            assert counted.identified == sum(parts) + counted.not_screened
            now = decisions.standing(session, ids)
            for record_id, found in standing.items():
                assert now[record_id][: len(found)] == found
            assert audit.first_broken(session) is None


# ---- studies


def test_related_reports_are_of_one_study_by_the_protocol_s_table(
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
        found = studies_of(session, review.id)
        both = tuple(sorted((report_of(store, article), report_of(store, erratum))))
        assert found.linked == (both,)
        assert counts_of_studies(session, review.id).studies == 3
    decide(store, review, person, article, "include")
    decide(store, review, person, erratum, "include")
    with store.read() as session:
        counted = counts_of_studies(session, review.id)
        assert (counted.included_reports, counted.included_studies) == (2, 1)
    # A person may link what the table does not, and part what it links.
    with store.write() as session:
        judge(session, review.id, comment, other, label="related", reason="", person_id=person.id)
        judge(session, review.id, article, erratum, label="different", reason="", person_id=1)
    with store.read() as session:
        assert len(studies_of(session, review.id).linked) == 1
        assert counts_of_studies(session, review.id).included_studies == 2


def test_one_evaluation_of_three_sites_is_many_to_many(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = arrive(store, review, A, B)
    with store.write() as session:
        north = studies.add(session, review.id, one, "  Site   North ", person_id=person.id)
        studies.add(session, review.id, one, "Site South", person_id=person.id)
        assert studies.add(session, review.id, two, "Site North", person_id=person.id) == north
        with pytest.raises(Conflict, match="already"):
            studies.add(session, review.id, two, "Site North", person_id=person.id)
        with pytest.raises(ValueError, match="name"):
            studies.add(session, review.id, two, "  ", person_id=person.id)
    decide(store, review, person, one, "include")
    decide(store, review, person, two, "include")
    with store.read() as session:
        counted = counts_of_studies(session, review.id)
        assert (counted.included_reports, counted.included_studies) == (2, 2)
    # A later copy of the report is in its studies.
    (copy,) = arrive(store, review, A_AGAIN)
    with store.read() as session:
        names = [
            member.name
            for member in studies.memberships(session, review.id)
            if member.report_id == report_of(store, copy)
        ]
        assert names == ["Site North", "Site South"]
    with store.write() as session:
        studies.remove(session, review.id, copy, north, person_id=person.id)
        with pytest.raises(NotFound):
            studies.remove(session, review.id, copy, north, person_id=person.id)


def test_what_the_protocol_asks_about_is_a_question(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    one, two = arrive(store, review, A, replace(A, title=f"{A.title} 2", pages="300"))
    with store.read() as session:
        (question,) = questions(session, review.id)
        assert (question.kind, question.pair.rule) == ("study", "other-number")
    with store.write() as session:
        judge(session, review.id, one, two, label="related", reason="", person_id=person.id)
    with store.read() as session:
        assert questions(session, review.id) == []
        assert len(studies_of(session, review.id).linked) == 1


def test_the_calibration_is_of_these_rules() -> None:
    known = calibration()
    assert known["version"] == VERSION
    named = {rule.name for rule in SAME}
    assert known["rules"].keys() <= named
    assert all(rule["false"] <= rule["pairs"] for rule in known["rules"].values())


def test_expected_errors_grow_with_what_is_not_known() -> None:
    sure = (RuleCount("doi", 1000, 10_000, 0),)
    unsure = (RuleCount("doi", 1000, 10, 0),)
    assert expected_false(()) == (0.0, 0.0)
    mean, bound = expected_false(sure)
    assert 0 < mean < bound < 1
    assert expected_false(unsure)[0] > 20 * mean
    sets = [{"merged": 100, "left": 1}, {"merged": 900, "left": 0}]
    assert expected_left(500, sets) == pytest.approx((0.5, 0.0, 5.0))
    assert expected_left(500, []) == (0.0, 0.0, 0.0)
