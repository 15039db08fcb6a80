"""The pool: filled by the date of a search, let in as a whole, without effect before; versions."""

from __future__ import annotations

import datetime as dt

import pytest
from fastapi.testclient import TestClient

from api.services.duplicates import deduplicating, grouping, questions
from api.services.living import pooling, versions
from api.services.ranking import pool_scores
from api.services.ranking.ranker import Ranker
from api.services.ranking.waiting_texts import WaitingTexts
from api.services.screening import deciding
from api.services.searching.record_keys import keyed_record
from api.settings import Settings
from harvest.file_content import FileContent
from harvest.record import Record
from store.core.errors import Conflict
from store.core.session import Store
from store.reports import pairs, record_counts, record_listing, record_texts, records
from store.reports.reports import list_active_reports
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.screening import decisions, rankings
from store.screening.queue import LeaseRequest
from store.screening.stage_queue import Screener
from store.searching import (
    admissions,
    flow,
    ingest,
    pool,
    pool_membership,
    review_versions,
    search_days,
    searches,
)
from store.searching.admissions import AdmissionInfo, NewAdmission, UrgentRecord
from store.searching.ingest import BatchContent, FileInfo
from store.searching.pool_membership import SearchAssignment
from tests.store import dealing
from tests.store.builders import content, list_all_records

FREEZE = dt.date(2026, 1, 5)
BEFORE, AFTER, LATER = "2026-01-01", "2026-01-10", "2026-02-01"


def admit(
    store: Store, review: ReviewInfo, day: dt.date, *, most_in_full: int = 200
) -> AdmissionInfo:
    """Let the whole pool up to a day into a review."""
    admission = NewAdmission(up_to=day, person_id=None)
    return pooling.admit_pool(store, review.id, admission, most_in_full=most_in_full)


def add(
    store: Store, review: ReviewInfo, titles: dict[str, str], day: str | None, *, source: str
) -> int:
    """Import a file of records by id and title, from a search on one day; returns the search."""
    made: FileContent = content(
        [
            Record(
                n,
                title=title,
                abstract=f"{title} studied at length.",
                accession=number,
                doi=f"10.5555/{title[:30].replace(' ', '-').lower()}",
                year=2020,
            )
            for n, (number, title) in enumerate(titles.items(), start=1)
        ]
    )
    with store.write() as session:
        search = searches.create_search(
            session,
            review.id,
            kind="file",
            person_id=None,
            fields={"source": source, "run_on": day},
        )
        entries = [
            keyed_record(
                r,
                source=source,
                source_id=r.accession or "",
                fallback=f"{made.sha256}#{r.position}",
                certain=True,
            )
            for r in made.records
        ]
        info = FileInfo(name="x", sha256=made.sha256, size=1, format="csv", columns={}, notices=())
        ingest.add_batch(session, search, info, BatchContent(entries), person_id=None)
    deduplicating.compare_new_records(store, review.id)
    return search


BASE = {
    "1": "Family hubs and the work of health visitors in Leeds",
    "2": "Kinship care and mental health of carers in Norway",
    "3": "Soil science and the chemistry of phosphorus in bogs",
}


@pytest.fixture
def frozen(store: Store, review: ReviewInfo) -> ReviewInfo:
    add(store, review, BASE, BEFORE, source="a")
    with store.write() as session:
        pool_membership.set_freeze_date(session, review.id, FREEZE, person_id=None)
    return review


def decide(store: Store, review: ReviewInfo, person: PersonInfo, *includes: int) -> None:
    """Decide everything in the queue, and include the reports named."""
    with store.write() as session:
        left = dealing.lease_cards(
            session,
            Screener(review.id, person.id),
            [],
            LeaseRequest(number=100, valid=dt.timedelta(minutes=1)),
        )
    for place in left:
        new = decisions.NewDecision(
            token=f"d{place.report_id}",
            report_id=place.report_id,
            decision="include" if place.report_id in includes else "exclude",
        )
        deciding.record_decision(store, review.id, person.id, new)


def state(store: Store, review: ReviewInfo) -> tuple[object, ...]:
    """What people see of the review."""
    with store.read() as session:
        return (
            record_counts.count_reports(session, review.id),
            flow.count_flow(session, review.id),
            record_texts.list_record_texts(session, review.id),
            [s.received for s in searches.list_searches(session, review.id)][:1],
            questions.list_questions(session, review.id),
        )


