from __future__ import annotations

import json

import pytest

from harvest.errors import KeyNeeded, MalformedPage
from harvest.http import Response
from harvest.sources import europepmc, pubmed
from harvest.sources.responses import check_status
from tests.harvest.sources.answers import CONFIGS


def test_numbers_of_hits_must_be_numbers() -> None:
    for answer in ({}, {"hitCount": None}, {"hitCount": -1}, {"hitCount": "many"}):
        body = json.dumps({**answer, "resultList": {"result": []}}).encode()
        with pytest.raises(MalformedPage, match="how many hits"):
            europepmc._checked(body, "europepmc", CONFIGS["europepmc"])
    body = b'{"header":{},"esearchresult":{"idlist":[]}}'
    with pytest.raises(MalformedPage, match="how many hits"):
        pubmed._parse_search(body, "pubmed", CONFIGS["pubmed"])


def test_raw_line_ends_in_strings_are_let_in() -> None:
    body = b'{"esearchresult":{"count":"3","idlist":[],"querytranslation":"a\nb"}}'
    assert pubmed._parse_search(body, "pubmed", CONFIGS["pubmed"]).count == 3


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("key", "words"), [("", "only with an API key"), ("old", "does not accept")]
)
def test_a_source_that_wants_a_key_says_so_and_where_to_get_it(
    status: int, key: str, words: str
) -> None:
    config = CONFIGS["openalex"].model_copy(update={"api_key": key})
    with pytest.raises(KeyNeeded, match=words) as refused:
        check_status(
            Response(status, {}, b"key, please", "https://example.org"), "openalex", config
        )
    assert config.key_from
    assert config.key_from in refused.value.remedy
