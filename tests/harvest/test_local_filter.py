"""The local filter drops only records that certainly do not match."""

from __future__ import annotations

import pytest

from harvest.local_filter import LocalFilter
from harvest.record import Record
from harvest.render.registry import render
from harvest.strategy.toml import from_dict

ACCEPTED = [
    {"source": "openalex", "kind": "thesaurus", "reason": "words"},
    {"source": "europepmc", "kind": "explosion", "reason": "words"},
]


def sieve(source: str, text: str) -> LocalFilter:
    return LocalFilter(render(from_dict({"text": text, "accept": ACCEPTED}), source))


def record(title: str, abstract: str | None = "Nothing of it.", **fields: object) -> Record:
    return Record(1, title=title, abstract=abstract, **fields)  # type: ignore[arg-type] # passed through


@pytest.mark.parametrize("source", ["europepmc", "openalex"])
def test_a_phrase_that_was_sent_as_words_is_sought_again(source: str) -> None:
    found = sieve(source, '#1 "social work*"[tiab]')
    assert found.applies
    assert found.rejects(record("Work in social housing"))
    assert not found.rejects(record("Social workers"))
    assert not found.rejects(record("Housing", "Of social-work teams."))


def test_a_source_that_runs_it_as_it_stands_is_believed() -> None:
    found = sieve("pubmed", '#1 "social work*"[tiab]')
    assert not found.applies
    assert not found.rejects(record("Steel"))


def test_what_cannot_be_told_is_kept() -> None:
    found = sieve("openalex", '#1 "social work*"[tiab]')
    assert not found.rejects(record("Steel", None))
    assert not found.rejects(record("Stahl", "Nichts davon.", language="de"))
    assert not found.rejects(record("Steel", "The text is cut …"))


def test_a_heading_that_was_dropped_with_acceptance_is_gone_and_one_that_stays_is_unknown() -> None:
    text = '#1 "social work*"[tiab] OR "Social Work"[mesh]'
    assert sieve("openalex", text).rejects(record("Steel"))
    # Europe PMC keeps the heading, of which we cannot tell what its records hold.
    assert not sieve("europepmc", text).rejects(record("Steel"))


def test_limits_are_never_applied_again() -> None:
    found = sieve("openalex", '#1 "social work*"[tiab] AND 2015:2020[dp]')
    assert not found.rejects(record("Social workers", year=2001))
    assert found.rejects(record("Steel", year=2016))


def test_a_replaced_leaf_is_sought_as_it_was_replaced() -> None:
    body = {
        "text": '#1 "social work*"[tiab] OR "Foster Home Care"[mesh]',
        "replace": [
            {"source": "openalex", "leaf": '"Foster Home Care"[mesh]', "with": "foster*[tiab]"}
        ],
    }
    found = LocalFilter(render(from_dict(body), "openalex"))
    assert not found.rejects(record("Fostering"))
    assert found.rejects(record("Steel"))
