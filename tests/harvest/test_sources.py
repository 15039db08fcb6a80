"""The conformance suite: what every source must do, whatever its syntax."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from harvest.errors import (
    BudgetSpent,
    Interrupted,
    MalformedPage,
    QueryRefused,
    SourceRefused,
    SourceUnavailable,
)
from harvest.http import Response
from harvest.record import Record
from harvest.sources.registry import SOURCES, source
from tests.harvest.conformance import QUERIES, RECORDS, SIZE, Site, ids, rejected, site


@pytest.fixture(params=list(SOURCES))
def at(request: pytest.FixtureRequest) -> Iterator[Site]:
    with site(request.param) as made:
        yield made


def test_every_source_has_a_query_here_and_is_found_by_name(at: Site) -> None:
    assert set(QUERIES) == set(SOURCES) == set(RECORDS)
    with pytest.raises(ValueError, match="the sources are: pubmed"):
        source("scopus", None, at.source.config)  # type: ignore[arg-type] # refused before use


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


def test_a_page_in_part_leaves_no_silent_gap(at: Site) -> None:
    """PubMed keeps an article back, Europe PMC gives a short page, OpenAlex times out."""
    at.fault("partial", at=1, service=RECORDS[at.source.name])
    expected = at.source.open(at.many).reported
    # Of Europe PMC and OpenAlex the first request of that service is the count.
    at.server.world.faults[at.source.name][0].at += at.source.name != "pubmed"
    pages = at.walk()
    assert len(set(ids(pages))) + len(rejected(pages)) == expected
    if at.source.name == "pubmed":
        assert [entry.reason for entry in rejected(pages)] == ["asked for and not returned"]


def test_a_walk_that_ends_early_says_so(at: Site) -> None:
    at.fault("empty", at=3, times=10**6, service=RECORDS[at.source.name])
    expected = at.source.open(at.many).reported
    pages = at.walk()
    if at.source.name == "pubmed":
        assert len(ids(pages)) + len(rejected(pages)) == expected
        assert rejected(pages)
    else:
        assert len(ids(pages)) < expected
        assert "the walk ended after" in str(pages[-1].problem)


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
    assert len(at.asked) == 1
    assert caught.value.remedy


def test_a_time_out_is_asked_again(at: Site) -> None:
    at.source.config = at.source.config.model_copy(update={"timeout": 0.4})
    at.fault("hang", at=1)
    assert at.source.open(at.many).reported > 150
    assert len(at.asked) == 2


def test_a_page_that_stays_unreadable_is_kept_raw(at: Site) -> None:
    """PubMed's next batch can be asked for all the same; elsewhere the walk stops."""
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
    """What only PubMed does."""

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

    def test_slices_that_do_not_add_up_are_told(self) -> None:
        with site("pubmed", cap=30, largest_result=30) as cut:
            inner = cut.source._search  # type: ignore[attr-defined] # the adapter's own

            def short(query: str, **options: object) -> object:
                found, response = inner(query, **options)
                piece = options.get("piece")
                if isinstance(piece, list):
                    found.count = max(0, found.count - 1)
                return found, response

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
            assert any("one day holds" in str(page.problem) for page in pages)
            assert len(set(ids(pages))) < SIZE

    def test_what_pubmed_changed_in_a_query_is_a_warning(self) -> None:
        with site("pubmed") as at:
            at.server.world.ignored_phrase = "survey[tiab]"
            (warning,) = at.source.open(at.many).warnings
            assert (warning.kind, warning.phrase) == ("phrase-ignored", "survey[tiab]")


class TestOpenAlex:
    """What only OpenAlex does."""

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
