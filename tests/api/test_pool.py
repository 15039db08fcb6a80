"""The pool: by the day of a search, admitted whole, never felt before; versions and updates."""

from __future__ import annotations

import datetime as dt

import pytest
from fastapi.testclient import TestClient

from api.services import deduplicating, pool_scores, pooling, screening, versions
from api.services.importing import key
from api.services.ranking import Ranker
from api.settings import Settings
from harvest.files.read import FileContent
from harvest.record import Record
from store import (
    admissions,
    completions,
    decisions,
    filing,
    flow,
    pairs,
    pool,
    queue,
    rankings,
    records,
    searches,
)
from store.errors import Conflict
from store.filing import FileInfo
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.store.made import content

FREEZE = dt.date(2026, 1, 5)
BEFORE, AFTER, LATER = "2026-01-01", "2026-01-10", "2026-02-01"


def add(
    store: Store, review: ReviewInfo, titles: dict[str, str], day: str | None, *, source: str
) -> int:
    """A file of records by id and title, of a search run on a day; gives the search."""
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
        search = searches.create(
            session,
            review.id,
            kind="file",
            person_id=None,
            fields={"source": source, "run_on": day},
        )
        entries = [
            key(
                r,
                source=source,
                source_id=r.accession or "",
                fallback=f"{made.sha256}#{r.position}",
                certain=True,
            )
            for r in made.records
        ]
        info = FileInfo("x", made.sha256, 1, "csv", {}, ())
        filing.add_batch(session, review.id, search, info, entries, (), person_id=None)
    deduplicating.deduplicate_new(store, review.id)
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
        pool.set_freeze(session, review.id, FREEZE, person_id=None)
    return review


def decide(store: Store, review: ReviewInfo, person: PersonInfo, *includes: int) -> None:
    """Decide everything in the queue; the reports named are included."""
    with store.write() as session:
        left = queue.lease(
            session, review.id, person.id, [], number=100, valid=dt.timedelta(minutes=1)
        )
    for place in left:
        new = decisions.NewDecision(
            token=f"d{place.report_id}",
            report_id=place.report_id,
            decision="include" if place.report_id in includes else "exclude",
        )
        screening.decide(store, review.id, person.id, new)


def state(store: Store, review: ReviewInfo) -> tuple[object, ...]:
    """What a reader of the review sees."""
    with store.read() as session:
        return (
            records.counts(session, review.id),
            flow.flow(session, review.id),
            records.copies(session, review.id),
            [s.received for s in searches.everything(session, review.id)][:1],
            deduplicating.questions(session, review.id),
        )


def test_what_waits_changes_nothing_and_joins_its_report_at_once(
    store: Store, frozen: ReviewInfo
) -> None:
    before = state(store, frozen)
    late = {"91": BASE["1"], "92": "Barnahus after ten years in Iceland and Sweden"}
    search = add(store, frozen, late, AFTER, source="b")
    assert state(store, frozen) == before
    with store.read() as session:
        (waiting,) = pool.by_search(session, frozen.id)
        inside = pool.records(session, frozen.id)
        shown = records.by_reports(session, frozen.id, list(set(inside.values())))
    assert (waiting.search_id, waiting.entries, waiting.new, waiting.copies) == (search, 2, 1, 1)
    assert sum(one.copies == 1 and one.active for one in shown.values()) == 1


