from __future__ import annotations

import pytest

from harvest.errors import (
    MalformedPage,
    QueryRefused,
    SourceUnavailable,
)
from harvest.record import Rejected
from harvest.sources import pubmed
from harvest.sources.registry import create_source
from tests.harvest.sources.answers import CLIENT, CONFIGS, PAYLOADS, read, records
from tests.shared import needs_shared


@needs_shared
class TestPubMed:
    """Recorded answers of the E-utilities."""

    def test_what_a_search_found_is_read(self) -> None:
        body = (PAYLOADS / "pubmed" / "fastpaper-cli" / "pubmed_esearch.json").read_bytes()
        found = pubmed._parse_search(body, "pubmed", CONFIGS["pubmed"])
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
                pubmed._parse_search((folder / name).read_bytes(), "pubmed", CONFIGS["pubmed"])

    def test_phrases_that_were_not_found_are_reported(self) -> None:
        folder = PAYLOADS / "quoted-error-bodies"
        body = (folder / "ncbi_esearch_200_zero_hits_quoted_phrase_not_found.json").read_bytes()
        (warning,) = pubmed._warnings(
            pubmed._parse_search(body, "pubmed", CONFIGS["pubmed"]).result
        )
        assert (warning.kind, warning.phrase) == ("quoted-phrase-not-found", '"zzqqxxnotaword"')
        body = (folder / "ncbi_esearch_200_zero_hits_phrases_not_found.json").read_bytes()
        result = pubmed._parse_search(body, "pubmed", CONFIGS["pubmed"]).result
        assert pubmed._warnings(result) == ()
        assert "no hits for: TB03JUN2009E__Contig_2000" in pubmed._notices(result)

    def test_an_unknown_id_is_answered_by_silence_and_is_reported(self) -> None:
        body = (
            PAYLOADS / "quoted-error-bodies" / "ncbi_efetch_200_unknown_pmid_empty_set.xml"
        ).read_bytes()
        adapter = create_source("pubmed", CLIENT, CONFIGS["pubmed"])
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
        adapter = create_source("pubmed", CLIENT, CONFIGS["pubmed"])
        with pytest.raises(MalformedPage):
            adapter.read(body[: len(body) // 2], {"kind": "records", "asked": []})