def test_waiting_records_change_nothing_and_join_their_report_at_once(
    store: Store, frozen: ReviewInfo
) -> None:
    before = state(store, frozen)
    late = {"91": BASE["1"], "92": "Barnahus after ten years in Iceland and Sweden"}
    search = add(store, frozen, late, AFTER, source="b")
    assert state(store, frozen) == before
    with store.read() as session:
        (waiting,) = pool.count_by_search(session, frozen.id)
        inside = pool.get_reports_by_record(session, frozen.id)
        shown = records.get_representatives(session, frozen.id, list(set(inside.values())))
    assert (waiting.search_id, waiting.entries, waiting.new, waiting.copies) == (search, 2, 1, 1)
    assert sum(one.copies == 1 and one.active for one in shown.values()) == 1


def test_a_waiting_record_joins_no_two_reports_before_it_is_admitted(
    store: Store, review: ReviewInfo
) -> None:
    one = add(store, review, {"1": BASE["1"]}, BEFORE, source="a")
    two = add(store, review, {"2": BASE["2"]}, BEFORE, source="a")
    assert one != two
    with store.write() as session:
        pool_membership.set_freeze_date(session, review.id, FREEZE, person_id=None)
    before = state(store, review)
    add(store, review, {"3": "Another report altogether of care"}, AFTER, source="b")
    with store.read() as session:
        first, second, late = (r.id for r in list_all_records(session, review.id))
    with store.write() as session:
        pairs.replace_rule_pairs(
            session,
            review.id,
            [late],
            [
                pairs.NewPair(
                    a=first, b=late, label="same", rule="made", reason="the same", guard=None
                ),
                pairs.NewPair(
                    a=second, b=late, label="same", rule="made", reason="the same", guard=None
                ),
            ],
            version="x",
        )
        grouping.regroup_reports(session, [late])
    assert state(store, review) == before
    made = admit(store, review, dt.date.fromisoformat(AFTER))
    assert (made.records, made.reports) == (1, 0)
    with store.read() as session:
        assert record_counts.count_reports(session, review.id).reports == 1
        assert flow.count_flow_by_admission(session, review.id)[made.id].duplicates == 1


def test_a_file_is_dated_by_its_search_not_by_its_import(store: Store, frozen: ReviewInfo) -> None:
    add(
        store,
        frozen,
        {"71": "Exported in time and imported late, of social care"},
        BEFORE,
        source="c",
    )
    with store.read() as session:
        assert pool.count_records(session, frozen.id) == 0
        assert record_counts.count_reports(session, frozen.id).reports == 4
    search = add(
        store, frozen, {"72": "Nobody stated when this was searched for"}, None, source="d"
    )
    with store.read() as session:
        (waiting,) = pool.count_by_search(session, frozen.id)
    assert waiting.undated
    with store.write() as session:
        searches.update_search(session, frozen.id, search, {"run_on": "2025"}, person_id=None)
        session.flush()
        pool_membership.refresh_pool(session, frozen.id)
    with store.read() as session:
        assert pool.count_records(session, frozen.id) == 0


@pytest.mark.parametrize(
    ("stated", "day"),
    [
        ("2026-01-05", "2026-01-05"),
        ("2026-02", "2026-02-28"),
        ("2025-12", "2025-12-31"),
        ("2025", "2025-12-31"),
        ("spring", None),
        ("", None),
        (None, None),
        ("2026-13", None),
        ("9" * 30, None),
    ],
)
def test_a_partial_date_means_its_last_day(stated: str | None, day: str | None) -> None:
    assert search_days.find_latest_day(stated) == day


def test_an_undated_search_is_asked_about(store: Store, review: ReviewInfo) -> None:
    search = add(store, review, BASE, None, source="a")
    with (
        pytest.raises(Conflict, match=f"the date of search {search} is not stated"),
        store.write() as session,
    ):
        pool_membership.set_freeze_date(session, review.id, FREEZE, person_id=None)
    with store.write() as session:
        assignment = SearchAssignment(search, "review", "run in May")
        pool_membership.assign_search(session, review.id, assignment, person_id=None)
        session.flush()
        pool_membership.set_freeze_date(session, review.id, FREEZE, person_id=None)
    with store.read() as session:
        assert record_counts.count_reports(session, review.id).reports == 3