def test_a_record_of_the_pool_joins_no_two_reports_before_it_is_admitted(
    store: Store, review: ReviewInfo
) -> None:
    one = add(store, review, {"1": BASE["1"]}, BEFORE, source="a")
    two = add(store, review, {"2": BASE["2"]}, BEFORE, source="a")
    assert one != two
    with store.write() as session:
        pool.set_freeze(session, review.id, FREEZE, person_id=None)
    before = state(store, review)
    add(store, review, {"3": "Another report altogether of care"}, AFTER, source="b")
    with store.read() as session:
        first, second, late = (r.id for r in records.everything_of(session, review.id))
    with store.write() as session:
        pairs.replace_by_rule(
            session,
            review.id,
            [late],
            [
                pairs.NewPair(first, late, "same", "made", "the same", None),
                pairs.NewPair(second, late, "same", "made", "the same", None),
            ],
            version="x",
        )
        deduplicating.regroup(session, [late])
    assert state(store, review) == before
    made = pooling.admit(
        store, review.id, dt.date.fromisoformat(AFTER), in_full=200, person_id=None
    )
    assert (made.records, made.reports) == (1, 0)
    with store.read() as session:
        assert records.counts(session, review.id).reports == 1
        assert flow.by_admission(session, review.id)[made.id].duplicates == 1


def test_a_file_goes_by_the_day_its_search_was_run_not_by_when_it_came(
    store: Store, frozen: ReviewInfo
) -> None:
    add(
        store,
        frozen,
        {"71": "Exported in time and imported late, of social care"},
        BEFORE,
        source="c",
    )
    with store.read() as session:
        assert pool.waiting(session, frozen.id) == 0
        assert records.counts(session, frozen.id).reports == 4
    search = add(
        store, frozen, {"72": "Nobody stated when this was searched for"}, None, source="d"
    )
    with store.read() as session:
        (waiting,) = pool.by_search(session, frozen.id)
    assert waiting.undated
    with store.write() as session:
        searches.edit(session, frozen.id, search, {"run_on": "2025"}, person_id=None)
        session.flush()
        pool.restate(session, frozen.id)
    with store.read() as session:
        assert pool.waiting(session, frozen.id) == 0


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
    ],
)
def test_a_date_that_is_stated_in_part_means_its_last_day(
    stated: str | None, day: str | None
) -> None:
    assert pool.latest_day(stated) == day


def test_an_undated_search_is_not_sent_to_the_pool_silently(
    store: Store, review: ReviewInfo
) -> None:
    search = add(store, review, BASE, None, source="a")
    with (
        pytest.raises(Conflict, match=f"when search {search} was run is not stated"),
        store.write() as session,
    ):
        pool.set_freeze(session, review.id, FREEZE, person_id=None)
    with store.write() as session:
        pool.assign(session, review.id, search, "review", reason="run in May", person_id=None)
        session.flush()
        pool.set_freeze(session, review.id, FREEZE, person_id=None)
    with store.read() as session:
        assert records.counts(session, review.id).reports == 3


