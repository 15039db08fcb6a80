"""What a file is, by its content. Names and extensions are not looked at: they lie too often."""

from __future__ import annotations

import re
from typing import BinaryIO

from harvest.errors import UnknownFormat, UnreadableFile
from harvest.files import (
    bibtex,
    delimited,
    ebsco_xml,
    endnote_xml,
    jsonl,
    nbib,
    ovid,
    proquest_text,
    pubmed_xml,
    refer,
    refworks,
    ris,
    wos,
    xlsx,
)
from harvest.text import decode
from harvest.xml import root_name

_HEAD = 256 * 1024
READABLE = (
    "RIS, PubMed text (NBIB), PubMed XML, BibTeX, EndNote XML, EndNote tagged (Refer), Web of "
    "Science tagged, Ovid text, ProQuest text, RefWorks tagged, CSV, TSV, XLSX or JSON Lines"
)
_REMEDY = f"Export the records as {READABLE}."

# Formats that people upload and that we can name but not read; each with what to do instead.
_OTHERS = (
    (re.compile(r"^--[A-Z]{2}-- ", re.M), re.compile(r"."), "Biblioscape"),
    (re.compile(r"^nep\.repec\.org", re.M), re.compile(r"."), "RePEc NEP report"),
    (re.compile(r"Record.*INSPEC"), re.compile(r"."), "INSPEC text"),
    (re.compile(r"^\s*[\[{]\s*[\[{\"]"), re.compile(r"."), "JSON"),
    (re.compile(r"^\s*<!doctype html|^\s*<html", re.I), re.compile(r"."), "a web page"),
)
# Formats by tags, told apart by what no other of them has.
_TAGGED = {
    "wos": wos.looks_like,
    "ovid": ovid.looks_like,
    "proquest-text": proquest_text.looks_like,
    "refworks": refworks.looks_like,
    "refer": refer.looks_like,
}
_MAGIC = (
    (b"%PDF", "a PDF"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file (.xls, .doc)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK", "a zip archive that holds no workbook"),
    (b"SQLite format 3", "a SQLite database"),
)


def sniff(stream: BinaryIO) -> str:
    """Name of the file's format, one of ``harvest.files.read.FORMATS``.

    The stream is left at its beginning.

    Raises:
        UnknownFormat: the content is of no format we read; the message names it where we can.
        UnreadableFile: the file is empty or holds no text.
    """
    stream.seek(0)
    head = stream.read(_HEAD)
    stream.seek(0)
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise UnreadableFile("The file is empty.", remedy="Export the records again.")
    if xlsx.looks_like(head, stream):
        return "xlsx"
    for magic, name in _MAGIC:
        if head.startswith(magic):
            raise UnknownFormat(f"The file is {name}, not a list of records.", remedy=_REMEDY)
    root = root_name(head)
    if root is not None:
        return _xml(root, head)
    text = _whole_lines(decode(head).text, cut=len(head) == _HEAD)
    return _text(text)


def _whole_lines(text: str, *, cut: bool) -> str:
    return text.rpartition("\n")[0] or text if cut else text


def _xml(root: str, head: bytes) -> str:
    if root in pubmed_xml.ROOTS:
        return "pubmed-xml"
    # EndNote and what writes its XML use the same root.
    if root in ebsco_xml.ROOTS and ebsco_xml.looks_like(head):
        return "ebsco-xml"
    if root in endnote_xml.ROOTS:
        return "endnote-xml"
    raise UnknownFormat(
        f"The XML file's root element is <{root}>; Winnow reads <PubmedArticleSet>, "
        "<PubmedBookArticleSet>, single PubMed articles, EndNote's <xml> and EBSCO's <records>.",
        remedy=_REMEDY,
    )


def _text(text: str) -> str:
    if jsonl.looks_like(text):
        return "jsonl"
    if ris.looks_like(text) and not _is_nbib_with_ris_like_tags(text):
        return "ris"
    for name, looks_like in _TAGGED.items():
        if looks_like(text):
            return name
    if bibtex.looks_like(text):
        return "bibtex"
    if nbib.looks_like(text):
        return "nbib"
    for first, second, name in _OTHERS:
        if first.search(text) and second.search(text):
            raise UnknownFormat(f"The file looks like {name}, which is not read.", remedy=_REMEDY)
    if delimited.looks_like(text):
        return "csv"
    raise UnknownFormat("The file's format was not recognised.", remedy=_REMEDY)


def _is_nbib_with_ris_like_tags(text: str) -> bool:
    return bool(re.search(r"^PMID- ?\d", text, re.M)) and not re.search(
        r"^\s{0,3}TY {1,2}- ", text, re.M
    )
