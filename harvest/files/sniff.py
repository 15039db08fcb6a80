"""Detect a file's format by its content. Names and extensions are ignored: they are often wrong."""

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
from harvest.files.labels import asreview_project, eppi_json
from harvest.text import decode
from harvest.xml import root_name

_HEAD = 256 * 1024
READABLE = (
    "RIS, PubMed text (NBIB), PubMed XML, BibTeX, EndNote XML, EndNote tagged (Refer), Web of "
    "Science tagged, Ovid text, ProQuest text, RefWorks tagged, CSV, TSV, XLSX, JSON Lines, "
    "EPPI-Reviewer JSON or an ASReview project"
)
_REMEDY = f"Export the records as {READABLE}."

# Formats that people upload and that we can recognise but not read.
_OTHERS = (
    (re.compile(r"^--[A-Z]{2}-- ", re.M), "Biblioscape"),
    (re.compile(r"^nep\.repec\.org", re.M), "RePEc NEP report"),
    (re.compile(r"Record.*INSPEC"), "INSPEC text"),
    (re.compile(r"^\s*[\[{]\s*[\[{\"]"), "JSON"),
    (re.compile(r"^\s*<!doctype html|^\s*<html", re.I), "a web page"),
)
# Tagged formats; each is recognised by something that the others do not have.
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
    (b"PK", "a zip archive without a workbook or an ASReview project"),
    (b"SQLite format 3", "a SQLite database"),
)


def sniff(stream: BinaryIO) -> str:
    """Detect the file's format, one of ``harvest.files.read.FORMATS``.

    Leaves the stream at its start.

    Raises:
        UnknownFormat: we cannot read the format; the message names it if it is known.
        UnreadableFile: the file is empty or is not text.
    """
    stream.seek(0)
    head = stream.read(_HEAD)
    stream.seek(0)
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise UnreadableFile("The file is empty.", remedy="Export the records again.")
    if xlsx.looks_like(head, stream):
        return "xlsx"
    if asreview_project.looks_like(head, stream):
        return "asreview"
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
    # EBSCOhost and some programs that write EndNote's XML use the same root element.
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
    if eppi_json.looks_like(text):
        return "eppi-json"
    # Cells may hold lines that look like another format's.
    if delimited.begins_with_header(text):
        return "csv"
    if ris.looks_like(text) and not _is_nbib_with_ris_like_tags(text):
        return "ris"
    for name, looks_like in _TAGGED.items():
        if looks_like(text):
            return name
    if bibtex.looks_like(text):
        return "bibtex"
    if nbib.looks_like(text):
        return "nbib"
    for pattern, name in _OTHERS:
        if pattern.search(text):
            raise UnknownFormat(
                f"The file looks like {name}, which Winnow cannot read.", remedy=_REMEDY
            )
    if delimited.looks_like(text):
        return "csv"
    raise UnknownFormat("The file's format was not recognised.", remedy=_REMEDY)


def _is_nbib_with_ris_like_tags(text: str) -> bool:
    return bool(re.search(r"^PMID- ?\d", text, re.M)) and not re.search(
        r"^\s{0,3}TY {1,2}- ", text, re.M
    )
