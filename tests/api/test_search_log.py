"""The search log: all items of PRISMA-S for every search, from what was stored."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.documents import exports
from api.documents import search_log as document
from api.services import search_log, strategies
from api.services.importing import ImportRequest, import_file
from api.settings import Settings
from store import searches
from store import strategies as stored
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.api.harvests import Bench, bench

RIS = b"TY  - JOUR\nTI  - One | two\nAB  - Text\nER  - \n\nTY  - JOUR\nER  - \n"
LIMITED = """#1 child*[tiab] OR families[tiab] OR "Child"[mesh]
#2 "social work*"[tiab] OR "family court*"[tiab] OR safeguarding[tiab]
#3 #1 AND #2 AND 2009:2030[dp]
"""


@pytest.fixture
def at(store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo) -> Iterator[Bench]:
    with bench(store, settings, review, person) as made:
        made.save(LIMITED)
        with store.write() as session:
            info = stored.version(session, review.id)
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
        return search_log.search_log(session, at.review.id)


def test_every_search_answers_every_item(at: Bench) -> None:
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
        "explosion (finds less; accepted: the words are there), 1 leaf: " in x for x in epmc.losses
    )
    assert any("thesaurus" in x for x in openalex.losses)
    assert psycinfo.answers[15] == "Reported 3; received 2; gap 1 (not explained)."
    assert psycinfo.answers[8] == psycinfo.answers[9] == "Not stated."
    assert lists.answers[5] == "Reference lists"
    assert lists.answers[3] == lists.answers[6] == "None."


def test_the_items_of_the_review_join_those_of_its_searches(at: Bench) -> None:
    log = log_of(at)
    assert "PubMed, through NCBI E-utilities; Europe PMC" in log.items[1]
    assert log.items[5] == "Reference lists."
    assert log.items[3] == "None."
    assert log.items[14].startswith("Searches 1, 2, 3: PRESS, A. Librarian.")
    assert "Searches 4, 5: Not peer reviewed." in log.items[14]
    counts = log.flow
    assert f"{counts.identified:,} records identified" in log.items[15]
    assert counts.identified == sum(search.info.received for search in log.searches)


def test_the_markdown_says_what_was_sent_and_what_came(at: Bench) -> None:
    text = document.as_markdown(log_of(at))
    with at.store.read() as session:
        current = strategies.current(session, at.review.id)
        for source in ("pubmed", "europepmc", "openalex"):
            for query in current.rendered(source).queries:
                assert query in text
    for number, name in search_log.ITEMS.items():
        assert f"{number}. **{name}.**" in text
    assert "| #3 | #1 AND #2 AND 2009:2030[dp] **(run)** |" in text
    assert text.count("**8. Full search strategy, as run**") == 5
    assert "Imported: a.ris (ris, SHA-256" in text


def test_the_table_has_a_row_a_search_and_a_column_an_item(at: Bench) -> None:
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
                session, at.review.id, "csv", terms=at.settings.terms, audience=audience
            )
            text = "".join(pieces)
        return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))

    team, public = rows("team"), rows("public")
    assert len(team) == len(public)
    sources = {source for row in team for source in row["source"].split("; ")}
    assert sources >= {"pubmed", "openalex", "reference-lists"}
    # OpenAlex is CC0; what PubMed and Europe PMC give may be its publishers'; a file says nothing.
    # A report that OpenAlex brought too goes out with the abstract that OpenAlex gave.
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


def test_what_was_run_is_no_ones_to_write(at: Bench) -> None:
    (first, *_) = log_of(at).searches
    with at.store.write() as session:
        searches.edit(
            session,
            at.review.id,
            first.info.id,
            {"filters": "none", "prior_work": "CELCIS 2022"},
            person_id=at.person.id,
        )
        with pytest.raises(ValueError, match="cannot be edited"):
            searches.edit(
                session, at.review.id, first.info.id, {"reported": 9}, person_id=at.person.id
            )
    (first, *_) = log_of(at).searches
    assert (first.answers[10], first.answers[11]) == ("none", "CELCIS 2022")


def test_a_withdrawn_search_is_listed_apart(at: Bench) -> None:
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
    assert "wrong line; it counts nowhere above" in document.as_markdown(log)
    assert "PubMed" not in log.items[1]


def test_an_empty_review_has_a_log_too(store: Store, review: ReviewInfo) -> None:
    with store.read() as session:
        log = search_log.search_log(session, review.id)
    assert log.items[1] == "None."
    assert "0 records identified" in document.as_markdown(log)
    assert len(document.as_csv(log).splitlines()) == 1


def test_the_log_is_a_page_and_two_downloads(client: TestClient, review: ReviewInfo) -> None:
    assert client.get(f"/reviews/{review.slug}/search-log.md").text.startswith("# Search log")
    answer = client.get(f"/reviews/{review.slug}/search-log.csv")
    assert "search-log.csv" in answer.headers["content-disposition"]
    assert client.get(f"/reviews/{review.slug}/search-log.pdf").status_code == 422
