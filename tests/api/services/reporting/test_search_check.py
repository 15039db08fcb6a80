"""The check against known studies: recall by source and use, and why studies were missed."""

from __future__ import annotations

import pytest

from api.protocol import ProtocolBody
from api.refusals import ConfirmationNeeded
from api.schemas.search_check import SearchCheckOut
from api.services.reporting import search_check
from api.services.searching import strategies
from model.evaluation.metrics import wilson
from model.evaluation.search_recall import SEARCH_NOTE
from store.reports import record_listing, record_texts
from store.reports import records as stored_records
from store.reviews import reviews
from store.reviews.reviews import NewProtocol
from store.searching import flow, gold
from store.searching import strategies as stored
from tests.api.harvests import STRATEGY, Bench


def add_gold(at: Bench, *found: gold.NewGold) -> None:
    with at.store.write() as session:
        gold.add_gold(session, at.review.id, found, list_name="known", person_id=at.person.id)


def check(at: Bench) -> search_check.Check:
    with at.store.read() as session:
        return search_check.check_search(session, at.review.id)


def test_recall_is_given_by_source_and_for_all_sources(at: Bench) -> None:
    run = at.run("pubmed")
    with at.store.read() as session:
        kept = [b.text for b in record_texts.list_searched_records(session, at.review.id)][:6]
    at.server.world.articles = [
        a for a in at.server.world.articles if a.pmid not in {kept[0].pmid, kept[1].pmid}
    ]
    at.server.forget()
    other = at.run("europepmc")
    assert run.unique > other.unique - other.filtered
    add_gold(
        at,
        *(gold.NewGold(title=t.title, year=t.year, doi=t.doi, pmid=t.pmid) for t in kept),
        gold.NewGold(title="Quite another title", year=2012),
        gold.NewGold(title="Used to write it", year=2012, search_use="development"),
    )
    found = check(at)
    validation, development = found.uses
    assert (validation.use, validation.note) == ("validation", None)
    assert (validation.union.found, validation.union.counted) == (6, 7)
    assert validation.sources["PubMed"].found == 6
    assert validation.sources["Europe PMC"].found == 4
    assert (validation.union.low, validation.union.high) == wilson(6, 7)
    assert development.note == SEARCH_NOTE
    assert (development.union.found, development.union.counted) == (0, 1)
    assert {item.info.title for item in found.missed} == {
        "Quite another title",
        "Used to write it",
    }
    data = SearchCheckOut.model_validate(found).model_dump(mode="json")
    assert data["uses"][0]["union"]["recall"] == pytest.approx(6 / 7)
    assert "as if the list were a random sample" in data["interval"]


def test_each_missed_record_is_looked_up_at_each_source(at: Bench) -> None:
    at.save("#1 barnahus[tiab]\n#2 veterans[tiab]\n#3 #1 AND #2", accepted=False)
    at.run("pubmed")
    article = next(a for a in at.server.world.articles if a.abstract and "barnahus" not in a.title)
    add_gold(
        at,
        gold.NewGold(title=article.title, doi=article.doi, pmid=article.pmid, year=article.year),
        gold.NewGold(title="Nowhere", pmid="12345", doi="10.5555/nowhere"),
        gold.NewGold(title="A title alone"),
    )
    progress: list[tuple[int, int]] = []
    search_check.look_up_missed(
        at.store, at.settings, at.review.id, progress=lambda done, of: progress.append((done, of))
    )
    assert progress[-1] == (9, 9)
    there, nowhere, alone = check(at).missed
    for source in ("pubmed", "europepmc", "openalex"):
        assert there.lookups[source].state == search_check.MISSED
        # Both lines with words keep out its text at the source.
        assert set(there.lookups[source].rejected_by) <= {"1", "2"}
        assert "1" in there.lookups[source].rejected_by
        assert nowhere.lookups[source].state == search_check.ABSENT
        assert alone.lookups[source].state == search_check.UNKNOWN
    assert there.text_rejected_by is not None
    assert there.lookups["pubmed"].strategy_id is not None


def test_a_filtered_record_counts_as_found_and_filtered(at: Bench) -> None:
    run = at.run("europepmc")
    with at.store.read() as session:
        gone = stored_records.get_record(
            session, at.review.id, record_listing.list_filtered_record_ids(session, at.review.id)[0]
        )
        assert flow.count_flow(session, at.review.id).filtered == run.filtered
    add_gold(at, gold.NewGold(title=gone.record.title, doi=gone.record.doi))
    (item,) = check(at).missed
    assert item.filtered_at == ("Europe PMC",)
    assert check(at).uses[0].sources["Europe PMC"].found == 0


def test_a_new_version_turns_missed_records_that_were_shown_into_development_records(
    at: Bench,
) -> None:
    at.run("pubmed")
    add_gold(at, gold.NewGold(title="Missed one", pmid="1"), gold.NewGold(title="Other", pmid="2"))
    missed = check(at).missed
    # Looking alone changes nothing.
    with at.store.write() as session:
        stored.mark_gold_seen(session, at.review.id, [missed[0].info.id], person_id=at.person.id)
    assert {m.info.search_use for m in check(at).missed} == {"validation"}
    with at.store.write() as session:
        body = {"text": STRATEGY + "\n#4 #3"}
        with pytest.raises(ConfirmationNeeded, match="Missed one"):
            strategies.require_confirmation(session, at.review.id, body, confirm=False)
        # The same text again makes no new version, so no study's use changes.
        strategies.require_confirmation(session, at.review.id, {"text": STRATEGY}, confirm=False)
        strategies.require_confirmation(session, at.review.id, body, confirm=True)
        version = strategies.save_version(
            session, at.review.id, body, reason=None, person_id=at.person.id
        )
    with at.store.read() as session:
        one, other = gold.list_gold(session, at.review.id)
    assert (one.search_use, one.development_from) == ("development", version)
    assert (other.search_use, other.development_from) == ("validation", None)
    # The next version changes no further uses.
    with at.store.read() as session:
        assert stored.list_seen_gold(session, at.review.id) == []


def test_records_outside_the_limits_are_not_counted(at: Bench) -> None:
    with at.store.write() as session:
        body = ProtocolBody.model_validate({"limits": {"year_from": 2015}})
        reviews.create_protocol(session, at.review.id, NewProtocol(body.stored(), None))
    add_gold(at, gold.NewGold(title="Old", year=2001), gold.NewGold(title="New", year=2016))
    (use,) = check(at).uses
    assert (use.union.counted, use.out_of_scope) == (1, 1)
    assert [item.info.title for item in check(at).missed] == ["New"]


def test_the_interval_is_wilsons_interval() -> None:
    # Wilson (1927); values by R's binom::binom.wilson(8, 10).
    low, high = wilson(8, 10) or (0, 0)
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)
    assert wilson(0, 0) is None
    assert (wilson(5, 5) or (0, 0))[1] == pytest.approx(1.0)
