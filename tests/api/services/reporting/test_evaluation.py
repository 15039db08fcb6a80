"""The evaluation against known studies."""

from __future__ import annotations

import dataclasses
import io
from array import array

import pytest

from api.documents import exports
from api.documents.exports import ExportChoice
from api.protocol import ProtocolBody, ProtocolLimits
from api.services.duplicates import judging
from api.services.duplicates.judging import Judgement
from api.services.reporting import evaluation, search_check
from api.services.reporting.evaluation import GivenList
from api.services.reviews import protocols
from api.services.searching import gold_files, importing
from api.services.searching.importing import ImportRequest
from harvest.record import Record
from model.evaluation.search_recall import OWN_SEARCH_NOTE
from store.core.session import Store
from store.reports import record_texts
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, ReviewInfo
from store.screening import decisions, pilots, rankings
from store.screening.decisions import NewDecision
from store.screening.rankings import NewRanking
from store.searching import gold
from tests.api.corpus import decide
from tests.store.builders import add_records, content, join, list_all_records, store_content
from tests.store.deciding import start_round

RANKING = NewRanking(
    revision=1,
    pipeline="p",
    pipeline_hash="0" * 64,
    encoder=None,
    seed=0,
    n_decisions=0,
    n_include=0,
    last_decision_id=None,
    cold_start=False,
    warm=False,
    seconds=0.1,
    detail={},
    report_ids=array("q"),
    scores=array("f"),
)


@pytest.mark.parametrize("file_format", ["csv", "xlsx", "ris", "bib", "jsonl"])
def test_a_list_of_own_includes_is_recognised_in_every_format(
    store: Store, review: ReviewInfo, person: PersonInfo, file_format: str
) -> None:
    one, _ = add_records(store, review.id, 2)
    decide(store, review, person, one, relevant=True)
    with store.read() as session:
        pieces = exports.export(session, review.id, file_format, ExportChoice("include"))
        brought, _ = gold_files.read_gold_file(
            io.BytesIO(b"".join(pieces)), search_use="validation", ranking_use="held_out"
        )
        for known in (brought, gold_files.list_own_includes(session, review.id)):
            result = evaluation.evaluate(session, review.id, GivenList(known))
            assert result.screening.note == "found by reading in ranked order: not an estimate"
            assert result.screening.found == 1


