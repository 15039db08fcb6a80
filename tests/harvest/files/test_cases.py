"""Files of the shared cases: what was read right stays so, and the rest is read right now."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from harvest.dedupe.run import deduplicate
from harvest.file_content import FileContent
from tests.harvest.reading import read
from tests.shared import CASES, needs_shared

pytestmark = needs_shared

# How the files in `right` were read before anything about other files changed.
FROZEN = json.loads(Path(__file__).with_name("right.json").read_text(encoding="utf-8"))
_EMPTY: tuple[Any, ...] = (None, (), [], {}, "")


def stated(content: FileContent) -> dict[str, Any]:
    """A file's content as JSON: every field that has a value, and which records are one report."""
    keyed = [(str(record.position), record) for record in content.records]
    read_as = {
        "format": content.format,
        "records": [
            {key: value for key, value in asdict(record).items() if value not in _EMPTY}
            for record in content.records
        ],
        "rejected": [asdict(entry) for entry in content.rejected],
        "notices": list(content.notices),
        "reports": sorted(sorted(map(int, group)) for group in deduplicate(keyed).groups),
    }
    # As JSON writes it: tuples are lists.
    return json.loads(json.dumps(read_as))  # type: ignore[no-any-return] # a dict, as above


@pytest.mark.case("right")
@pytest.mark.parametrize("name", sorted(FROZEN))
def test_what_was_read_right_is_read_the_same(name: str) -> None:
    content = read((CASES / "right" / name).read_bytes())
    assert stated(content) == FROZEN[name]


def test_every_right_file_is_frozen() -> None:
    assert {path.name for path in (CASES / "right").iterdir()} == set(FROZEN)


def _names(content: FileContent, position: int = 1) -> list[str]:
    return [author.name for author in content.records[position - 1].authors]


def _values(content: FileContent, field: str) -> list[Any]:
    return [getattr(record, field) for record in content.records]


def _reports(content: FileContent) -> list[list[int]]:
    reports: list[list[int]] = stated(content)["reports"]
    return reports


MUELLER, OESTLUND = ["Müller, Jürgen"], ["Östlund, Åsa"]
RIGHT: dict[str, Callable[[FileContent], tuple[Any, Any]]] = {
    "bibtex-corporate-author-with-and.bib": lambda at: (
        [(author.name, author.collective) for author in at.records[0].authors],
        [
            ("Department of Health and Social Care", True),
            ("Food and Agriculture Organization", True),
            ("Okafor, Nadia", False),
        ],
    ),
    "bibtex-endnote-export.bib": lambda at: (_values(at, "doi"), [None]),
    "bibtex-string-macros-and-months.bib": lambda at: (
        (at.records[0].venue, at.records[0].date),
        ("Journal of Invented Policy, Series B", "2011 May 3"),
    ),
    "csv-R-NA-values.csv": lambda at: (
        (len(at.records), len(_reports(at)), "NA" in json.dumps(stated(at)["records"])),
        (5, 5, False),
    ),
    "csv-dimensions-about-the-data-line.csv": lambda at: (
        list(zip(_values(at, "doi"), _values(at, "pages"), strict=True)),
        [("10.5555/dim.1", "101-110"), ("10.5555/dim.2", "e12")],
    ),
    "csv-excel-sep-line.csv": lambda at: (
        [(record.doi, record.abstract) for record in at.records],
        [("10.5555/sep.1", "An abstract; with a semicolon")],
    ),
    "csv-openalex-export.csv": lambda at: (
        (
            *(len(_names(at)), at.records[0].venue, at.records[0].volume, at.records[0].issue),
            *(at.records[0].pages, len(at.records[0].keywords), at.records[0].pmid),
            *(at.records[0].types, at.origin.database, at.origin.platform),
        ),
        (
            *(3, "Invented Health", "12", "3", "101-119", 2, "38000012", ("article",)),
            *("OpenAlex", "OpenAlex"),
        ),
    ),
    "csv-placeholders-as-values.csv": lambda at: (
        (_values(at, "flags"), _names(at)),
        ([("no-abstract",), ("no-abstract",)], []),
    ),
    "csv-pubmed-authors-with-one-word-name.csv": lambda at: (
        _names(at),
        ["Okafor N", "Lindqvist P", "WHO", "Kask T."],
    ),
    "csv-scopus-authors-comma-separated.csv": lambda at: (
        (_names(at), at.records[0].pages, _names(at, 2), at.records[1].flags),
        (
            ["Gatica, G.N.", "Sequeira, F.A.", "van der Berg, J."],
            *("201-219", [], ("no-abstract",)),
        ),
    ),
    "csv-scopus-new-author-full-names.csv": lambda at: (_values(at, "pages"), ["11-29"]),
    "dedupe-doi-with-publisher-suffix-full.ris": lambda at: (
        (len(_reports(at)), set(_values(at, "doi"))),
        (2, {"10.3389/fpsyg.2018.00999", "10.1002/inv.22183"}),
    ),
    "dedupe-endnote-note-doi-blocks-merge.ris": lambda at: (_reports(at), [[1, 2], [3]]),
    "origin-one-pmc-link-makes-it-pubmed.csv": lambda at: (
        (at.origin.database, at.origin.platform),
        (None, None),
    ),
    "refworks-abstract-line-begins-with-two-capitals.txt": lambda at: (
        ((at.records[0].abstract or "")[-17:], {"US", "UK"} & set(at.records[0].extra)),
        ("Countries differ.", set()),
    ),
    "ris-abstract-line-begins-T2-weighted.ris": lambda at: (
        (at.records[0].venue, (at.records[0].abstract or "")[-7:]),
        ("Journal of Invented Imaging", "agreed."),
    ),
    "ris-authors-joined-by-semicolons.ris": lambda at: (
        _names(at),
        ["Okafor, Nadia", "Lindqvist, Per", "Moreau, Lise"],
    ),
    "ris-endnote-notes-hold-another-doi.ris": lambda at: (
        _values(at, "doi"),
        [None, "10.5555/comment.77"],
    ),
    "ris-indented-continuation-lines.ris": lambda at: (
        _values(at, "venue"),
        ["Journal of Invented Indents"],
    ),
    "ris-mixed-A1-and-AU-order.ris": lambda at: (
        [name.split(",")[0] for name in _names(at)],
        ["Moreau", "Kask", "Okafor"],
    ),
    "ris-mostly-ascii-utf8-one-broken-byte.ris": lambda at: (
        (_names(at), at.records[0].title),
        (MUELLER, "Größe der Stiefel"),
    ),
    "ris-two-encodings-concatenated.ris": lambda at: (
        [_names(at, position) for position in range(1, 6)],
        [MUELLER, MUELLER, MUELLER, OESTLUND, OESTLUND],
    ),
    "tsv-wos-tab-delimited-utf16.txt": lambda at: (_values(at, "pages"), ["101-109", "e0191234"]),
    "xlsx-wos-savedrecs.xlsx": lambda at: (_values(at, "pages"), ["101-109", "e0191299"]),
}


@pytest.mark.case("files")
@pytest.mark.parametrize("name", sorted(RIGHT))
def test_what_was_read_wrongly_is_read_right(name: str) -> None:
    found, right = RIGHT[name](read((CASES / "files" / name).read_bytes()))
    assert found == right