def test_decided_records_do_not_go_back_to_the_pool(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    add(store, review, BASE, AFTER, source="a")
    decide(store, review, person)
    with (
        pytest.raises(Conflict, match="have been decided"),
        store.write() as session,
    ):
        pool_membership.set_freeze_date(session, review.id, FREEZE, person_id=None)
    with store.read() as session:
        assert pool_membership.get_freeze_date(session, review.id) is None


def test_an_admission_takes_records_up_to_a_day_and_the_rest_waits(
    store: Store, frozen: ReviewInfo
) -> None:
    add(store, frozen, {"81": "A first late study of family support"}, AFTER, source="b")
    add(store, frozen, {"82": "A second late study of safeguarding"}, LATER, source="b")
    made = admit(store, frozen, dt.date(2026, 1, 31))
    assert (made.name, made.records, made.reports, made.read_in_full) == ("top-up 1", 1, 1, True)
    with store.read() as session:
        assert [w.entries for w in pool.count_by_search(session, frozen.id)] == [1]
    with pytest.raises(Conflict, match="no incoming records"):
        admit(store, frozen, dt.date(2026, 1, 31))
    made = admit(store, frozen, dt.date(2026, 3, 1), most_in_full=0)
    assert (made.name, made.read_in_full) == ("top-up 2", False)


def test_one_urgent_record_can_be_admitted_alone(store: Store, frozen: ReviewInfo) -> None:
    add(store, frozen, {"81": "An urgent study of family support"}, AFTER, source="b")
    with store.read() as session:
        (record,) = pool.get_reports_by_record(session, frozen.id)
    with store.write() as session:
        urgent = UrgentRecord(record, "contact", "asked for")
        admissions.bring_in_record(session, frozen.id, urgent, person_id=None)
    with store.read() as session:
        assert record_counts.count_reports(session, frozen.id).reports == 4
        found = searches.list_searches(session, frozen.id)[-1]
        assert (found.kind, found.route, found.received) == ("other", "contact", 1)
    made = admit(store, frozen, dt.date(2026, 3, 1))
    with store.read() as session:
        apart = flow.count_flow_by_admission(session, frozen.id)
    assert (apart[made.id].identified, apart[made.id].duplicates) == (1, 1)
    assert apart[flow.BASE].not_screened == 4


def test_waiting_records_cannot_be_decided(
    store: Store, frozen: ReviewInfo, person: PersonInfo
) -> None:
    add(store, frozen, {"81": "A late study of family support"}, AFTER, source="b")
    with store.read() as session:
        (report,) = pool.list_reports(session, frozen.id)
    new = decisions.NewDecision(token="x", report_id=report, decision="include")
    with pytest.raises(Conflict, match="among the incoming records"):
        deciding.record_decision(store, frozen.id, person.id, new)
    admit(store, frozen, dt.date(2026, 3, 1))
    stored = deciding.record_decision(store, frozen.id, person.id, new).stored
    assert stored


def test_a_completed_version_is_followed_by_updates(
    store: Store, frozen: ReviewInfo, person: PersonInfo
) -> None:
    with pytest.raises(Conflict, match="3 records are not screened"):
        versions.complete_version(store, frozen.id, person_id=person.id)
    with store.read() as session:
        first = min(list_active_reports(session, frozen.id))
    decide(store, frozen, person, first)
    made = versions.complete_version(store, frozen.id, person_id=person.id)
    assert (made.number, made.included, made.studies) == (1, 1, 1)
    with pytest.raises(Conflict, match="nothing to complete"):
        versions.complete_version(store, frozen.id, person_id=person.id)
    # A file of a search before the freeze comes too late for a version that is complete.
    add(store, frozen, {"81": "Safeguarding after the version was completed"}, BEFORE, source="b")
    add(store, frozen, {"91": BASE["1"]}, AFTER, source="c")
    with store.read() as session:
        assert record_counts.count_reports(session, frozen.id).reports == 3
        assert admissions.get_next_kind(session, frozen.id)[0] == "update"
    update = admit(store, frozen, dt.date(2026, 3, 1))
    assert (update.name, update.records, update.reports) == ("update 1", 2, 1)
    with store.read() as session:
        assert admissions.get_next_kind(session, frozen.id)[0] == "top-up"
        standing = versions.get_status(session, frozen.id)
    assert standing.name == "update 1"
    assert standing.previous is not None
    assert (standing.previous.included, standing.under_way.duplicates) == (1, 1)
    decide(store, frozen, person)
    versions.complete_version(store, frozen.id, person_id=person.id)
    with store.read() as session:
        done = review_versions.list_versions(session, frozen.id)
    assert [each.number for each in done] == [1, 2]
    assert done[0].counts["identified"] == 3
    assert (done[1].counts["identified"], done[1].total["identified"]) == (2, 5)


def test_unscreened_records_are_left_only_with_a_written_reason(
    store: Store, frozen: ReviewInfo, person: PersonInfo
) -> None:
    made = versions.complete_version(
        store, frozen.id, person_id=person.id, unread_reason="the commission was withdrawn"
    )
    assert made.total["not_screened"] == 3
    assert made.unread_reason == "the commission was withdrawn"


def test_an_admission_fills_fields_that_were_empty(store: Store, review: ReviewInfo) -> None:
    made = content([Record(1, title="No abstract as yet", accession="1")])
    for day, abstract in ((BEFORE, None), (AFTER, "Here it is, about children.")):
        with store.write() as session:
            search = searches.create_search(
                session,
                review.id,
                kind="file",
                person_id=None,
                fields={"source": "a", "run_on": day},
            )
            record = Record(
                1,
                title="No abstract as yet",
                abstract=abstract,
                accession="1",
                flags=() if abstract else ("no-abstract",),
            )
            entry = keyed_record(record, source="a", source_id="1", fallback="f#1", certain=True)
            info = FileInfo(
                name=day,
                sha256=f"{made.sha256[:-2]}{day[-2:]}",
                size=1,
                format="csv",
                columns={},
                notices=(),
            )
            ingest.add_batch(session, search, info, BatchContent([entry]), person_id=None)
            if abstract is None:
                pool_membership.set_freeze_date(session, review.id, FREEZE, person_id=None)
    with store.read() as session:
        (stored,) = list_all_records(session, review.id)
        assert stored.record.abstract is None
    admit(store, review, dt.date(2026, 3, 1))
    with store.read() as session:
        (stored,) = list_all_records(session, review.id)
        assert stored.record.abstract == "Here it is, about children."
        assert stored.record.flags == ()
        found, _ = record_listing.list_records(
            session, review.id, record_listing.RecordFilter(text="children"), offset=0, limit=5
        )
        assert found == 1


@pytest.mark.usefixtures("quick_encoder")
def test_scoring_the_pool_does_not_change_the_order_of_the_queue(
    store: Store, settings: Settings, frozen: ReviewInfo, person: PersonInfo
) -> None:
    more = {str(n): f"Report {n} on children and social work number {n}" for n in range(10, 30)}
    add(store, frozen, more, BEFORE, source="a")
    with store.read() as session:
        reports = sorted(list_active_reports(session, frozen.id))
    for report in reports[:4]:
        deciding.record_decision(
            store,
            frozen.id,
            person.id,
            decisions.NewDecision(
                token=f"s{report}",
                report_id=report,
                decision="exclude" if report == reports[2] else "include",
            ),
        )
    before = Ranker(store, settings).rank(frozen.id)
    late = {"91": "Family hubs once more, and health visitors", "92": "Phosphorus in bogs again"}
    add(store, frozen, late, AFTER, source="b")
    waiting = WaitingTexts()
    ranker = Ranker(store, settings, waiting)
    with store.read() as session:
        assert rankings.list_reviews_to_rank(session) == []
        assert pool_scores.list_pools_to_score(session) == [frozen.id]
    assert pool_scores.score_pool(ranker, store, frozen.id) is None
    with store.read() as session:
        assert pool_scores.list_pools_to_score(session) == [frozen.id], (
            "the work that waits for the encoder still has to be done"
        )
    piece = waiting.take(0)
    assert piece is not None
    assert len(piece.texts) == 2
    ranker.features.vectors.vectors(piece.texts)
    waiting.finish(piece)
    assert waiting.take(0) is None
    scores = pool_scores.score_pool(ranker, store, frozen.id)
    assert scores is not None
    with store.read() as session:
        assert pool_scores.list_pools_to_score(session) == []
        assert set(scores) == set(pool.list_reports(session, frozen.id))
        assert pool_scores.get_scores(session, frozen.id) == pytest.approx(scores)
    after = ranker.rank(frozen.id)
    assert before is not None
    assert after is not None
    assert after.order_hash == before.order_hash


def test_the_api_and_the_pages_show_and_admit_the_pool(
    client: TestClient, store: Store, frozen: ReviewInfo
) -> None:
    add(store, frozen, {"81": "A late study of family support"}, AFTER, source="b")
    address = f"/api/v1/reviews/{frozen.slug}"
    found = client.get(f"{address}/pool").json()
    assert (found["freeze_on"], found["next"], len(found["waiting"])) == (
        FREEZE.isoformat(),
        "top-up",
        1,
    )
    assert "A late study of family support" in client.get(f"/reviews/{frozen.slug}/pool").text
    incoming = client.get(f"/reviews/{frozen.slug}/records", params={"standing": "pool"})
    assert incoming.status_code == 200
    assert "A late study of family support" in incoming.text
    listed = client.get(f"{address}/records", params={"standing": "pool"}).json()
    assert [record["title"] for record in listed["records"]] == ["A late study of family support"]
    made = client.post(f"{address}/pool/admissions", json={})
    assert (made.status_code, made.json()["name"]) == (201, "top-up 1")
    refused = client.put(f"{address}/pool/rule", json={"rule": "each fortnight"})
    assert refused.status_code == 422
    assert "each Monday" in refused.json()["error"]["remedy"]
    refused = client.put(f"{address}/schedule", json={"on": True, "zone": "Mars/Olympus"})
    assert refused.status_code == 422
    shown = client.post(
        f"/reviews/{frozen.slug}/nights/schedule",
        data={"cron": "* * * * *", "zone": "UTC", "whole_days": "28", "on": "yes"},
    )
    assert shown.status_code == 422
    assert "comes due again after 1 minute;" in shown.text
    assert client.get(f"{address}/versions").json()["total"]["not_screened"] == 4
    refused = client.post(f"{address}/versions", json={})
    assert refused.status_code == 409


def test_a_rule_without_a_freeze_date_is_refused_by_the_api_and_by_the_page(
    client: TestClient, store: Store, review: ReviewInfo
) -> None:
    rule = {"rule": "each Monday"}
    refused = client.put(f"/api/v1/reviews/{review.slug}/pool/rule", json=rule)
    assert refused.status_code == 409
    assert "PUT /api/v1/reviews/{slug}/pool/freeze" in refused.json()["error"]["remedy"]
    shown = client.post(f"/reviews/{review.slug}/pool/rule", data=rule)
    assert shown.status_code == 409
    assert "Set the search freeze date on this page first." in shown.text
    with store.read() as session:
        assert pooling.get_admission_rule(reviews.get_review(session, review.id)) is None


def test_the_freeze_date_stays_while_a_rule_needs_it(
    client: TestClient, store: Store, frozen: ReviewInfo, person: PersonInfo
) -> None:
    address = f"/api/v1/reviews/{frozen.slug}/pool"
    assert client.put(f"{address}/rule", json={"rule": "each Monday"}).is_success
    refused = client.put(f"{address}/freeze", json={"freeze_on": None})
    assert refused.status_code == 409
    assert "remove the rule first" in refused.json()["error"]["message"]
    assert client.put(f"{address}/rule", json={"rule": None}).is_success
    assert client.put(f"{address}/freeze", json={"freeze_on": None}).is_success


def test_an_admission_or_completion_that_fails_half_way_leaves_no_trace(
    store: Store, frozen: ReviewInfo, person: PersonInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, frozen, {"81": "A late study of family support"}, AFTER, source="b")

    def state() -> tuple[object, ...]:
        with store.read() as session:
            return (
                flow.count_flow(session, frozen.id),
                pool.count_records(session, frozen.id),
                record_counts.count_reports(session, frozen.id),
                admissions.list_admissions(session, frozen.id),
                review_versions.list_versions(session, frozen.id),
            )

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = state()
    day = dt.date(2026, 3, 1)
    with monkeypatch.context() as patched:
        # The last thing that each does, when all its rows are written.
        patched.setattr(admissions.audit, "append_event", die)
        with pytest.raises(KeyboardInterrupt):
            admit(store, frozen, day)
        assert state() == before
        with pytest.raises(KeyboardInterrupt):
            versions.complete_version(
                store, frozen.id, person_id=person.id, unread_reason="no time was left"
            )
        assert state() == before
    admit(store, frozen, day)
    assert state() != before