def test_what_is_decided_does_not_go_back_to_the_pool(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    add(store, review, BASE, AFTER, source="a")
    decide(store, review, person)
    with (
        pytest.raises(Conflict, match="decided already"),
        store.write() as session,
    ):
        pool.set_freeze(session, review.id, FREEZE, person_id=None)
    with store.read() as session:
        assert pool.freeze(session, review.id) is None


def test_a_pool_is_admitted_up_to_a_day_and_the_rest_waits(
    store: Store, frozen: ReviewInfo
) -> None:
    add(store, frozen, {"81": "A first late study of family support"}, AFTER, source="b")
    add(store, frozen, {"82": "A second late study of safeguarding"}, LATER, source="b")
    made = pooling.admit(store, frozen.id, dt.date(2026, 1, 31), in_full=200, person_id=None)
    assert (made.name, made.records, made.reports, made.read_in_full) == ("top-up 1", 1, 1, True)
    with store.read() as session:
        assert [w.entries for w in pool.by_search(session, frozen.id)] == [1]
    with pytest.raises(Conflict, match="nothing waits"):
        pooling.admit(store, frozen.id, dt.date(2026, 1, 31), in_full=200, person_id=None)
    made = pooling.admit(store, frozen.id, dt.date(2026, 3, 1), in_full=0, person_id=None)
    assert (made.name, made.read_in_full) == ("top-up 2", False)


def test_one_urgent_record_comes_in_by_a_route_of_its_own(store: Store, frozen: ReviewInfo) -> None:
    add(store, frozen, {"81": "An urgent study of family support"}, AFTER, source="b")
    with store.read() as session:
        (record,) = pool.records(session, frozen.id)
    with store.write() as session:
        pool.bring(session, frozen.id, record, route="contact", reason="asked for", person_id=None)
    with store.read() as session:
        assert records.counts(session, frozen.id).reports == 4
        found = searches.everything(session, frozen.id)[-1]
        assert (found.kind, found.route, found.received) == ("other", "contact", 1)
    made = pooling.admit(store, frozen.id, dt.date(2026, 3, 1), in_full=200, person_id=None)
    with store.read() as session:
        apart = flow.by_admission(session, frozen.id)
    assert (apart[made.id].identified, apart[made.id].duplicates) == (1, 1)
    assert apart[flow.BASE].not_screened == 4


def test_what_waits_cannot_be_decided(store: Store, frozen: ReviewInfo, person: PersonInfo) -> None:
    add(store, frozen, {"81": "A late study of family support"}, AFTER, source="b")
    with store.read() as session:
        (report,) = pool.reports(session, frozen.id)
    new = decisions.NewDecision(token="x", report_id=report, decision="include")
    with pytest.raises(Conflict, match="waits in the pool"):
        screening.decide(store, frozen.id, person.id, new)
    pooling.admit(store, frozen.id, dt.date(2026, 3, 1), in_full=200, person_id=None)
    _, stored = screening.decide(store, frozen.id, person.id, new)
    assert stored


def test_a_completed_version_is_followed_by_updates(
    store: Store, frozen: ReviewInfo, person: PersonInfo
) -> None:
    with pytest.raises(Conflict, match="3 records are not screened"):
        versions.complete(store, frozen.id, person_id=person.id)
    with store.read() as session:
        first = min(records.live_reports(session, frozen.id))
    decide(store, frozen, person, first)
    made = versions.complete(store, frozen.id, person_id=person.id)
    assert (made.number, made.included, made.studies) == (1, 1, 1)
    with pytest.raises(Conflict, match="nothing to complete"):
        versions.complete(store, frozen.id, person_id=person.id)
    # A file of a search run before the freeze comes too late for a version with its counts.
    add(store, frozen, {"81": "Safeguarding after the version was completed"}, BEFORE, source="b")
    add(store, frozen, {"91": BASE["1"]}, AFTER, source="c")
    with store.read() as session:
        assert records.counts(session, frozen.id).reports == 3
        assert admissions.open_kind(session, frozen.id)[0] == "update"
    update = pooling.admit(store, frozen.id, dt.date(2026, 3, 1), in_full=200, person_id=None)
    assert (update.name, update.records, update.reports) == ("update 1", 2, 1)
    with store.read() as session:
        assert admissions.open_kind(session, frozen.id)[0] == "top-up"
        standing = versions.standing(session, frozen.id)
    assert standing.name == "update 1"
    assert standing.previous is not None
    assert (standing.previous.included, standing.under_way.duplicates) == (1, 1)
    decide(store, frozen, person)
    versions.complete(store, frozen.id, person_id=person.id)
    with store.read() as session:
        done = completions.everything(session, frozen.id)
    assert [each.number for each in done] == [1, 2]
    assert done[0].counts["identified"] == 3
    assert (done[1].counts["identified"], done[1].total["identified"]) == (2, 5)


def test_unread_records_are_left_with_a_reason_in_writing(
    store: Store, frozen: ReviewInfo, person: PersonInfo
) -> None:
    made = versions.complete(
        store, frozen.id, person_id=person.id, unread_reason="the commission was withdrawn"
    )
    assert made.total["not_screened"] == 3
    assert made.unread_reason == "the commission was withdrawn"


def test_a_field_that_was_empty_is_filled_at_the_admission(
    store: Store, review: ReviewInfo
) -> None:
    made = content([Record(1, title="No abstract as yet", accession="1")])
    for day, abstract in ((BEFORE, None), (AFTER, "Here it is, about children.")):
        with store.write() as session:
            search = searches.create(
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
            entry = key(record, source="a", source_id="1", fallback="f#1", certain=True)
            info = FileInfo(day, f"{made.sha256[:-2]}{day[-2:]}", 1, "csv", {}, ())
            filing.add_batch(session, review.id, search, info, [entry], (), person_id=None)
            if abstract is None:
                pool.set_freeze(session, review.id, FREEZE, person_id=None)
    with store.read() as session:
        (stored,) = records.everything_of(session, review.id)
        assert stored.record.abstract is None
    pooling.admit(store, review.id, dt.date(2026, 3, 1), in_full=200, person_id=None)
    with store.read() as session:
        (stored,) = records.everything_of(session, review.id)
        assert stored.record.abstract == "Here it is, about children."
        assert stored.record.flags == ()
        found, _ = records.listing(
            session, review.id, records.Filter(text="children"), offset=0, limit=5
        )
        assert found == 1


@pytest.mark.usefixtures("quick_encoder")
def test_scores_of_the_pool_leave_the_order_of_the_queue_alone(
    store: Store, settings: Settings, frozen: ReviewInfo, person: PersonInfo
) -> None:
    more = {str(n): f"Report {n} on children and social work number {n}" for n in range(10, 30)}
    add(store, frozen, more, BEFORE, source="a")
    with store.read() as session:
        reports = sorted(records.live_reports(session, frozen.id))
    for report in reports[:4]:
        screening.decide(
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
    ranker = Ranker(store, settings)
    with store.read() as session:
        assert rankings.due(session) == []
        assert pool_scores.due(session) == [frozen.id]
    assert pool_scores.make(ranker, store, frozen.id, between=lambda: False) is None
    with store.read() as session:
        assert pool_scores.due(session) == [frozen.id], "what was stopped is still to be done"
    turns: list[int] = []

    def between() -> bool:
        turns.append(len(ranker.due()))
        return True

    scores = pool_scores.make(ranker, store, frozen.id, between=between)
    assert turns == [0], "a worker ranks between the pieces that are encoded"
    assert scores is not None
    with store.read() as session:
        assert pool_scores.due(session) == []
        assert set(scores) == set(pool.reports(session, frozen.id))
        assert pool_scores.kept(session, frozen.id) == pytest.approx(scores)
    after = ranker.rank(frozen.id)
    assert before is not None
    assert after is not None
    assert after.order_hash == before.order_hash


def test_the_pool_over_the_api_and_its_pages(
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
    assert "comes due again after 1 minutes" in shown.text
    assert client.get(f"{address}/versions").json()["total"]["not_screened"] == 4
    refused = client.post(f"{address}/versions", json={})
    assert refused.status_code == 409


def test_an_admission_or_a_completion_that_ends_half_way_has_not_been(
    store: Store, frozen: ReviewInfo, person: PersonInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, frozen, {"81": "A late study of family support"}, AFTER, source="b")

    def state() -> tuple[object, ...]:
        with store.read() as session:
            return (
                flow.flow(session, frozen.id),
                pool.waiting(session, frozen.id),
                records.counts(session, frozen.id),
                admissions.everything(session, frozen.id),
                completions.everything(session, frozen.id),
            )

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = state()
    day = dt.date(2026, 3, 1)
    with monkeypatch.context() as patched:
        # The last thing that each does: all its rows are written by then.
        patched.setattr(admissions.audit, "append", die)
        with pytest.raises(KeyboardInterrupt):
            pooling.admit(store, frozen.id, day, in_full=200, person_id=None)
        assert state() == before
        with pytest.raises(KeyboardInterrupt):
            versions.complete(
                store, frozen.id, person_id=person.id, unread_reason="no time was left"
            )
        assert state() == before
    pooling.admit(store, frozen.id, day, in_full=200, person_id=None)
    assert state() != before
