"""Runs of harvests: every page with its records, stopped and resumed, reconciled, held."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select, update

from api.refusals import Blocked
from api.services import harvesting, sources, strategies
from api.settings import Settings
from benchmarks import harvest_kills
from harvest.errors import StrategyError
from harvest.sources import europepmc_json
from store import decisions, flow, gold, rankings, raw, records, reviews, run_pages, runs, searches
from store import strategies as stored
from store.errors import Conflict, NotFound
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from store.tables import Batch, RecordRow, Run, Search
from tests.api.harvests import STRATEGY, Bench, bench


@pytest.fixture
def at(store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo) -> Iterator[Bench]:
    with bench(store, settings, review, person) as made:
        made.save()
        yield made


@pytest.mark.parametrize("source", ["pubmed", "europepmc", "openalex"])
def test_a_run_brings_everything_into_the_queue_and_is_reconciled(at: Bench, source: str) -> None:
    run = at.run(source)
    assert (run.state, run.held, run.cursor) == ("complete", False, None)
    assert run.reported is not None
    assert run.reported == run.received == run.unique > 50
    assert run.new + run.filtered == run.unique
    assert (run.rejected, run.missing, run.shortfall) == (0, 0, 0)
    assert run.understood
    with at.store.read() as session:
        kept = records.counts(session, at.review.id)
        assert kept.records == kept.reports == run.new
        found = flow.flow(session, at.review.id)
        assert found.identified == run.unique
        assert (found.not_screened, found.filtered) == (run.new, run.filtered)
        assert found.waiting == 0
        search = searches.by_id(session, at.review.id, run.search_id)
        assert (search.reported, search.received, search.gap) == (run.reported, run.unique, 0)
        lines = stored.hits(session, run.strategy_id, run_id=run.id)
        assert [h.line for h in lines] == ["1", "2", "3"]
        assert lines[-1].hits == run.reported
        page = next(p for p in run_pages.pages(session, run.id) if p.about["kind"] == "records")
        body = b"".join(raw.of_batch(session, page.batch_id))
        assert body[:1] in (b"<", b"{")


def test_what_a_broader_query_brought_is_filtered_counted_and_can_be_read(at: Bench) -> None:
    run = at.run("europepmc")
    assert 0 < run.filtered < run.unique
    with at.store.read() as session:
        ids = records.filtered_ids(session, at.review.id)
        assert len(ids) == run.filtered
        chosen = records.by_id(session, at.review.id, ids[0])
        # It has the words and not the phrase.
        text = f"{chosen.record.title} {chosen.record.abstract}".lower()
        assert "social work" not in text
        assert "safeguarding" not in text
        listed, _ = records.listing(
            session, at.review.id, records.Filter(standing="filtered"), offset=0, limit=10
        )
        assert listed == run.filtered
    # PubMed runs the strategy as it stands, so that nothing of it is filtered.
    assert at.run("pubmed").filtered == 0


def test_a_filtered_copy_of_a_kept_record_is_a_duplicate(at: Bench) -> None:
    run = at.run("europepmc")
    at.save(STRATEGY.replace("safeguarding", "landlord[tiab] OR safeguarding"))
    again = at.run("europepmc")
    assert again.search_id != run.search_id
    with at.store.read() as session:
        found = flow.flow(session, at.review.id)
    # The mended strategy keeps some of what the first one filtered.
    assert found.filtered < run.filtered
    assert found.identified == run.unique + again.unique
    assert found.identified == (
        found.rejected + found.filtered + found.duplicates + found.screened + found.not_screened
    )


def test_what_has_been_screened_is_never_filtered(at: Bench) -> None:
    run = at.run("europepmc")
    with at.store.write() as session:
        every = list(records.texts(session, at.review.id))
        for text in every:
            new = decisions.NewDecision(
                token=f"t{text.report_id}", report_id=text.report_id, decision="exclude"
            )
            decisions.record(session, at.review.id, at.person.id, new)
    at.save('#1 "family court*"[tiab]', accepted=False)
    later = at.run("europepmc")
    assert later.unique > 0
    with at.store.read() as session:
        found = flow.flow(session, at.review.id)
    assert found.screened == len(every) == run.new


def test_the_same_search_again_adds_only_what_is_new(at: Bench) -> None:
    first = at.run()
    with at.store.read() as session:
        before = flow.flow(session, at.review.id)
    again = at.run()
    assert (again.search_id, again.new, again.same) == (first.search_id, 0, first.unique)
    with at.store.read() as session:
        assert flow.flow(session, at.review.id) == before
    fewer = at.server.world.articles
    at.server.world.articles = [
        *fewer,
        dataclasses.replace(fewer[0], number=5000, title="Safeguarding children", abstract=None),
    ]
    at.server.forget()
    third = at.run()
    assert (third.new, third.same) == (1, first.unique)
    with at.store.read() as session:
        assert flow.flow(session, at.review.id).identified == before.identified + 1


def test_a_run_that_failed_goes_on_where_it_stopped(at: Bench) -> None:
    whole = at.run()
    at.save(STRATEGY + "\n")
    at.fault("pubmed", "broken", at=3, times=2, service="efetch.fcgi")
    run = at.run()
    assert run.state == "failed"
    assert "status 500" in str(run.stop_reason)
    with at.store.read() as session:
        # What came so far is stored and waits.
        assert flow.flow(session, at.review.id).identified > whole.unique
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
        assert records.counts(session, at.review.id).reports == 0
        found = flow.flow(session, at.review.id)
        assert found.waiting == found.not_screened == run.unique > 0
    with at.store.write() as session:
        runs.release(session, run.id, at.review.id, reason="no time left", person_id=at.person.id)
    ended = at.info(run.id)
    assert (ended.state, ended.released_reason) == ("incomplete", "no time left")
    assert any("ended before its end" in problem for problem in ended.problems)
    with at.store.read() as session:
        assert records.counts(session, at.review.id).reports == run.unique


def test_records_that_wait_make_no_ranking_due(at: Bench) -> None:
    at.fault("pubmed", "broken", at=3, times=2, service="efetch.fcgi")
    run = at.run()
    with at.store.write() as session:
        reviews.touch(session, at.review.id)
    with at.store.read() as session:
        assert rankings.due(session) == []
    at.mend()
    at.walk(run.id)
    with at.store.read() as session:
        assert rankings.due(session) == [at.review.id]


def test_a_person_can_stop_a_run(at: Bench) -> None:
    at.server.world.delay = 0.05
    run_id = at.begin()
    thread = threading.Thread(target=at.walk, args=(run_id,))
    thread.start()
    while at.info(run_id).pages < 2:
        pass
    with at.store.write() as session:
        runs.stop(session, run_id, at.review.id, person_id=at.person.id)
    thread.join(timeout=30)
    stopped = at.info(run_id)
    assert stopped.state == "stopped"
    at.server.world.delay = 0
    assert at.walk(run_id).state == "complete"


def test_a_run_that_is_stopped_does_not_stop_those_beside_it(at: Bench) -> None:
    at.server.world.delay = 0.05
    stop = threading.Event()
    numbers = [at.begin("pubmed"), at.begin("europepmc")]
    threads = [
        threading.Thread(
            target=harvesting.walk, args=(at.store, at.settings, number), kwargs={"stop": stop}
        )
        for number in numbers
    ]
    for thread in threads:
        thread.start()
    while not all(at.info(number).pages for number in numbers):
        pass
    with at.store.write() as session:
        runs.stop(session, numbers[0], at.review.id, person_id=at.person.id)
    for thread in threads:
        thread.join(timeout=60)
    assert [at.info(number).state for number in numbers] == ["stopped", "complete"]
    assert not stop.is_set()


def test_two_walkers_of_one_run_store_nothing_twice(at: Bench) -> None:
    at.server.world.delay = 0.03
    run_id = at.begin()
    first = threading.Thread(target=at.walk, args=(run_id,))
    first.start()
    while at.info(run_id).pages < 2:
        pass
    # A worker leaves it alone; a person who resumes it takes it over.
    assert (
        harvesting.walk(at.store, at.settings, run_id, due_only=True).owner == at.info(run_id).owner
    )
    ended = at.walk(run_id)
    first.join(timeout=30)
    assert ended.state == "complete"
    assert ended.received == ended.unique == ended.reported


def test_runs_that_were_left_are_due(at: Bench) -> None:
    run_id = at.begin()
    with at.store.read() as session:
        assert runs.due(session) == [run_id]
    with at.store.write() as session:
        runs.claim(session, run_id, "somebody", due_only=True)
    with at.store.read() as session:
        assert runs.due(session) == []
    with at.store.write() as session:
        session.execute(update(Run).values(heartbeat_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)))
    with at.store.read() as session:
        assert runs.due(session) == [run_id]


def test_a_narrowing_loss_blocks_until_it_is_accepted_or_mapped(at: Bench) -> None:
    at.save(
        '#1 barnahus[tiab] OR "Child Welfare"[mesh] OR "Foster Home Care"[mesh]', accepted=False
    )
    for source, kind in (("openalex", "thesaurus"), ("europepmc", "explosion")):
        with pytest.raises(Blocked, match=kind) as caught:
            at.begin(source)
        assert f"--source {source}" in caught.value.remedy
    with pytest.raises(StrategyError, match="no narrowing loss") as refused:
        at.accept("openalex", "explosion")
    assert "thesaurus" in refused.value.remedy
    # One leaf does not cover the other.
    assert at.accept("openalex", "thesaurus", '"Child Welfare"[mesh]') == 1
    with pytest.raises(Blocked):
        at.begin("openalex")
    with at.store.write() as session:
        version = strategies.map_leaf(
            session,
            at.review.id,
            source="openalex",
            leaf='"Foster Home Care"[mesh]',
            other='"foster care"[tiab]',
            reason="the words authors use",
            person_id=at.person.id,
        )
    # What was accepted of the version before holds for this one, in which it is the same.
    run = at.run("openalex")
    assert (run.version, run.state) == (version, "complete")
    assert '"foster care"' in run.queries[0]


def test_several_runs_begin_together_or_not_at_all(at: Bench) -> None:
    at.save('#1 barnahus[tiab] OR "Child Welfare"[mesh]', accepted=False)
    names = ("pubmed", "europepmc")
    with pytest.raises(Blocked, match="europepmc"):
        harvesting.begin(at.store, at.settings, at.review.id, *names, person_id=None, person=None)
    with at.store.read() as session:
        assert runs.everything(session, at.review.id) == []
        assert searches.everything(session, at.review.id) == []
    at.accept("europepmc", "explosion")
    begun = harvesting.begin(
        at.store, at.settings, at.review.id, *names, person_id=None, person=None
    )
    assert [at.info(number).source for number in begun] == list(names)


def test_acceptances_go_with_what_they_were_given_for(at: Bench) -> None:
    with at.store.read() as session:
        (first,) = stored.versions(session, at.review.id)
        assert len(first.acceptances) == 2
    at.save("#1 barnahus[tiab]", accepted=False)
    with at.store.read() as session:
        assert stored.version(session, at.review.id).acceptances == ()


def test_what_pubmed_changed_blocks_until_it_is_accepted_for_this_version(at: Bench) -> None:
    at.server.world.ignored_phrase = "safeguarding[tiab]"
    run = at.run()
    assert run.state == "blocked"
    assert run.pages == 0
    assert "phrase-ignored: safeguarding[tiab]" in str(run.stop_reason)
    with pytest.raises(StrategyError, match="phrase by phrase"):
        at.accept("pubmed", "phrase-ignored")
    at.accept("pubmed", "phrase-ignored", "another phrase")
    assert at.walk(run.id).state == "blocked"
    at.accept("pubmed", "phrase-ignored", "safeguarding[tiab]")
    assert at.walk(run.id).state == "complete"
    # A later version is asked for anew.
    at.save(STRATEGY.replace("families", "family"))
    assert at.run().state == "blocked"


def test_a_known_relevant_record_among_the_filtered_holds_the_run(at: Bench) -> None:
    plain = at.run("europepmc")
    with at.store.read() as session:
        gone = records.by_id(session, at.review.id, records.filtered_ids(session, at.review.id)[0])
    with at.store.write() as session:
        searches.withdraw_search(
            session, at.review.id, plain.search_id, reason="tried", person_id=at.person.id
        )
        gold.add(
            session,
            at.review.id,
            [gold.NewGold(title=gone.record.title, doi=gone.record.doi)],
            list_name="known",
            person_id=at.person.id,
        )
        (known,) = gold.everything(session, at.review.id)
    run = at.run("europepmc")
    assert (run.state, run.held, run.gold_filtered) == ("complete", True, (known.id,))
    with at.store.read() as session:
        assert records.counts(session, at.review.id).reports == 0
        assert flow.flow(session, at.review.id).waiting == run.unique - run.filtered
    with at.store.write() as session:
        runs.release(
            session, run.id, at.review.id, reason="it is not a study", person_id=at.person.id
        )
    with at.store.read() as session:
        assert records.counts(session, at.review.id).reports == run.unique - run.filtered
    with at.store.write() as session, pytest.raises(Conflict, match="already"):
        runs.release(session, run.id, at.review.id, reason="again", person_id=at.person.id)


def test_what_was_listed_and_not_given_makes_a_run_incomplete(at: Bench) -> None:
    at.fault("pubmed", "partial", at=1, service="efetch.fcgi")
    run = at.run()
    assert (run.state, run.missing, run.rejected) == ("incomplete", 1, 1)
    assert run.shortfall == 1
    assert run.reported == run.unique + 1
    with at.store.read() as session:
        found = flow.flow(session, at.review.id)
        assert (found.rejected, found.identified) == (1, run.reported)
    at.mend()
    again = at.run()
    assert (again.state, again.new) == ("complete", 1)
    with at.store.read() as session:
        # The rejected entry was identified by the first run, the record by the second.
        assert flow.flow(session, at.review.id).identified == run.reported + 1


@pytest.mark.parametrize("source", ["europepmc", "openalex"])
def test_a_walk_that_ends_early_is_incomplete(at: Bench, source: str) -> None:
    first = at.run(source)
    at.save(STRATEGY + "\n")
    at.fault(source, "empty", at=len(at.server.world.asked[source]) + 6, times=99)
    run = at.run(source)
    assert run.state == "incomplete"
    assert run.shortfall == (first.reported or 0) - run.unique > 0
    assert "the walk ended after" in run.problems[0]


def test_a_page_that_cannot_be_read_is_kept_and_asked_for_again(at: Bench) -> None:
    at.fault("europepmc", "garbage", at=6, times=2)
    run = at.run("europepmc")
    assert run.state == "failed"
    assert "not JSON" in str(run.stop_reason)
    with at.store.read() as session:
        (marked,) = [p for p in run_pages.pages(session, run.id) if p.problem]
        assert b"maintenance" in b"".join(raw.of_batch(session, marked.batch_id))
    at.mend()
    ended = at.walk(run.id)
    assert (ended.state, ended.reported) == ("complete", ended.unique)


def test_a_mended_parser_reads_stored_pages_again(
    at: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(europepmc_json, "_people", lambda _result: [])
        broken.setattr(europepmc_json, "_abstract", lambda text: text and text[:20])
        run = at.run("europepmc")
    with at.store.write() as session:
        every = records.texts(session, at.review.id)
        new = decisions.NewDecision(token="a", report_id=every[0].report_id, decision="include")
        decisions.record(session, at.review.id, at.person.id, new)
    asked = len(at.server.world.asked["europepmc"])
    done = harvesting.replay(at.store, at.settings, run, person_id=at.person.id)
    assert len(at.server.world.asked["europepmc"]) == asked
    assert (done.records, done.unreadable) == (run.unique, 0)
    assert done.mended == run.unique
    with at.store.read() as session:
        mended = records.by_reports(session, at.review.id, [every[0].report_id])
        record = mended[every[0].report_id].record
        assert record.authors
        assert len(record.abstract or "x" * 99) > 20
        found = flow.flow(session, at.review.id)
        assert (found.identified, found.screened) == (run.unique, 1)
    again = harvesting.replay(at.store, at.settings, at.info(run.id), person_id=at.person.id)
    assert again.mended == 0
    after = at.info(run.id)
    assert (after.received, after.unique) == (run.received, run.unique)


def test_a_withdrawn_search_leaves_the_counts(at: Bench) -> None:
    run = at.run()
    with at.store.write() as session:
        gone = searches.withdraw_search(
            session, at.review.id, run.search_id, reason="wrong line", person_id=at.person.id
        )
        assert gone == run.unique
        assert flow.flow(session, at.review.id).identified == 0
        with pytest.raises(Conflict, match="withdrawn already"):
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


def test_the_whole_is_counted_before_anything_is_fetched(at: Bench) -> None:
    with at.store.read() as session:
        current = strategies.current(session, at.review.id)
    with sources.client(at.settings) as client:
        for name in ("pubmed", "europepmc", "openalex"):
            adapter = sources.adapter(at.settings, client, name)
            counted = [
                sources.count_line(adapter, current.strategy, line) for line in ("1", "2", "3")
            ]
            assert all(c.hits and c.hits > 0 for c in counted)
            opened = adapter.open(current.rendered(name).queries)
            cost = sources.cost_of(adapter, opened)
            assert cost.requests >= (opened.reported // adapter.config.page_size)
            if name == "openalex":
                assert cost.dollars == pytest.approx(cost.requests * 0.001)
                assert cost.budget == 0.0997
        lost = strategies.narrowing(
            strategies.Current(current.info, dataclasses.replace(current.strategy, acceptances=()))
            .rendered("openalex")
            .losses
        )
        hits = sources.hits_of_lost(sources.adapter(at.settings, client, "pubmed"), lost)
        assert hits == {"thesaurus": sum("Child" in a.headings for a in at.server.world.articles)}


def test_a_killed_harvest_ends_with_the_same_store() -> None:
    found = harvest_kills.kill_runs(5, size=900)
    assert (found["kills"], found["different"]) == (5, 0)
    assert found["pages"] > 20
    assert found["filtered"] > 0


def test_a_sum_over_overlapping_queries_is_no_gap(at: Bench) -> None:
    run = at.run("openalex")
    with at.store.write() as session:
        session.execute(update(Run).values(at_most=True, reported=(run.reported or 0) + 50))
        session.execute(update(Search).values(reported=(run.reported or 0) + 50))
    with at.store.read() as session:
        (search,) = searches.everything(session, at.review.id)
    assert (search.at_most, search.gap) == (True, None)


def test_no_page_is_numbered_twice(at: Bench) -> None:
    run = at.run("openalex")
    with at.store.read() as session:
        numbers = session.scalars(select(Batch.number).where(Batch.run_id == run.id)).all()
        assert sorted(n for n in numbers if n) == list(range(1, run.pages + 1))
        assert session.scalar(select(func.count(RecordRow.id))) == run.unique
