"""The conformance suite: every source must pass it, whatever its syntax."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import logging
from collections.abc import Iterator

import pytest

from harvest.errors import (
    AskedToWait,
    BudgetSpent,
    Interrupted,
    KeyNeeded,
    MalformedPage,
    PlaceLost,
    QueryRefused,
    ShortPage,
    SourceRefused,
    SourceUnavailable,
)
from harvest.http import Response
from harvest.record import Record
from harvest.sources.registry import SOURCES, create_source
from harvest.sources.short_pages import count_drift, note_short_page
from tests.harvest.conformance import QUERIES, RECORDS, SIZE, Site, ids, rejected, site
from tests.loopback.corpus import corpus


# A key changes how OpenAlex is asked.
@pytest.fixture(params=[*SOURCES, "openalex with a key"])
def at(request: pytest.FixtureRequest) -> Iterator[Site]:
    name, _, key = request.param.partition(" with a ")
    with site(name, api_key="sesame-open" if key else "") as made:
        yield made


def test_every_source_has_a_query_here_and_is_found_by_name(at: Site) -> None:
    assert set(QUERIES) == set(SOURCES) == set(RECORDS)
    with pytest.raises(ValueError, match="the sources are: pubmed"):
        create_source("scopus", None, at.source.config)  # type: ignore[arg-type] # refused before use


def test_a_walk_brings_all_hits_once(at: Site) -> None:
    opened = at.source.open(at.many)
    pages = at.walk()
    assert opened.reported == len(ids(pages)) == len(set(ids(pages))) > 150
    assert not any(page.problem for page in pages)
    assert len([page for page in pages if page.entries]) >= 4
    assert opened.understood


def test_records_hold_what_the_source_says(at: Site) -> None:
    entry = next(e for p in at.walk() for e in p.entries if isinstance(e, Record) and e.abstract)
    assert entry.title
    assert entry.authors
    assert entry.year
    assert entry.doi == f"10.5555/winnow.{int(str(entry.pmid)) - 90_000_000}"
    assert entry.accession
    assert "p <0.05 was wanted" in str(entry.abstract)
    assert "<h4>" not in str(entry.abstract)


def test_nothing_found_is_told_as_nothing(at: Site) -> None:
    opened = at.source.open(at.none)
    assert (opened.reported, opened.cursor) == (0, None)


def test_a_walk_goes_on_from_any_page_in_another_process(at: Site) -> None:
    whole = ids(at.walk())
    first = at.walk(pages=2)
    assert first[-1].cursor is not None
    # The cursor is kept as JSON.
    rest = at.walk(json.loads(json.dumps(first[-1].cursor)))
    assert ids(first) + ids(rest) == whole


def test_a_page_is_read_again_without_the_network(at: Site) -> None:
    pages = at.walk()
    asked = len(at.asked)
    for page in pages:
        about = json.loads(json.dumps(dict(page.about)))
        assert at.source.read(page.body, about) == page.entries
    assert len(at.asked) == asked


def test_a_page_in_part_is_asked_for_again(at: Site) -> None:
    """PubMed leaves an article out, Europe PMC sends a short page, OpenAlex times out."""
    at.fault("partial", at=1, service=RECORDS[at.source.name])
    expected = at.source.open(at.many).reported
    # Of Europe PMC and OpenAlex the first request of that service is the count.
    at.server.world.faults[at.source.name][0].at += at.source.name != "pubmed"
    pages = at.walk()
    assert len(set(ids(pages))) == len(ids(pages)) == expected
    assert rejected(pages) == []
    assert not any(page.problem for page in pages)


@pytest.mark.parametrize(("kind", "page"), [("empty", 1), ("empty", 3), ("none", 3), ("stuck", 3)])
@pytest.mark.case("harvest", 2)
def test_a_page_that_comes_short_is_asked_for_again_and_then_is_an_outage(
    at: Site, kind: str, page: int
) -> None:
    service = "esearch.fcgi" if at.source.name == "pubmed" else RECORDS[at.source.name]
    by_mark = at.source.name == "europepmc" or at.source.config.api_key
    if kind == "stuck" and not by_mark:
        # There is no place in the list that the source could repeat.
        return
    whole = ids(at.walk())
    first = at.source.open(at.many).cursor
    assert first is not None
    if at.source.name == "pubmed":
        at.server.world.faults.clear()
        at.fault(kind, at=1, times=2, service=service)
        assert ids(at.walk(first)) == whole
    before = at.walk(first, pages=page - 1)
    cursor = before[-1].cursor if before else first
    if at.source.name == "pubmed" and page > 1:
        service = "efetch.fcgi"
        if kind == "none":
            return
    assert cursor is not None
    at.server.world.faults.clear()
    at.fault(kind, at=1, times=2, service=service)
    # Two attempts of three fail.
    assert ids(before) + ids(at.walk(cursor)) == whole
    at.server.world.faults.clear()
    at.fault(kind, service=service)
    asked = len(at.asked)
    with pytest.raises(ShortPage, match="that were due") as short:
        at.source.step(at.many, cursor)
    assert len(at.asked) == asked + 3
    assert not short.value.few
    # It goes on from the same place, as if nothing had happened.
    at.server.world.faults.clear()
    assert ids(before) + ids(at.walk(note_short_page(cursor))) == whole


def test_a_page_that_has_been_short_for_a_day_is_taken_as_it_is(at: Site) -> None:
    at.fault("empty", at=3, times=10**6, service=RECORDS[at.source.name])
    expected = at.source.open(at.many).reported
    cursor = at.source.open(at.many).cursor
    pages = []
    day_before = (dt.datetime.now(dt.UTC) - dt.timedelta(days=1)).isoformat()
    while cursor is not None:
        try:
            pages.append(at.source.step(at.many, cursor))
        except ShortPage:
            pages.append(at.source.step(at.many, {**cursor, "short_since": day_before}))
        cursor = pages[-1].cursor
        assert "short_since" not in (cursor or {})
    if at.source.name == "pubmed":
        assert len(ids(pages)) + len(rejected(pages)) == expected
        assert rejected(pages)
    else:
        assert len(ids(pages)) < expected
        assert "but only" in str(pages[-1].problem)


def test_a_list_that_ends_a_few_records_early_has_ended(at: Site) -> None:
    at.server.world.surplus = 2
    pages = at.walk()
    assert len(ids(pages)) == at.source.open(at.many).reported - 2
    assert "but only" in " ".join(str(page.problem) for page in pages)


@pytest.mark.parametrize("left", [SIZE - 2, SIZE * 19 // 20])
def test_a_total_that_falls_during_the_walk_is_no_outage(at: Site, left: int) -> None:
    first = at.walk(pages=2)
    at.server.world.articles = at.server.world.articles[:left]
    at.server.forget()
    pages = [*first, *at.walk(first[-1].cursor)]
    assert pages[-1].cursor is None
    assert len(set(ids(pages))) >= at.source.open(at.many).reported * 3 // 4


@pytest.mark.parametrize("page", [2, 4])
def test_a_place_that_expired_is_told_from_a_wrong_query(at: Site, page: int) -> None:
    whole = ids(at.walk())
    cursor = at.walk(pages=page)[-1].cursor
    assert cursor is not None
    at.fault("expired")
    if "mark" not in cursor:
        # Nothing is kept at the source.
        assert ids(at.walk(cursor)) == ids(at.walk(cursor))
        return
    with pytest.raises(PlaceLost, match="cursor") as lost:
        at.source.step(at.many, cursor)
    assert lost.value.repeated == cursor["came"]
    at.server.world.faults.clear()
    assert ids(at.walk(lost.value.start)) == whole
    # A refusal at the start is about the query.
    at.fault("error")
    with pytest.raises(QueryRefused):
        at.source.step(at.many, lost.value.start)


def test_an_error_in_a_body_of_status_200_is_an_error(at: Site) -> None:
    at.fault("error")
    with pytest.raises(QueryRefused):
        at.source.open(at.many)
    # What was refused is not sent again unchanged.
    assert len(at.asked) == 1


@pytest.mark.parametrize("kind", ["pace", "broken", "cut", "garbage"])
def test_what_passes_is_asked_again(at: Site, kind: str) -> None:
    whole = ids(at.walk())
    at.fault(kind, at=len(at.asked) + 3, times=2)
    assert ids(at.walk()) == whole


def test_too_many_requests_for_long_are_given_up(at: Site) -> None:
    at.fault("pace")
    with pytest.raises(SourceUnavailable):
        at.source.open(at.many)
    assert len(at.asked) == 3


def test_a_budget_that_is_spent_is_not_waited_for(at: Site) -> None:
    at.fault("budget")
    with pytest.raises(BudgetSpent) as caught:
        at.source.open(at.many)
    assert "Resume or try again from 20" in caught.value.remedy
    # Whatever is asked next, nothing is sent until the source's time.
    with pytest.raises(AskedToWait, match="used up"):
        at.source.open(at.none)
    assert len(at.asked) == 1


def test_a_wait_that_an_outage_asks_for_is_kept(at: Site) -> None:
    at.fault("later", at=1)
    with pytest.raises(SourceUnavailable, match="503"):
        at.source.open(at.many)
    with pytest.raises(AskedToWait, match="503"):
        at.source.open(at.many)
    assert len(at.asked) == 1


def test_a_refusal_without_a_key_says_where_to_get_one(at: Site) -> None:
    at.fault("forbidden")
    with pytest.raises(KeyNeeded, match="key") as needed:
        at.source.open(at.many)
    assert at.source.config.key_from in needed.value.remedy
    assert f"WINNOW_SOURCES__{at.source.name.upper()}__API_KEY" in needed.value.remedy


def test_a_time_out_is_asked_again(at: Site) -> None:
    at.source.config = at.source.config.model_copy(update={"timeout": 0.4})
    at.fault("hang", at=1)
    assert at.source.open(at.many).reported > 150
    assert len(at.asked) == 2


def test_a_page_that_stays_unreadable_is_kept_raw(at: Site) -> None:
    """PubMed's next batch can still be fetched; with other sources the walk stops."""
    cursor = at.source.open(at.many).cursor
    assert cursor is not None
    if at.source.name == "pubmed":
        at.fault("garbage", at=2, times=3, service="efetch.fcgi")
        pages = at.walk(cursor)
        marked = [page for page in pages if page.problem]
        assert len(marked) == 1
        assert marked[0].body.startswith(b"<html>")
        expected = at.source.open(at.many).reported
        assert len(ids(pages)) + len(rejected(pages)) == expected
        return
    at.fault("garbage")
    with pytest.raises(MalformedPage) as caught:
        at.source.step(at.many, cursor)
    assert caught.value.body.startswith(b"<html>")


