from __future__ import annotations

import pytest

from harvest.errors import (
    BudgetSpent,
    QueryRefused,
    SourceUnavailable,
)
from harvest.http import Response
from harvest.sources import openalex
from tests.harvest.sources.answers import CLIENT, CONFIGS, PAYLOADS, records
from tests.shared import needs_shared


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