@pytest.mark.case("figures", 3)
def test_a_list_from_the_labels_of_an_imported_file_gives_no_estimate_of_the_search(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    text = "title,doi,year,included\n" + "".join(
        f"Study of topic {n},10.5555/{n},2015,{int(n <= 3)}\n" for n in range(1, 7)
    )
    importing.import_file(
        store,
        review.id,
        io.BytesIO(text.encode()),
        "labelled.csv",
        ImportRequest(labels="gold"),
        person_id=person.id,
    )
    with store.read() as session:
        listed = gold.list_gold(session, review.id)
        result = evaluation.evaluate(session, review.id)
        check = search_check.check_search(session, review.id)
        # The same file given by hand, whether before or after the import.
        brought, _ = gold_files.read_gold_file(
            io.BytesIO(text.encode()), search_use="validation", ranking_use="held_out"
        )
        given = evaluation.evaluate(session, review.id, GivenList(brought))
    assert [each.origin for each in listed] == ["own-search"] * 3
    for found in (result, given):
        assert (found.search.recall, found.search.note) == (None, OWN_SEARCH_NOTE)
        assert (found.search.found, found.search.counted) == (3, 3)
        assert (found.outcome.note, found.outcome.included.value) == (OWN_SEARCH_NOTE, None)
    assert [(use.use, use.note) for use in check.uses] == [("own-search", OWN_SEARCH_NOTE)]
    # A list from elsewhere beside it is judged alone.
    with store.write() as session:
        outside = [
            gold.NewGold(title="Study of topic 5", doi="10.5555/5", year=2015),
            gold.NewGold(title="Something else", year=2015),
        ]
        gold.add_gold(session, review.id, outside, list_name="experts", person_id=person.id)
    with store.read() as session:
        result = evaluation.evaluate(session, review.id)
    assert (result.search.recall, result.search.note, result.search.counted) == (0.5, None, 2)
    assert (result.outcome.known, result.outcome.missing) == (2, 1)


@pytest.mark.case("figures", 4)
def test_a_source_brought_a_report_though_its_own_copy_is_spelled_otherwise(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    copies = {
        "Web of Science": [
            Record(1, title="Hubs and families", doi="10.5555/1", year=2015),
            Record(2, title="Joined-up services", doi="10.5555/2", year=2016),
        ],
        "CINAHL": [Record(1, title="Hubs & families: a study", year=2015)],
    }
    batches = {
        source: store_content(store, review.id, content(made), source=source)
        for source, made in copies.items()
    }
    with store.read() as session:
        ids = {
            source: next(
                each.id
                for each in list_all_records(session, review.id)
                if each.record.title == copies[source][0].title
            )
            for source in batches
        }
    judging.record_judgement(
        store,
        review.id,
        Judgement(a=ids["Web of Science"], b=ids["CINAHL"], label="same", reason="read both"),
        person_id=person.id,
    )
    with store.write() as session:
        known = [
            gold.NewGold(title="Hubs and families", doi="10.5555/1", year=2015),
            gold.NewGold(title="Joined-up services", doi="10.5555/2", year=2016),
            gold.NewGold(title="Nowhere", year=2015),
        ]
        gold.add_gold(session, review.id, known, list_name="experts", person_id=person.id)
    with store.read() as session:
        result = evaluation.evaluate(session, review.id)
        (use,) = search_check.check_search(session, review.id).uses
    counts = {name: (share.found, share.counted) for name, share in result.sources.items()}
    assert counts == {"Web of Science": (2, 3), "CINAHL": (1, 3)}
    assert use.sources == result.sources
    by_kind = {kind.value: (kind.held, kind.counted) for kind in result.kinds}
    assert by_kind == counts


@pytest.mark.case("figures", 11)
def test_the_order_is_judged_by_records_read_in_ranked_order_alone(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    reports = add_records(store, review.id, 120)
    with store.write() as session:
        join(session, review.id, "bo")
    pilot = reports[-30:]
    start_round(store, review, person, 30)

    def rank(n_decisions: int, expected: float) -> int:
        ids, scores = array("q", reports), array("f", [0.0] * len(reports))
        with store.write() as session:
            new = dataclasses.replace(
                RANKING,
                n_decisions=n_decisions,
                detail={"expected": {"50": expected}},
                report_ids=ids,
                scores=scores,
            )
            return rankings.save_ranking(session, review.id, new)

    def read(report: int, word: str, ranking: int | None, place: int | None) -> None:
        with store.write() as session:
            new = NewDecision(f"r{report}", report, word, ranking_id=ranking, place=place)
            decisions.record_decision(session, review.id, person.id, new)

    # A random pilot with 2 of 30 relevant, then 50 in ranked order with 25.
    for number, report in enumerate(pilot):
        read(report, "include" if number < 2 else "exclude", None, number + 1)
    with store.write() as session:
        pilots.close_round(session, review.id, person_id=person.id, note="read alike")
    ranking = rank(30, 25.0)
    for place, report in enumerate(reports[:50], start=1):
        read(report, "include" if place <= 25 else "exclude", ranking, place)
    rank(80, 1.0)
    with store.write() as session:
        known = [
            gold.NewGold(title=text.title, year=text.year)
            for text in record_texts.list_report_texts(session, review.id)
            if text.report_id in {*pilot[:2], *reports[:25]}
        ]
        gold.add_gold(session, review.id, known, list_name="experts", person_id=person.id)
    with store.read() as session:
        drift = evaluation.evaluate(session, review.id).drift
    assert drift.left_out == 30
    assert drift.foreseen is not None
    assert (drift.foreseen.records, drift.foreseen.found, drift.foreseen.off) == (50, 25, False)
    # Of 90 records and 25 known studies: the pilot's two are left out of both.
    reached = {band.share: band.recall for band in drift.bands}
    assert (reached[0.1], reached[0.5]) == (9 / 25, 1.0)


def test_a_language_and_a_type_are_one_kind_however_sources_write_them(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    written = (
        ("eng", ("JOUR",)),
        ("English", ("Journal Article",)),
        ("en", ("article",)),
        ("ger", ("THES",)),
        ("Deutsch; French", ("phdthesis",)),
    )
    made = [
        Record(n, title=f"Study {n}", year=2015, doi=f"10.5555/{n}", language=language, types=types)
        for n, (language, types) in enumerate(written, start=1)
    ]
    store_content(store, review.id, content(made))
    body = ProtocolBody(limits=ProtocolLimits(languages=("EN",), types=("Journal article", "BOOK")))
    protocols.save_protocol(store, review.id, NewProtocol(body.stored(), person.id))
    known = [
        gold.NewGold(title=record.title, year=2015, doi=record.doi, search_use="validation")
        for record in made
    ]
    with store.read() as session:
        limited = evaluation.evaluate(session, review.id, GivenList(known))
    assert [m.in_scope for m in limited.matches] == [True, True, True, False, False]
    protocols.save_protocol(store, review.id, NewProtocol(ProtocolBody().stored(), person.id))
    with store.read() as session:
        result = evaluation.evaluate(session, review.id, GivenList(known))
    kinds = {(kind.attribute, kind.value): kind.counted for kind in result.kinds}
    assert kinds == {
        ("language", "English"): 3,
        ("language", "French"): 1,
        ("language", "German"): 2,
        ("publication type", "Journal Article"): 3,
        ("publication type", "Thesis"): 2,
    }
