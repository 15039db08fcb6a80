"""Every real import file gives a record or a reason for each entry, and nothing is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvest.errors import UnreadableFile
from harvest.file_content import FileContent
from tests.harvest.reading import read
from tests.shared import IMPORTS, needs_shared

FILES = (
    sorted(p for p in IMPORTS.rglob("*") if p.is_file() and ".expected-" not in p.name)
    if IMPORTS.is_dir()
    else []
)
# Formats that Winnow names but does not read, and files that hold no record.
_UNREAD = re.compile(
    r"\.(vec|md|json)$|Biblioscape.*txt$|Repec|Inspec.*txt$|OvidImporterTest2Invalid"
    r"|pattern\.|emptyFile|Empty\.(txt|isi)|InvalidFormat"
)


def _name(path: Path) -> str:
    return str(path.relative_to(IMPORTS))


def _content(path: Path) -> FileContent | None:
    try:
        return read(path.read_bytes())
    except UnreadableFile as error:
        assert error.message, "a refusal says why"
        assert error.remedy, "a refusal says what to do"
        return None


@needs_shared
@pytest.mark.parametrize("path", FILES, ids=_name)
def test_every_file_is_read_whole_or_refused_with_a_remedy(path: Path) -> None:
    content = _content(path)
    assert (content is None) == bool(_UNREAD.search(_name(path)))
    if content is None:
        return
    positions = sorted(e.position for e in (*content.records, *content.rejected))
    assert positions == list(range(1, len(positions) + 1))
    for record in content.records:
        assert record.identifiable or "malformed-id" in record.flags
        texts = [record.title, record.abstract, *(a.name for a in record.authors)]
        assert not any("\x00" in text for text in texts if text)


_RIS_START = re.compile(rb"^[ \xef\xbb\xbf]*TY {0,2}- ?", re.MULTILINE)


@needs_shared
@pytest.mark.parametrize("path", [p for p in FILES if p.suffix == ".ris"], ids=_name)
def test_ris_files_give_an_entry_for_every_type_line(path: Path) -> None:
    data = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    starts = len(_RIS_START.findall(data))
    content = _content(path)
    if content is not None and starts:
        untyped = sum("no-type-line" in record.flags for record in content.records)
        assert content.entries_read - untyped == starts


def _oracle(path: Path) -> Path:
    return path.with_name(f"{path.name.split('.')[0]}.expected-zotero-items.json")


@needs_shared
@pytest.mark.parametrize(
    "path", [p for p in FILES if "zotero-BibTeX" in str(p) and _oracle(p).is_file()], ids=_name
)
def test_bibtex_titles_are_those_that_zotero_reads(path: Path) -> None:
    expected = [item.get("title") for item in json.loads(_oracle(path).read_text())]
    content = _content(path)
    assert content is not None
    found = {record.title for record in content.records}
    words = lambda text: re.sub(r"[^a-z0-9]", "", re.sub(r"<[^>]+>", "", text or "").lower())  # noqa: E731
    missing = {words(t) for t in expected if t} - {words(t) for t in found}
    # Mathematics and unusual macros read differently; the number of records may not differ.
    assert content.entries_read >= len(expected)
    assert len(missing) <= max(1, len(expected) // 3)


@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        content = read(data)
    except UnreadableFile as error:
        assert error.remedy
    else:
        assert content.entries_read == len(content.records) + len(content.rejected)


_SEEDS = [
    b"TY  - JOUR\nTI  - A\nER  -\n",
    b"PMID- 1\nTI  - A\n",
    b"@article{a, title={B}}\n",
    b"title,abstract\na,b\n",
    b"<xml><records><record><titles><title>A</title></titles></record></records></xml>",
    b'{"title": "A"}\n',
]


@given(st.sampled_from(_SEEDS), st.binary(max_size=30), st.integers(0, 200))
def test_a_file_with_junk_in_it_is_read_or_refused(seed: bytes, junk: bytes, at: int) -> None:
    data = seed * 3
    try:
        content = read(data[:at] + junk + data[at:])
    except UnreadableFile as error:
        assert error.remedy
    else:
        assert content.entries_read == len(content.records) + len(content.rejected)


def _words(text: str | None) -> str:
    plain = re.sub(r"<[^>]+>|\[(?:Article|Review|References|Miscellaneous)[^\]]*\]", "", text or "")
    return re.sub(r"[^a-z0-9]", "", plain.lower())


ORACLES = sorted(
    path
    for folder in ("zotero-OVIDTagged", "zotero-WebOfScienceTagged")
    for path in (IMPORTS / folder).glob("case*")
    if ".expected-" not in path.name
)


@needs_shared
@pytest.mark.parametrize("path", ORACLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_is_read_is_what_zotero_reads(path: Path) -> None:
    expected = json.loads(
        path.with_name(f"{path.stem}.expected-zotero-items.json").read_text(encoding="utf-8")
    )
    found = read(path.read_bytes())
    assert len(found.records) == len(expected)
    for record, item in zip(found.records, expected, strict=True):
        # A subtitle is joined there and stands by itself here.
        assert _words(item["title"]).startswith(_words(record.title)[:40])
        if item.get("DOI"):
            assert record.doi == item["DOI"].lower()
        if item.get("abstractNote"):
            assert _words(record.abstract)[:60] == _words(item["abstractNote"])[:60]