def test_a_walk_can_be_cancelled(at: Site) -> None:
    cursor = at.source.open(at.many).cursor
    assert cursor is not None
    at.stop.set()
    with pytest.raises(Interrupted):
        at.source.step(at.many, cursor)


def test_secrets_stay_out_of_messages_and_logs(at: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    at.source.config = at.source.config.model_copy(update={"api_key": "sesame-open"})
    at.source.open(at.many)
    at.fault("error")
    with pytest.raises(SourceRefused) as caught:
        at.source.open(at.many)
    assert "sesame" not in caught.value.message + caught.value.remedy
    assert "sesame" not in caplog.text


def test_a_record_is_found_by_its_identifiers(at: Site) -> None:
    found = at.source.identifier_query("90000007", "10.5555/winnow.7")
    assert len(found) == 2
    assert [at.source.open([query]).reported for query in found] == [1, 1]
    assert at.source.identifier_query(None, None) == ()
    (query,) = at.source.identifier_query("90999999", None)
    assert at.source.open([query]).reported == 0


class TestPubMed:
    """Tests for PubMed alone."""

    @pytest.mark.case("harvest", 9)
    def test_a_record_that_was_listed_and_not_sent_is_asked_for_once_more_at_the_end(self) -> None:
        with site("pubmed") as at:
            whole = ids(at.walk())
            late, *never = whole[3], whole[90], whole[91]
            at.server.world.withheld = frozenset({late, *never})
            pages = at.walk(pages=3)
            assert rejected(pages) == []
            at.server.world.withheld = frozenset(never)
            # Another process goes on.
            pages += at.walk(json.loads(json.dumps(pages[-1].cursor)))
            assert sorted(ids(pages)) == sorted(set(whole) - set(never))
            assert [entry.excerpt for entry in rejected(pages)] == [f"PMID {n}" for n in never]
            asked = [values["id"] for service, values in at.asked if service == "efetch.fcgi"]
            assert asked[-1] == ",".join([late, *never])
            # In the first walk, in its batch, and once more.
            assert sum(never[0] in batch.split(",") for batch in asked) == 1 + 2

    def test_past_its_cap_results_are_listed_by_date(self) -> None:
        with site("pubmed") as whole:
            expected = sorted(ids(whole.walk()))
        with site("pubmed", cap=30, largest_result=30) as cut:
            pages = cut.walk()
            assert sorted(ids(pages)) == expected
            assert not any(page.problem for page in pages)
            kinds = [page.about["kind"] for page in pages]
            assert kinds.count("cut") >= 3
            assert kinds.count("listing") >= len(expected) / 30

    def test_slices_that_do_not_add_up_are_reported(self) -> None:
        with site("pubmed", cap=30, largest_result=30) as cut:
            inner = cut.source._search  # type: ignore[attr-defined] # the adapter's own

            def short(query: str, **options: object) -> object:
                search, response = inner(query, **options)
                if isinstance(options.get("part"), list):
                    search = dataclasses.replace(search, count=max(0, search.count - 1))
                return search, response

            cut.source._search = short  # type: ignore[attr-defined] # the adapter's own
            assert any("do not add up" in str(page.problem) for page in cut.walk())

    def test_a_day_over_the_cap_is_cut_by_facets(self) -> None:
        with site("pubmed", cap=100, largest_result=100) as cut:
            day = cut.server.world.articles[0].entered
            articles = [
                type(a)(**{f: getattr(a, f) for f in a.__slots__} | {"entered": day})
                for a in cut.server.world.articles
            ]
            cut.server.world.articles = articles
            pages = cut.walk()
            # By abstract and language the day falls into parts of which one is still too long.
            assert any("one day has" in str(page.problem) for page in pages)
            assert len(set(ids(pages))) < SIZE

    def test_what_pubmed_changed_in_a_query_is_a_warning(self) -> None:
        with site("pubmed") as at:
            at.server.world.ignored_phrase = "survey[tiab]"
            (warning,) = at.source.open(at.many).warnings
            assert (warning.kind, warning.phrase) == ("phrase-ignored", "survey[tiab]")


class TestOpenAlex:
    """Tests for OpenAlex alone."""

    @pytest.mark.case("harvest", 3)
    def test_without_a_key_pages_are_asked_for_by_number(self) -> None:
        with site("openalex") as at:
            opened = at.source.open(at.many)
            assert opened.key_needed is None
            at.walk()
            assert not any("cursor" in values for _, values in at.asked)
            assert [v["page"] for _, v in at.asked if "page" in v] == list("12345")

    def test_what_cannot_be_listed_without_a_key_is_said_before_anything_is_fetched(self) -> None:
        with site("openalex", largest_without_key=100) as at:
            at.server.world.by_number = 100
            opened = at.source.open(at.many)
            assert "the first 100 hits" in str(opened.key_needed)
            assert f"there are {opened.reported}" in str(opened.key_needed)
            assert opened.cursor is not None
            asked = len(at.asked)
            with pytest.raises(KeyNeeded, match="there are") as needed:
                at.source.step(at.many, opened.cursor)
            assert "https://openalex.org/settings/api" in needed.value.remedy
            assert len(at.asked) == asked
            # With a key the run goes on from there.
            key = {"api_key": "sesame-open"}
            at.source.config = at.source.config.model_copy(update=key)
            assert len(ids(at.walk(opened.cursor))) == opened.reported

    def test_a_list_that_grows_beyond_what_can_be_listed_says_so(self) -> None:
        with site("openalex", largest_without_key=200) as at:
            at.server.world.by_number = 200
            first = at.walk(pages=1)
            more = [dataclasses.replace(a, number=a.number + 5000) for a in corpus(SIZE)]
            at.server.world.articles = [*at.server.world.articles, *more]
            at.server.forget()
            pages = [*first, *at.walk(first[-1].cursor)]
            assert len(ids(pages)) == 200
            assert "but only 200 were received" in str(pages[-1].problem)

    def test_a_key_that_is_taken_away_lets_the_walk_begin_again_by_number(self) -> None:
        with site("openalex", api_key="sesame-open") as at:
            whole = ids(at.walk())
            cursor = at.walk(pages=2)[-1].cursor
            assert cursor is not None
            at.source.config = at.source.config.model_copy(update={"api_key": ""})
            asked = len(at.asked)
            with pytest.raises(PlaceLost, match="no API key is set any more") as lost:
                at.source.step(at.many, cursor)
            assert len(at.asked) == asked
            assert ids(at.walk(lost.value.start)) == whole

    def test_a_403_about_the_pace_is_no_missing_key(self) -> None:
        with site("openalex") as at:
            body = b'{"error":"Forbidden","message":"Rate limit exceeded"}'
            with pytest.raises(SourceUnavailable, match="too many requests"):
                at.source._judge(Response(403, {}, body, ""))  # type: ignore[attr-defined] # the adapter's own

    def test_a_budget_without_a_stated_time_is_renewed_at_midnight(self) -> None:
        with site("openalex") as at:
            body = b'{"error":"Insufficient budget"}'
            with pytest.raises(BudgetSpent, match="used up") as spent:
                at.source._judge(Response(429, {}, body, ""))  # type: ignore[attr-defined] # the adapter's own
            assert 0 < (spent.value.retry_after or 0) <= 24 * 3600
            assert "00:00 UTC" in spent.value.remedy

    def test_queries_are_joined(self) -> None:
        with site("openalex") as at:
            base = "title_and_abstract.search.exact:"
            at.many = (f"{base}study OR survey", f"{base}nowhereword", f"{base}evaluation OR study")
            opened = at.source.open(at.many)
            assert opened.at_most
            found = ids(at.walk())
            assert len(found) == opened.reported
            with site("openalex") as whole:
                assert set(found) == set(ids(whole.walk()))

    def test_a_page_that_times_out_is_asked_for_in_smaller_pieces(self) -> None:
        with site("openalex", page_size=100) as at:
            at.fault("partial", at=2, times=3)
            pages = at.walk()
            assert len(ids(pages)) == at.source.open(at.many).reported
            assert pages[0].cursor is not None
            assert pages[0].cursor["size"] == 50

    def test_a_plan_is_no_pace(self) -> None:
        with site("openalex") as at:
            body = b'{"error":"Plan upgrade required"}'
            with pytest.raises(BudgetSpent, match="plan"):
                at.source._judge(Response(429, {}, body, ""))  # type: ignore[attr-defined] # the adapter's own


@pytest.mark.parametrize(
    ("total", "few"), [(0, 0), (5, 0), (9, 0), (20, 2), (30, 3), (299, 3), (1000, 10)]
)
def test_a_list_may_lack_a_few_records_and_a_tiny_one_none(total: int, few: int) -> None:
    assert count_drift(total) == few
