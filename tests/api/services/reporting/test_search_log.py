"""The search log: all items of PRISMA-S for every search, from what was stored."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.documents import exports
from api.documents import search_log as document
from api.documents.exports import ExportChoice
from api.protocol import ProtocolBody, ProtocolLimits
from api.services.reporting import search_log
from api.services.reporting.screening_report import build_report
from api.services.reviews import protocols
from api.services.searching import search_methods, strategies
from api.services.searching.importing import ImportRequest, import_file
from api.settings import Settings
from store.core import audit
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, ReviewInfo
from store.searching import searches
from store.searching import strategies as stored
from tests.api.copies import A_BARE, A, arrive
from tests.api.harvests import Bench, bench
from tests.api.people import api_client, browser
from tests.store.builders import add_records

RIS = b"TY  - JOUR\nTI  - One | two\nAB  - Text\nER  - \n\nTY  - JOUR\nER  - \n"
LIMITED = """#1 child*[tiab] OR families[tiab] OR "Child"[mesh]
#2 "social work*"[tiab] OR "family court*"[tiab] OR safeguarding[tiab]
#3 #1 AND #2 AND 2009:2030[dp]
"""


@pytest.fixture
def at(store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo) -> Iterator[Bench]:
    with bench(store, settings, review, person, size=120) as made:
        made.save(LIMITED)
        with store.write() as session:
            info = stored.get_version(session, review.id)
            stored.set_peer_review(
                session, review.id, info.id, "PRESS, A. Librarian", person_id=person.id
            )
        for source in ("pubmed", "europepmc", "openalex"):
            made.run(source)
        for name, fields in (
            (
                "a.ris",
                {"source": "PsycINFO", "platform": "Ovid", "reported": 3, "run_on": "2026-11-01"},
            ),
            ("b.ris", {"source": "Reference lists", "route": "citation", "filters": "none"}),
        ):
            import_file(
                store,
                review.id,
                io.BytesIO(RIS + name.encode()),
                name,
                ImportRequest(search_fields=fields),
                person_id=person.id,
            )
        yield made


def log_of(at: Bench) -> search_log.Log:
    with at.store.read() as session:
        return search_log.build_log(session, at.review.id)


def test_every_search_answers_every_item_of_the_checklist(at: Bench) -> None:
    log = log_of(at)
    assert len(log.searches) == 5
    for search in log.searches:
        assert set(search.answers) == set(search_log.ITEMS) == set(range(1, 17))
        assert all(search.answers.values())
    pubmed, epmc, openalex, psycinfo, lists = log.searches
    assert pubmed.answers[1] == "PubMed, through NCBI E-utilities"
    assert pubmed.answers[14] == "PRESS, A. Librarian"
    assert '("2009"[dp] : "2030"[dp])' in pubmed.answers[9]
    assert [line.number for line in pubmed.lines] == ["1", "2", "3"]
    assert all(line.hits for line in pubmed.lines)
    assert [line.used for line in pubmed.lines] == [False, False, True]
    assert any(
        "explosion (the source finds less; accepted: the words are there), 1 term: " in x
        for x in epmc.losses
    )
    assert any("thesaurus" in x for x in openalex.losses)
    assert psycinfo.answers[15] == (
        "Records reported by the source: 3. Records received: 2, of which 1 unreadable. "
        "Difference: 1 missing (not explained)."
    )
    assert openalex.answers[15].endswith(
        f"of which {openalex.filtered:,} marked as ineligible by automation tools."
    )
    assert lists.answers[5] == "Reference lists"
    # It was said what kind of source it is, so it is known what it is not.
    assert lists.answers[3] == lists.answers[6] == "Does not apply: this is a citation search."
    assert pubmed.answers[3] == "Does not apply: this is a search of a database."
    assert lists.answers[15].startswith("Records reported by the source: not stated. Records rec")
    assert pubmed.answers[2] == "Searched on its own."


@pytest.mark.case("figures", 5)
def test_a_search_says_only_what_somebody_stated_or_winnow_measured(at: Bench) -> None:
    pubmed, _, _, psycinfo, _ = log_of(at).searches
    for item in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14):
        assert psycinfo.answers[item] == "Not stated.", item
    for item in (10, 11, 12):
        assert pubmed.answers[item] == "Not stated.", item
    # The protocol has no limit, so it is not the reason for the strategy's.
    assert pubmed.answers[9] == '("2009"[dp] : "2030"[dp]) (reason: not stated).'


def test_items_of_the_whole_review_follow_those_of_its_searches(at: Bench) -> None:
    log = log_of(at)
    assert "PubMed, through NCBI E-utilities; Europe PMC" in log.items[1]
    assert log.items[5] == "Reference lists."
    assert log.items[3] == "Not stated."
    assert log.items[2] == (
        "Not stated for searches 4, 5. Searches 1, 2, 3: each source was searched on its own."
    )
    assert log.items[8] == (
        "In full with searches 1, 2, 3 below, with hits per line where they are known; "
        "searches 4, 5: not stated."
    )
    assert log.items[14].startswith("Searches 1, 2, 3: PRESS, A. Librarian.")
    assert "Searches 4, 5: not stated." in log.items[14]
    counts = log.flow
    assert f"{counts.filtered:,} marked as ineligible by automation tools" in log.items[15]
    assert log.items[15].startswith(f"{counts.identified:,} records identified. Records removed ")
    # The protocol has no years, so no record was removed by them.
    assert "for other reasons (unreadable)" in log.items[15]
    assert "outside" not in log.items[15]
    assert counts.identified == sum(search.info.received for search in log.searches)


def test_the_markdown_gives_queries_and_results(at: Bench) -> None:
    text = document.as_markdown(log_of(at))
    with at.store.read() as session:
        current = strategies.get_current(session, at.review.id)
        for source in ("pubmed", "europepmc", "openalex"):
            for query in current.rendered(source).queries:
                assert query in text
    for number, name in search_log.ITEMS.items():
        assert f"{number}. **{name}.**" in text
    assert "| #3 | #1 AND #2 AND 2009:2030[dp] **(run)** |" in text
    assert text.count("**8. Full search strategy, as run**") == 3
    assert text.count("**8. Full search strategy**") == 2
    assert "Imported: a.ris (ris, SHA-256" in text


def test_the_table_has_a_row_per_search_and_a_column_per_item(at: Bench) -> None:
    text = document.as_csv(log_of(at))
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row["source"] for row in rows] == [
        "PubMed",
        "Europe PMC",
        "OpenAlex",
        "PsycINFO",
        "Reference lists",
    ]
    assert all(row["16 Deduplication"] for row in rows)
    assert rows[0]["hits_per_line"].startswith("#1: ")
    assert rows[3]["gap"] == "1"


def test_exports_obey_the_sources_terms(at: Bench) -> None:
    def rows(audience: str) -> list[dict[str, str]]:
        with at.store.read() as session:
            pieces = exports.export(
                session,
                at.review.id,
                "csv",
                ExportChoice(audience=audience),
                terms=at.settings.terms,
            )
            text = b"".join(pieces).decode()
        return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))

    team, public = rows("team"), rows("public")
    assert len(team) == len(public)
    sources = {source for row in team for source in row["source"].split("; ")}
    assert sources >= {"pubmed", "openalex", "reference-lists"}
    # OpenAlex is CC0; abstracts from PubMed and Europe PMC may be publishers'; a file does not say.
    # A report that OpenAlex also has is exported with the abstract from OpenAlex.
    told = [row["source"].split("; ") for row in public if row["abstract"]]
    assert told
    assert all("openalex" in sources for sources in told)
    assert any(len(sources) > 1 for sources in told)
    assert all(row["title"] for row in public)
    for row in team:
        own = [at.settings.terms.get(source) for source in row["source"].split("; ")]
        assert row["attribution"] == "; ".join(dict.fromkeys(t.attribution for t in own if t))
    with pytest.raises(ValueError, match="audience"):
        rows("everybody")


def test_fields_of_a_search_that_was_run_cannot_be_edited(at: Bench) -> None:
    (first, *_) = log_of(at).searches
    with at.store.write() as session:
        searches.update_search(
            session,
            at.review.id,
            first.info.id,
            {"filters": "none", "prior_work": "CELCIS 2022"},
            person_id=at.person.id,
        )
        with pytest.raises(ValueError, match="cannot be edited"):
            searches.update_search(
                session, at.review.id, first.info.id, {"reported": 9}, person_id=at.person.id
            )
    (first, *_) = log_of(at).searches
    assert (first.answers[10], first.answers[11]) == ("none", "CELCIS 2022")


def test_a_withdrawn_search_is_listed_separately(at: Bench) -> None:
    before = log_of(at)
    with at.store.write() as session:
        searches.withdraw_search(
            session,
            at.review.id,
            before.searches[0].info.id,
            reason="wrong line",
            person_id=at.person.id,
        )
    log = log_of(at)
    assert len(log.searches) == 4
    assert [search.number for search in log.withdrawn] == [1]
    assert "wrong line; not counted above" in document.as_markdown(log)
    assert "PubMed" not in log.items[1]


def test_an_empty_review_has_a_log(store: Store, review: ReviewInfo) -> None:
    with store.read() as session:
        log = search_log.build_log(session, review.id)
    assert log.items[1] == "No search yet."
    assert log.to_be_stated == ()
    # Nothing is measured yet, and nothing was deduplicated.
    assert log.items[15] == log.items[16] == "No search yet."
    assert len(document.as_csv(log).splitlines()) == 1


def test_the_log_is_shown_on_a_page_and_downloaded_in_two_formats(
    client: TestClient, review: ReviewInfo
) -> None:
    assert client.get(f"/reviews/{review.slug}/search-log.md").text.startswith("# Search log")
    answer = client.get(f"/reviews/{review.slug}/search-log.csv")
    assert "search-log.csv" in answer.headers["content-disposition"]
    assert client.get(f"/reviews/{review.slug}/search-log.pdf").status_code == 422


def bring(at: Bench, name: str, ris: str, **fields: object) -> None:
    import_file(
        at.store,
        at.review.id,
        io.BytesIO(ris.encode()),
        name,
        ImportRequest(search_fields=fields),
        person_id=at.person.id,
    )


@pytest.mark.case("figures", 5)
def test_the_head_lists_what_is_still_to_be_stated(at: Bench) -> None:
    bring(at, "c.ris", "TY  - JOUR\nTI  - Three\nER  - \n")
    log = log_of(at)
    unstated = dict(log.unstated)
    # Search 5 is citation searching, so it names no database.
    assert unstated[1] == "search 6"
    assert unstated[13] == "searches 5, 6"
    assert unstated[8] == "searches 4, 5, 6"
    assert unstated[3] == ""
    assert 5 not in unstated
    text = document.as_markdown(log)
    head = text.split("## The 16 items")[0]
    assert "## Still to be stated\n\n- Item 1, database name: search 6" in head
    # No sentence ends twice.
    for answer in log.items.values():
        assert ".;" not in answer
        assert ".." not in answer


@pytest.mark.case("figures", 5)
def test_ways_beside_the_searches_are_asked_for(at: Bench) -> None:
    store, review, person = at.store, at.review, at.person
    stated = {3: "None.", 4: "Websites of 12 national agencies, 3 to 7 November", 5: "none"}
    search_methods.state_methods(store, review.id, stated, person_id=person.id)
    log = log_of(at)
    assert (log.items[3], log.items[4]) == ("None.", f"{stated[4]}.")
    # A search for the item says more than "none".
    assert log.items[5] == "Reference lists."
    assert log.items[6] == log.items[7] == "Not stated."
    assert {3, 4, 5}.isdisjoint(dict(log.unstated))
    search_methods.state_methods(store, review.id, {3: None, 7: " "}, person_id=person.id)
    assert log_of(at).items[3] == "Not stated."
    with store.read() as session:
        actions = [event.action for event in audit.list_events(session, review.id, limit=3)]
    assert actions[:2] == ["review.settings", "review.settings"]
    with pytest.raises(ValueError, match="item must be one of 2, 3"):
        search_methods.state_methods(store, review.id, {9: "x"}, person_id=person.id)


@pytest.mark.case("figures", 5)
def test_a_platform_that_is_the_database_is_named_once(at: Bench) -> None:
    bring(at, "c.ris", "TY  - JOUR\nTI  - Three\nER  - \n", source="Scopus", platform="Scopus")
    log = log_of(at)
    assert log.searches[-1].answers[1] == "Scopus"
    assert "; Scopus" in log.items[1]
    assert "through Scopus" not in log.items[1]


def test_the_protocols_limit_is_the_reason_only_where_it_has_one(at: Bench) -> None:
    body = ProtocolBody(limits=ProtocolLimits(year_from=2009, year_to=2022))
    protocols.save_protocol(at.store, at.review.id, NewProtocol(body.stored(), at.person.id))
    pubmed = log_of(at).searches[0]
    assert pubmed.answers[9] == (
        '("2009"[dp] : "2030"[dp]) (the protocol limits the review by years). The protocol '
        "is limited to 2009 to 2022. Line #3 of the strategy also finds records outside: its limit "
        "is 2009 to 2030."
    )


@pytest.mark.case("figures", 6)
def test_one_link_says_nothing_about_a_file_and_a_mixed_file_says_so(at: Bench) -> None:
    one = "TY  - JOUR\nTI  - Title {n}\nUR  - https://{host}/{n}\nER  - \n\n"
    plain = "".join(f"TY  - JOUR\nTI  - Plain {n}\nER  - \n\n" for n in range(40))
    link = one.format(n=1, host="pubmed.ncbi.nlm.nih.gov")
    bring(at, "linked.ris", plain + link)
    bring(
        at,
        "mixed.ris",
        "".join(
            one.format(n=n, host="www.scopus.com" if n % 3 else "app.dimensions.ai")
            for n in range(30)
        ),
    )
    log = log_of(at)
    linked, mixed = log.searches[-2:]
    assert (linked.info.source, linked.info.platform) == (None, None)
    assert linked.answers[1] == "Not stated."
    assert mixed.answers[1] == (
        "Not stated: the file is mixed, Scopus (20 records), Dimensions (10 records)."
    )
    assert "6, 7" in dict(log.unstated)[1]


@pytest.mark.case("figures", 5)
def test_open_questions_about_duplicates_are_counted(at: Bench) -> None:
    assert "waits" not in log_of(at).items[16]
    arrive(at.store, at.review, A, A_BARE)
    assert (
        "1 pair of records waits for a person to say whether it is the same report."
        in log_of(at).items[16]
    )


def test_the_methods_are_stated_on_the_page_and_over_the_api(
    app: FastAPI, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    page, client = browser(app, store, person), api_client(app, store, person)
    add_records(store, review.id, 1)
    form = {"item": [3, 4, 5], "answer": ["none", "what", ""], "words": ["", "Twelve sites", ""]}
    sent = page.post(f"/reviews/{review.slug}/search-log", data=form)
    assert sent.status_code == 303
    own = f"/api/v1/reviews/{review.slug}/search-log/methods"
    assert client.get(own).json() == {"stated": {"3": "none", "4": "Twelve sites"}}
    shown = page.get(f"/reviews/{review.slug}/search-log").text
    assert "Twelve sites." in shown
    assert "Item 5, citation searching" in shown
    put = client.put(own, json={"stated": {"5": "none", "4": None}})
    assert put.json() == {"stated": {"3": "none", "5": "none"}}
    assert client.put(own, json={"stated": {"8": "x"}}).status_code == 422


def test_the_log_and_the_screening_report_say_the_same_of_what_was_removed(at: Bench) -> None:
    body = ProtocolBody(limits=ProtocolLimits(year_from=2012, year_to=2022))
    protocols.save_protocol(at.store, at.review.id, NewProtocol(body.stored(), at.person.id))
    log = log_of(at)
    with at.store.read() as session:
        made = build_report(session, at.review.id, seen_by=at.person.id, at=log.made_at)
    (records,) = (section for section in made.sections if section.title == "Records")
    assert records.lines[0] in log.items[15]
    assert log.flow.duplicates
    assert log.flow.out_of_range
    assert f"{log.flow.duplicates:,} duplicate" in records.lines[0]
    years = f"{log.flow.out_of_range:,} outside the protocol's years, 2012 to 2022"
    assert years in records.lines[0]
    left = log.flow.screened + log.flow.not_screened - log.flow.waiting
    assert f"{left:,} records were left to screen." in records.lines
