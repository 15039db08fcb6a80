"""Runs: every page is stored with its records; they stop, resume, reconcile and wait."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading

import pytest
from sqlalchemy import func, select, update

from api.protocol import ProtocolBody
from api.refusals import Blocked
from api.services.searching import (
    accepting,
    harvesting,
    replaying,
    run_starts,
    sources,
    strategies,
)
from api.services.searching.accepting import NewReplacement
from api.services.searching.harvesting import WalkOptions
from api.services.searching.losses import group_blocking
from benchmarks import harvest_kills
from harvest.errors import StrategyError
from harvest.sources import europepmc_json
from store.core import raw
from store.core.errors import Conflict, NotFound
from store.core.tables import Batch, RecordRow, Run, Search, StrategyRow
from store.reports import record_counts, record_listing, record_texts, records
from store.reviews import reviews
from store.reviews.reviews import NewReview
from store.screening import decisions, rankings
from store.searching import flow, gold, searches
from store.searching import strategies as stored
from store.searching.runs import run_endings, run_pages, run_progress, runs
from tests.api.corpus import until
from tests.api.harvests import STRATEGY, Bench


@pytest.mark.parametrize("source", ["pubmed", "europepmc", "openalex"])
def test_a_run_adds_all_records_to_the_queue_and_its_counts_agree(at: Bench, source: str) -> None:
    run = at.run(source)
    assert (run.state, run.held, run.cursor) == ("complete", False, None)
    assert run.reported is not None
    assert run.reported == run.received == run.unique > 50
    assert run.new + run.filtered == run.unique
    assert (run.rejected, run.missing, run.shortfall) == (0, 0, 0)
    assert run.understood
    with at.store.read() as session:
        kept = record_counts.count_reports(session, at.review.id)
        assert kept.records == kept.reports == run.new
        found = flow.count_flow(session, at.review.id)
        assert found.identified == run.unique
        assert (found.not_screened, found.filtered) == (run.new, run.filtered)
        assert found.waiting == 0
        search = searches.get_search(session, at.review.id, run.search_id)
        assert (search.reported, search.received, search.gap) == (run.reported, run.unique, 0)
        lines = stored.list_hits(session, run.strategy_id, run_id=run.id)
        assert [h.line for h in lines] == ["1", "2", "3"]
        assert lines[-1].hits == run.reported
        page = next(
            p for p in run_pages.list_pages(session, run.id) if p.about["kind"] == "records"
        )
        body = b"".join(raw.read_batch(session, page.batch_id))
        assert body[:1] in (b"<", b"{")


def test_records_that_only_the_broader_query_finds_are_filtered_and_can_be_read(at: Bench) -> None:
    run = at.run("europepmc")
    assert 0 < run.filtered < run.unique
    with at.store.read() as session:
        ids = record_listing.list_filtered_record_ids(session, at.review.id)
        assert len(ids) == run.filtered
        chosen = records.get_record(session, at.review.id, ids[0])
        # It has the words but not the phrase.
        text = f"{chosen.record.title} {chosen.record.abstract}".lower()
        assert "social work" not in text
        assert "safeguarding" not in text
        listed, _ = record_listing.list_records(
            session,
            at.review.id,
            record_listing.RecordFilter(standing="filtered"),
            offset=0,
            limit=10,
        )
        assert listed == run.filtered
    # PubMed runs the strategy unchanged, so none of its records are filtered.
    assert at.run("pubmed").filtered == 0


def test_a_filtered_copy_of_a_kept_record_is_a_duplicate(at: Bench) -> None:
    run = at.run("europepmc")
    at.save(STRATEGY.replace("safeguarding", "landlord[tiab] OR safeguarding"))
    again = at.run("europepmc")
    assert again.search_id != run.search_id
    with at.store.read() as session:
        found = flow.count_flow(session, at.review.id)
    # The improved strategy keeps some records that the first one filtered.
    assert found.filtered < run.filtered
    assert found.identified == run.unique + again.unique
    assert found.identified == (
        found.rejected + found.filtered + found.duplicates + found.screened + found.not_screened
    )


def test_screened_records_are_never_filtered(at: Bench) -> None:
    run = at.run("europepmc")
    with at.store.write() as session:
        every = list(record_texts.list_report_texts(session, at.review.id))
        for text in every:
            new = decisions.NewDecision(
                token=f"t{text.report_id}", report_id=text.report_id, decision="exclude"
            )
            decisions.record_decision(session, at.review.id, at.person.id, new)
    at.save('#1 "family court*"[tiab]', accepted=False)
    later = at.run("europepmc")
    assert later.unique > 0
    with at.store.read() as session:
        found = flow.count_flow(session, at.review.id)
    assert found.screened == len(every) == run.new


def test_a_repeated_search_adds_only_new_records(at: Bench) -> None:
    first = at.run()
    with at.store.read() as session:
        before = flow.count_flow(session, at.review.id)
    again = at.run()
    assert (again.search_id, again.new, again.same) == (first.search_id, 0, first.unique)
    with at.store.read() as session:
        assert flow.count_flow(session, at.review.id) == before
    fewer = at.server.world.articles
    at.server.world.articles = [
        *fewer,
        dataclasses.replace(fewer[0], number=5000, title="Safeguarding children", abstract=None),
    ]
    at.server.forget()
    third = at.run()
    assert (third.new, third.same) == (1, first.unique)
    with at.store.read() as session:
        assert flow.count_flow(session, at.review.id).identified == before.identified + 1


def test_a_failed_run_continues_where_it_stopped(at: Bench) -> None:
    whole = at.run()
    at.save(STRATEGY + "\n")
    at.fault("pubmed", "broken", at=3, times=2, service="efetch.fcgi")
    run = at.run()
    assert run.state == "failed"
    assert "status 500" in str(run.stop_reason)
    with at.store.read() as session:
        # What has arrived so far is stored and waits.
        assert flow.count_flow(session, at.review.id).identified > whole.unique
    asked = len(at.server.world.asked["pubmed"])
    at.mend()
    ended = at.walk(run.id)
    assert (ended.state, ended.unique, ended.pages) == ("complete", whole.unique, whole.pages)
    # No line was counted again and no page fetched twice.
    assert len(at.server.world.asked["pubmed"]) - asked < whole.pages
    with pytest.raises(Conflict, match="has ended"):
        at.walk(run.id)


def test_records_of_an_open_run_wait_and_are_counted(at: Bench) -> None:
    at.fault("pubmed", "broken", at=3, times=2, service="efetch.fcgi")
    run = at.run()
    with at.store.read() as session:
        assert record_counts.count_reports(session, at.review.id).reports == 0
        found = flow.count_flow(session, at.review.id)
        assert found.waiting == found.not_screened == run.unique > 0
    with at.store.write() as session:
        run_endings.release_run(
            session, run.id, at.review.id, reason="no time left", person_id=at.person.id
        )
    ended = at.info(run.id)
    assert (ended.state, ended.released_reason) == ("incomplete", "no time left")
    assert any("ended before its end" in problem for problem in ended.problems)
    with at.store.read() as session:
        assert record_counts.count_reports(session, at.review.id).reports == run.unique


def test_waiting_records_make_no_ranking_due(at: Bench) -> None:
    at.fault("pubmed", "broken", at=3, times=2, service="efetch.fcgi")
    run = at.run()
    with at.store.write() as session:
        reviews.request_ranking(session, at.review.id)
    with at.store.read() as session:
        assert rankings.list_reviews_to_rank(session) == []
    at.mend()
    at.walk(run.id)
    with at.store.read() as session:
        assert rankings.list_reviews_to_rank(session) == [at.review.id]


def test_a_person_can_stop_a_run(at: Bench) -> None:
    third_page = at.server.world.hold("efetch.fcgi", at=3)
    run_id = at.begin()
    thread = threading.Thread(target=at.walk, args=(run_id,))
    thread.start()
    third_page.wait_for_request()
    with at.store.write() as session:
        run_progress.stop_run(session, run_id, at.review.id, person_id=at.person.id)
    third_page.open()
    thread.join(timeout=30)
    stopped = at.info(run_id)
    assert stopped.state == "stopped"
    assert at.walk(run_id).state == "complete"


def test_stopping_a_run_does_not_stop_the_others(at: Bench) -> None:
    second_page = at.server.world.hold("efetch.fcgi", at=2)
    stop = threading.Event()
    numbers = [at.begin("pubmed"), at.begin("europepmc")]
    threads = [
        threading.Thread(
            target=harvesting.walk_run,
            args=(at.store, at.settings, number, WalkOptions(stop=stop)),
        )
        for number in numbers
    ]
    for thread in threads:
        thread.start()
    until(lambda: all(at.info(number).pages for number in numbers))
    with at.store.write() as session:
        run_progress.stop_run(session, numbers[0], at.review.id, person_id=at.person.id)
    second_page.open()
    for thread in threads:
        thread.join(timeout=60)
    assert [at.info(number).state for number in numbers] == ["stopped", "complete"]
    assert not stop.is_set()


def test_two_processes_on_one_run_store_nothing_twice(at: Bench) -> None:
    # The first process waits for its third page while the second one takes over.
    third_page = at.server.world.hold("efetch.fcgi", at=3, times=1)
    run_id = at.begin()
    first = threading.Thread(target=at.walk, args=(run_id,))
    first.start()
    third_page.wait_for_request()
    # A worker leaves it alone; a person can resume it.
    assert (
        harvesting.walk_run(at.store, at.settings, run_id, WalkOptions(due_only=True)).owner
        == at.info(run_id).owner
    )
    ended = at.walk(run_id)
    third_page.open()
    first.join(timeout=30)
    assert ended.state == "complete"
    assert at.info(run_id).received == ended.received
    assert ended.received == ended.unique == ended.reported


def test_abandoned_runs_are_due(at: Bench) -> None:
    run_id = at.begin()
    with at.store.read() as session:
        assert list(run_progress.get_due_sources(session)) == [run_id]
    with at.store.write() as session:
        run_progress.claim_run(session, run_id, "somebody", due_only=True)
    with at.store.read() as session:
        assert list(run_progress.get_due_sources(session)) == []
    with at.store.write() as session:
        session.execute(update(Run).values(heartbeat_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)))
    with at.store.read() as session:
        assert list(run_progress.get_due_sources(session)) == [run_id]


def test_a_narrowing_loss_blocks_a_search_until_it_is_accepted_or_replaced(at: Bench) -> None:
    at.save(
        '#1 barnahus[tiab] OR "Child Welfare"[mesh] OR "Foster Home Care"[mesh]', accepted=False
    )
    for source, kind in (("openalex", "thesaurus"), ("europepmc", "explosion")):
        with pytest.raises(Blocked, match=kind) as caught:
            at.begin(source)
        assert (caught.value.source, caught.value.kinds) == (source, (kind,))
        # Advice for the browser differs from advice for the terminal.
        assert "winnow" not in f"{caught.value} {caught.value.remedy}"
    with pytest.raises(StrategyError, match="no narrowing loss") as refused:
        at.accept("openalex", "explosion")
    assert "thesaurus" in refused.value.remedy
    # Accepting one leaf does not accept the other.
    assert at.accept("openalex", "thesaurus", '"Child Welfare"[mesh]') == 1
    with pytest.raises(Blocked):
        at.begin("openalex")
    replacement = NewReplacement(
        source="openalex",
        leaf='"Foster Home Care"[mesh]',
        other='"foster care"[tiab]',
        reason="the words authors use",
    )
    replaced = accepting.replace_leaf(at.store, at.review.id, replacement, person_id=at.person.id)
    assert not replaced.blocked
    # A loss accepted for the version before still counts, because the leaf is the same.
    run = at.run("openalex")
    assert (run.version, run.state) == (replaced.version, "complete")
    assert '"foster care"' in run.queries[0]


def test_several_runs_start_together_or_not_at_all(at: Bench) -> None:
    at.save('#1 barnahus[tiab] OR "Child Welfare"[mesh]', accepted=False)
    names = ("pubmed", "europepmc")
    with pytest.raises(Blocked, match="europepmc"):
        run_starts.start_runs(at.store, at.settings, at.review.id, *names, searcher=at.person)
    with at.store.read() as session:
        assert runs.list_runs(session, at.review.id) == []
        assert searches.list_searches(session, at.review.id) == []
    at.accept("europepmc", "explosion")
    begun = run_starts.start_runs(at.store, at.settings, at.review.id, *names, searcher=at.person)
    assert [at.info(number).source for number in begun] == list(names)


def test_an_acceptance_ends_when_its_line_changes(at: Bench) -> None:
    with at.store.read() as session:
        (first,) = stored.list_versions(session, at.review.id)
        assert len(first.acceptances) == 2
    at.save("#1 barnahus[tiab]", accepted=False)
    with at.store.read() as session:
        assert stored.get_version(session, at.review.id).acceptances == ()


def test_a_query_changed_by_pubmed_blocks_until_it_is_accepted_for_this_version(at: Bench) -> None:
    at.server.world.ignored_phrase = "safeguarding[tiab]"
    run = at.run()
    assert run.state == "blocked"
    assert run.pages == 0
    assert "phrase-ignored: safeguarding[tiab]" in str(run.stop_reason)
    with pytest.raises(StrategyError, match="one phrase at a time"):
        at.accept("pubmed", "phrase-ignored")
    at.accept("pubmed", "phrase-ignored", "another phrase")
    assert at.walk(run.id).state == "blocked"
    at.accept("pubmed", "phrase-ignored", "safeguarding[tiab]")
    assert at.walk(run.id).state == "complete"
    # A later version is searched again.
    at.save(STRATEGY.replace("families", "family"))
    assert at.run().state == "blocked"


def test_a_source_that_is_named_twice_is_searched_once(at: Bench) -> None:
    begun = run_starts.start_runs(
        at.store, at.settings, at.review.id, "pubmed", "pubmed", searcher=at.person
    )
    assert len(begun) == 1


def test_a_run_waits_if_its_filter_would_lose_a_known_relevant_record(at: Bench) -> None:
    plain = at.run("europepmc")
    with at.store.read() as session:
        gone = records.get_record(
            session, at.review.id, record_listing.list_filtered_record_ids(session, at.review.id)[0]
        )
    with at.store.write() as session:
        searches.withdraw_search(
            session, at.review.id, plain.search_id, reason="tried", person_id=at.person.id
        )
        gold.add_gold(
            session,
            at.review.id,
            [gold.NewGold(title=gone.record.title, doi=gone.record.doi)],
            list_name="known",
            person_id=at.person.id,
        )
        (known,) = gold.list_gold(session, at.review.id)
    run = at.run("europepmc")
    assert (run.state, run.held, run.gold_filtered) == ("complete", True, (known.id,))
    with at.store.read() as session:
        assert record_counts.count_reports(session, at.review.id).reports == 0
        assert flow.count_flow(session, at.review.id).waiting == run.unique - run.filtered
    with at.store.write() as session:
        run_endings.release_run(
            session, run.id, at.review.id, reason="it is not a study", person_id=at.person.id
        )
    with at.store.read() as session:
        assert (
            record_counts.count_reports(session, at.review.id).reports == run.unique - run.filtered
        )
    with at.store.write() as session, pytest.raises(Conflict, match="already"):
        run_endings.release_run(
            session, run.id, at.review.id, reason="again", person_id=at.person.id
        )


def test_records_that_are_listed_but_not_returned_make_a_run_incomplete(at: Bench) -> None:
    at.fault("pubmed", "partial", times=10**6, service="efetch.fcgi")
    run = at.run()
    # The first of each batch is missing; of these, asked for again, the first.
    assert (run.state, run.missing, run.rejected) == ("incomplete", 1, 1)
    assert run.shortfall == 1
    assert run.reported == run.unique + 1
    with at.store.read() as session:
        found = flow.count_flow(session, at.review.id)
        assert (found.rejected, found.identified) == (1, run.reported)
    at.mend()
    again = at.run()
    assert (again.state, again.new) == ("complete", 1)
    with at.store.read() as session:
        # The first run found the rejected entry, the second one the record.
        assert flow.count_flow(session, at.review.id).identified == run.reported + 1


@pytest.mark.parametrize("source", ["pubmed", "europepmc", "openalex"])
@pytest.mark.parametrize("kind", ["empty", "none"])
@pytest.mark.case("harvest", 2)
def test_a_page_without_its_records_stops_a_run_that_can_be_resumed(
    at: Bench, source: str, kind: str
) -> None:
    service = "efetch.fcgi" if source == "pubmed" and kind == "empty" else ""
    at.fault(source, kind, at=3 if service else 6, times=99, service=service)
    run = at.run(source)
    if source == "pubmed" and kind == "none":
        # Nothing but its lists can be without hits, and it lists once.
        assert run.state == "complete"
        return
    assert (run.state, run.shortfall > 0) == ("failed", True)
    assert "records that were due" in str(run.stop_reason)
    assert "Resume the run later" in str(run.stop_reason)
    # Still so: it is asked for the same page again, and nothing else.
    asked = len(at.server.world.asked[source])
    assert at.walk(run.id).state == "failed"
    assert len(at.server.world.asked[source]) - asked == 2
    at.mend()
    ended = at.walk(run.id)
    assert (ended.state, ended.reported, ended.problems) == ("complete", ended.unique, ())


@pytest.mark.case("harvest", 2)
def test_an_empty_list_of_pubmed_stops_a_run_that_can_be_resumed(at: Bench) -> None:
    # Three lines, the whole, and the list.
    at.fault("pubmed", "empty", at=5, times=2)
    run = at.run()
    assert (run.state, run.received) == ("failed", 0)
    at.mend()
    assert at.walk(run.id).state == "complete"


def test_a_list_that_stays_short_for_a_day_has_ended(at: Bench) -> None:
    at.fault("europepmc", "empty", at=6, times=99)
    run = at.run("europepmc")
    assert run.state == "failed"
    with at.store.write() as session:
        row = session.get_one(Run, run.id)
        since = dt.datetime.fromisoformat(str((row.cursor or {})["short_since"]))
        row.cursor = {**(row.cursor or {}), "short_since": str(since - dt.timedelta(hours=25))}
    ended = at.walk(run.id)
    assert (ended.state, ended.shortfall) == ("incomplete", (run.reported or 0) - run.unique)
    assert "but only" in ended.problems[0]


@pytest.mark.parametrize("source", ["europepmc", "openalex"])
@pytest.mark.case("harvest", 1)
def test_a_run_whose_place_expired_begins_again_by_itself(at: Bench, source: str) -> None:
    at.use_key()
    whole = at.run(source)
    with at.store.read() as session:
        before = flow.count_flow(session, at.review.id)
    at.save(STRATEGY + "\n")
    at.fault(source, "broken", at=len(at.server.world.asked[source]) + 7, times=2)
    run = at.run(source)
    assert run.state == "failed"
    assert 0 < run.unique < whole.unique
    at.mend()
    at.fault(source, "expired", at=len(at.server.world.asked[source]) + 1)
    ended = at.walk(run.id)
    assert (ended.state, ended.unique) == ("complete", whole.unique)
    assert ended.received == whole.unique + run.unique
    assert (ended.shortfall, ended.repeated) == (0, run.unique)
    (entry,) = ended.log
    assert "no longer knew the place" in entry
    assert "cursor" in entry
    with at.store.read() as session:
        after = flow.count_flow(session, at.review.id)
        # Nothing is counted twice: the second search found what the first had.
        assert after.identified == before.identified * 2
        assert after.duplicates == before.duplicates + before.identified


@pytest.mark.parametrize("source", ["europepmc", "openalex"])
def test_a_run_begins_again_once_and_then_fails_with_the_sources_words(
    at: Bench, source: str
) -> None:
    at.use_key()
    at.fault(source, "expired")
    run = at.run(source)
    assert run.state == "failed"
    assert "ursor" in str(run.stop_reason)
    assert len(run.log) == 1
    asked = len(at.server.world.asked[source])
    assert at.walk(run.id).state == "failed"
    # The refused place, the start, and the place after it.
    assert len(at.server.world.asked[source]) - asked == 3
    # A refusal at the start is about the query: it is sent once.
    at.mend()
    at.fault(source, "error")
    asked = len(at.server.world.asked[source])
    assert at.walk(run.id).state == "failed"
    assert len(at.server.world.asked[source]) - asked <= 2
    assert at.walk(run.id).state == "failed"
    assert len(at.server.world.asked[source]) - asked <= 3
    at.mend()
    assert at.walk(run.id).state == "complete"


def test_pubmed_keeps_no_place_that_could_expire(at: Bench) -> None:
    at.fault("pubmed", "broken", at=3, times=2, service="efetch.fcgi")
    run = at.run()
    assert run.state == "failed"
    assert not any("WebEnv" in values for _, values in at.server.world.asked["pubmed"])
    at.mend()
    assert at.walk(run.id).state == "complete"


@pytest.mark.case("harvest", 6)
def test_nothing_is_sent_until_a_spent_budget_is_renewed(at: Bench) -> None:
    at.fault("openalex", "budget", at=7)
    run = at.run("openalex")
    assert run.state == "failed"
    assert "allowance is used up" in str(run.stop_reason)
    asked = len(at.server.world.asked["openalex"])
    for _ in range(2):
        stopped = at.walk(run.id)
        assert stopped.state == "failed"
        assert "Nothing more was sent" in str(stopped.stop_reason)
        assert "UTC" in str(stopped.stop_reason)
    assert len(at.server.world.asked["openalex"]) == asked
    # A key has an allowance of its own.
    at.use_key()
    assert at.walk(run.id).state == "complete"


@pytest.mark.case("harvest", 3)
def test_a_run_that_needs_a_key_fails_before_it_fetches_anything(at: Bench) -> None:
    at.change_source("openalex", largest_without_key=25)
    run = at.run("openalex")
    assert (run.state, run.received) == ("failed", 0)
    assert "first 25 hits" in str(run.stop_reason)
    assert "https://openalex.org/settings/api" in str(run.stop_reason)
    assert not any("page" in values for _, values in at.server.world.asked["openalex"])
    at.use_key()
    assert at.walk(run.id).state == "complete"


def test_an_unreadable_page_is_kept_and_requested_again(at: Bench) -> None:
    at.fault("europepmc", "garbage", at=6, times=2)
    run = at.run("europepmc")
    assert run.state == "failed"
    assert "not JSON" in str(run.stop_reason)
    with at.store.read() as session:
        (marked,) = [p for p in run_pages.list_pages(session, run.id) if p.problem]
        assert b"maintenance" in b"".join(raw.read_batch(session, marked.batch_id))
    at.mend()
    ended = at.walk(run.id)
    assert (ended.state, ended.reported) == ("complete", ended.unique)


def test_a_corrected_parser_reads_stored_pages_again(
    at: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(europepmc_json, "_people", lambda _result: [])
        broken.setattr(europepmc_json, "_abstract", lambda text: text and text[:20])
        run = at.run("europepmc")
    with at.store.write() as session:
        every = record_texts.list_report_texts(session, at.review.id)
        new = decisions.NewDecision(token="a", report_id=every[0].report_id, decision="include")
        decisions.record_decision(session, at.review.id, at.person.id, new)
    asked = len(at.server.world.asked["europepmc"])
    done = replaying.replay_run(at.store, at.settings, run, person_id=at.person.id)
    assert len(at.server.world.asked["europepmc"]) == asked
    assert (done.records, done.unreadable) == (run.unique, 0)
    assert done.mended == run.unique
    with at.store.read() as session:
        mended = records.get_representatives(session, at.review.id, [every[0].report_id])
        record = mended[every[0].report_id].record
        assert record.authors
        assert len(record.abstract or "x" * 99) > 20
        found = flow.count_flow(session, at.review.id)
        assert (found.identified, found.screened) == (run.unique, 1)
    again = replaying.replay_run(at.store, at.settings, at.info(run.id), person_id=at.person.id)
    assert again.mended == 0
    after = at.info(run.id)
    assert (after.received, after.unique) == (run.received, run.unique)


def test_a_withdrawn_search_is_not_counted(at: Bench) -> None:
    run = at.run()
    with at.store.write() as session:
        gone = searches.withdraw_search(
            session, at.review.id, run.search_id, reason="wrong line", person_id=at.person.id
        )
        assert gone == run.unique
        assert flow.count_flow(session, at.review.id).identified == 0
        with pytest.raises(Conflict, match="already been withdrawn"):
            searches.withdraw_search(
                session, at.review.id, run.search_id, reason="again", person_id=at.person.id
            )
        with pytest.raises(NotFound):
            searches.withdraw_search(session, at.review.id, 999, reason="x", person_id=None)


def test_a_run_of_the_same_search_waits_for_the_first(at: Bench) -> None:
    at.begin()
    with pytest.raises(Conflict, match="has not ended"):
        at.begin()
    at.begin("europepmc")


def test_hits_are_counted_before_anything_is_fetched(at: Bench) -> None:
    with at.store.read() as session:
        current = strategies.get_current(session, at.review.id)
    with sources.open_sources(at.settings) as asked:
        for name in ("pubmed", "europepmc", "openalex"):
            adapter = asked.adapter(name)
            counted = [
                sources.count_line(adapter, current.strategy, line) for line in ("1", "2", "3")
            ]
            assert all(c.hits and c.hits > 0 for c in counted)
            opened = adapter.open(current.rendered(name).queries)
            cost = sources.estimate_cost(adapter, opened)
            assert cost.requests >= (opened.reported // adapter.config.page_size)
            if name == "openalex":
                assert cost.cost_usd == pytest.approx(cost.requests * 0.001)
                assert cost.budget_usd == 0.0997
        lost = group_blocking(
            strategies.CurrentStrategy(
                current.info, dataclasses.replace(current.strategy, acceptances=())
            )
            .rendered("openalex")
            .losses
        )
        hits = sources.count_lost_hits(asked.adapter("pubmed"), lost)
        assert hits == {"thesaurus": sum("Child" in a.headings for a in at.server.world.articles)}


def test_a_killed_harvest_ends_with_the_same_store() -> None:
    found = harvest_kills.kill_runs(2, size=600)
    assert (found["kills"], found["different"]) == (2, 0)
    assert found["pages"] > 10
    assert found["filtered"] > 0


def test_a_sum_over_overlapping_queries_is_not_reported_as_a_gap(at: Bench) -> None:
    run = at.run("openalex")
    with at.store.write() as session:
        session.execute(update(Run).values(at_most=True, reported=(run.reported or 0) + 50))
        session.execute(update(Search).values(reported=(run.reported or 0) + 50))
    with at.store.read() as session:
        (search,) = searches.list_searches(session, at.review.id)
    assert (search.at_most, search.gap) == (True, None)


def test_no_page_is_numbered_twice(at: Bench) -> None:
    run = at.run("openalex")
    with at.store.read() as session:
        numbers = session.scalars(select(Batch.number).where(Batch.run_id == run.id)).all()
        assert sorted(n for n in numbers if n) == list(range(1, run.pages + 1))
        assert session.scalar(select(func.count(RecordRow.id))) == run.unique


@pytest.mark.case("service", 3)
@pytest.mark.parametrize("body", ["x", {"lines": 7}, {}])
def test_a_run_whose_strategy_cannot_be_read_fails_with_a_sentence(at: Bench, body: object) -> None:
    run_id = at.begin()
    with at.store.write() as session:
        session.execute(update(StrategyRow).values(body=body))
    ended = at.walk(run_id)
    assert ended.state == "failed"
    assert "Save the strategy again, and start a new run." in (ended.stop_reason or "")


@pytest.mark.case("service", 3)
def test_a_run_whose_strategy_is_gone_fails_with_a_sentence(at: Bench) -> None:
    run_id = at.begin()
    # The database does not let the row go; to its own review it is gone as well if it is another's.
    with at.store.write() as session:
        new = NewReview("other", "Another", ProtocolBody().stored())
        other = reviews.create_review(session, new, person_id=at.person.id)
        session.execute(update(StrategyRow).values(review_id=other.id))
    ended = at.walk(run_id)
    assert ended.state == "failed"
    assert "the review has no strategy" in (ended.stop_reason or "")
