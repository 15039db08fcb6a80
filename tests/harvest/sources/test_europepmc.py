from __future__ import annotations

import json

import pytest

from harvest.errors import (
    MalformedPage,
    QueryRefused,
)
from harvest.sources import europepmc
from tests.harvest.sources.answers import CONFIGS, PAYLOADS, read, records
from tests.shared import needs_shared


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
