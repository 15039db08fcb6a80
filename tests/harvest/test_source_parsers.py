"""Parsers on recorded answers, read in place, and on answers that are none."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from lxml import etree

from harvest.errors import (
    BudgetSpent,
    HarvestError,
    MalformedPage,
    QueryRefused,
    SourceUnavailable,
)
from harvest.files.pubmed_xml import parse
from harvest.http import Client, Response
from harvest.record import Record, Rejected
from harvest.sources import europepmc, openalex, pubmed
from harvest.sources.config import SourceConfig
from harvest.sources.openalex_json import abstract_of
from harvest.sources.registry import source
from tests.harvest.conformance import CONFIG
from tests.shared import SHARED, needs_shared

PAYLOADS = SHARED / "payloads"
CONFIGS = {name: SourceConfig(**values) for name, values in CONFIG.items()}
CLIENT = Client(agent="Winnow tests")


def read(name: str, path: Path) -> list[Record | Rejected]:
    about = {"kind": "records", "asked": []}
    found = source(name, CLIENT, CONFIGS[name]).read(path.read_bytes(), about)
    return list(found)


def records(name: str, path: Path) -> list[Record]:
    return [entry for entry in read(name, path) if isinstance(entry, Record)]


@needs_shared
class TestEuropePmc:
    """Recorded answers of Europe PMC."""

    FOLDER = PAYLOADS / "europepmc" / "pyEuropePMC"

    def test_core_results_are_read_whole(self) -> None:
        found = records("europepmc", self.FOLDER / "search_cancer_core.json")
        listed = json.loads((self.FOLDER / "search_cancer_core.json").read_bytes())
        results = listed["resultList"]["result"]
        assert len(found) == len(results)
        assert [r.accession for r in found] == [f"{r['source']}/{r['id']}" for r in results]
        assert all(record.title and record.year for record in found)
        # One result names nobody, neither in a list nor in a line.
        assert sum(not record.authors for record in found) == 1
        assert not any("<h4>" in (record.abstract or "") for record in found)
        # A bare "<" is text: "< .05", "<1 year".
        assert any("<" in (record.abstract or "") for record in found)
        heads = sum("<h4>" in r.get("abstractText", "") for r in results)
        assert heads
        with_labels = [r for r in found if ": " in (r.abstract or "")]
        assert len(with_labels) >= heads

    def test_a_thousand_lite_results_are_read(self) -> None:
        found = records("europepmc", self.FOLDER / "search_1000results_cancer.json")
        assert len(found) == 1000
        assert len({record.accession for record in found}) == 1000
        assert sum(record.doi is None for record in found) == 59

    def test_no_results_are_none(self) -> None:
        assert read("europepmc", self.FOLDER / "search_no_results.json") == []

    def test_an_error_of_status_200_is_told_as_one(self) -> None:
        body = (
            PAYLOADS / "quoted-error-bodies" / "europepmc_200_errCode_404_page_size.json"
        ).read_bytes()
        with pytest.raises(QueryRefused, match="Invalid page size"):
            europepmc._checked(body, "europepmc", CONFIGS["europepmc"])

    def test_other_answers_are_refused(self) -> None:
        for name in ("search_cancer.xml", "search_cancer_dc.xml"):
            with pytest.raises(MalformedPage):
                read("europepmc", self.FOLDER / name)


@needs_shared
class TestOpenAlex:
    """Recorded answers of OpenAlex."""

    def test_a_search_is_read(self) -> None:
        found = records(
            "openalex", PAYLOADS / "openalex" / "fastpaper-cli" / "openalex_search.json"
        )
        assert len(found) == 3
        assert all(str(record.accession).startswith("W") for record in found)
        assert all(record.title and record.year and record.authors for record in found)

    def test_an_abstract_may_be_null(self) -> None:
        one, other = records("openalex", PAYLOADS / "openalex" / "k-dense" / "openalex_list.json")
        assert str(one.abstract).startswith("Functional elucidation of causal genetic variants")
        assert str(one.abstract).endswith("RNA-guided nuclease technology.")
        assert other.abstract is None
        assert "no-abstract" in other.flags

    def test_refusals_are_told_apart(self) -> None:
        folder = PAYLOADS / "quoted-error-bodies"
        adapter = openalex.OpenAlex(CLIENT, CONFIGS["openalex"], "")
        for name, status, kind in (
            ("openalex_400_unknown_filter.json", 400, QueryRefused),
            ("openalex_400_url_too_long.json", 400, QueryRefused),
            ("openalex_429_plan_upgrade_required.json", 429, BudgetSpent),
        ):
            with pytest.raises(kind):
                adapter._judge(Response(status, {}, (folder / name).read_bytes(), ""))
        with pytest.raises(SourceUnavailable):
            adapter._judge(Response(503, {"retry-after": "30"}, b"{}", ""))


def test_an_inverted_index_closes_gaps_and_keeps_order() -> None:
    assert abstract_of({"b": [5, 1], "a": [0], "c": [9]}) == "a b b c"
    assert abstract_of({}) is None
    assert abstract_of(None) is None
    assert abstract_of({"a": "0", "b": [None]}) is None


@needs_shared
class TestPubMed:
    """Recorded answers of the E-utilities."""

    def test_what_a_search_found_is_read(self) -> None:
        body = (PAYLOADS / "pubmed" / "fastpaper-cli" / "pubmed_esearch.json").read_bytes()
        found = pubmed._found(body, "pubmed", CONFIGS["pubmed"])
        assert found.count == 115_258
        assert found.result["idlist"] == ["41884867", "41884779", "41884685"]
        # Its lists of errors and warnings are missing altogether.
        assert pubmed._warnings(found.result) == ()

    def test_errors_of_status_200_are_told_apart(self) -> None:
        folder = PAYLOADS / "quoted-error-bodies"
        for name, kind, words in (
            ("ncbi_esearch_200_empty_term.json", QueryRefused, "Empty Term"),
            ("ncbi_esearch_unable_to_obtain_query.json", QueryRefused, "Unable to obtain"),
            (
                "ncbi_esearch_200_retstart_over_9998_RAW_NEWLINE_not_strict_json.json",
                QueryRefused,
                "cannot be larger than 9998",
            ),
            ("ncbi_esearch_200_backend_failed_echoes_request.json", SourceUnavailable, "unavail"),
            ("ncbi_429_rate_limit.json", SourceUnavailable, "rate limit"),
        ):
            with pytest.raises(kind, match=words):
                pubmed._found((folder / name).read_bytes(), "pubmed", CONFIGS["pubmed"])

    def test_phrases_that_were_not_found_are_told(self) -> None:
        folder = PAYLOADS / "quoted-error-bodies"
        body = (folder / "ncbi_esearch_200_zero_hits_quoted_phrase_not_found.json").read_bytes()
        (warning,) = pubmed._warnings(pubmed._found(body, "pubmed", CONFIGS["pubmed"]).result)
        assert (warning.kind, warning.phrase) == ("quoted-phrase-not-found", '"zzqqxxnotaword"')
        body = (folder / "ncbi_esearch_200_zero_hits_phrases_not_found.json").read_bytes()
        result = pubmed._found(body, "pubmed", CONFIGS["pubmed"]).result
        assert pubmed._warnings(result) == ()
        assert "found nowhere: TB03JUN2009E__Contig_2000" in pubmed._notices(result)

    def test_an_unknown_id_is_answered_by_silence_and_told(self) -> None:
        body = (
            PAYLOADS / "quoted-error-bodies" / "ncbi_efetch_200_unknown_pmid_empty_set.xml"
        ).read_bytes()
        adapter = source("pubmed", CLIENT, CONFIGS["pubmed"])
        (entry,) = adapter.read(body, {"kind": "records", "asked": ["99999999"]})
        assert isinstance(entry, Rejected)
        assert (entry.reason, entry.excerpt) == ("asked for and not returned", "PMID 99999999")

    def test_other_answers_of_the_e_utilities_are_refused_by_their_root(self) -> None:
        folder = PAYLOADS / "pubmed" / "biopython-Entrez"
        refused = 0
        for path in sorted(folder.iterdir()):
            if path.name.startswith(
                ("pubmed1", "pubmed2", "pubmed4", "pubmed5", "pubmed6", "pubmed7")
            ):
                assert records("pubmed", path)
                continue
            with pytest.raises(MalformedPage):
                read("pubmed", path)
            refused += 1
        assert refused == 29

    def test_half_an_answer_is_refused(self) -> None:
        body = (PAYLOADS / "pubmed" / "fastpaper-cli" / "pubmed_efetch.xml").read_bytes()
        adapter = source("pubmed", CLIENT, CONFIGS["pubmed"])
        with pytest.raises(MalformedPage):
            adapter.read(body[: len(body) // 2], {"kind": "records", "asked": []})


@needs_shared
def test_no_recorded_body_of_any_source_breaks_a_parser() -> None:
    """Whatever a server sends is records or a refusal, never another exception."""
    bodies = [
        path.read_bytes()
        for path in sorted(PAYLOADS.rglob("*"))
        if path.is_file()
        and path.suffix in (".json", ".xml", ".html", ".txt")
        and path.stat().st_size < 300_000
    ]
    assert len(bodies) > 200
    about = {"kind": "records", "asked": []}
    for name in CONFIGS:
        adapter = source(name, CLIENT, CONFIGS[name])
        for body in bodies:
            try:
                entries = adapter.read(body, about)
            except HarvestError:
                continue
            assert all(isinstance(entry, Record | Rejected) for entry in entries)


def test_numbers_of_hits_must_be_numbers() -> None:
    for answer in ({}, {"hitCount": None}, {"hitCount": -1}, {"hitCount": "many"}):
        body = json.dumps({**answer, "resultList": {"result": []}}).encode()
        with pytest.raises(MalformedPage, match="how many hits"):
            europepmc._checked(body, "europepmc", CONFIGS["europepmc"])
    body = b'{"header":{},"esearchresult":{"idlist":[]}}'
    with pytest.raises(MalformedPage, match="how many hits"):
        pubmed._found(body, "pubmed", CONFIGS["pubmed"])


def test_raw_line_ends_in_strings_are_let_in() -> None:
    body = b'{"esearchresult":{"count":"3","idlist":[],"querytranslation":"a\nb"}}'
    assert pubmed._found(body, "pubmed", CONFIGS["pubmed"]).count == 3


@needs_shared
def test_no_article_that_is_valid_by_its_dtd_is_rejected() -> None:
    """Each recorded file is checked against the DTD that it names, where that is at hand."""
    valid = articles = 0
    for path in sorted((PAYLOADS / "pubmed").rglob("*.xml")):
        data = path.read_bytes()
        named = re.search(rb'<!DOCTYPE Pubmed\w+[^>]*?"[^"]*?([\w.-]+\.dtd)"', data)
        if named is None:
            continue
        dtd = PAYLOADS / "pubmed" / "dtd" / named.group(1).decode()
        if not dtd.is_file():
            continue
        tree = etree.fromstring(data, etree.XMLParser(resolve_entities=False, huge_tree=True))
        if not etree.DTD(str(dtd)).validate(tree):
            continue
        valid += 1
        entries = list(parse(io.BytesIO(data)))
        articles += sum(isinstance(entry, Record) for entry in entries)
        assert not [entry for entry in entries if isinstance(entry, Rejected)], path.name
    assert (valid, articles) == (9, 188)
