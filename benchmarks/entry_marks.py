"""Count the entries of a file by the marks that begin them, without parsing what is in them."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Final

from harvest.text import decode

_MARKS: Final = {
    "ris": r"^\s{0,3}TY\s{0,3}-",
    "nbib": r"^PMID ?- ?\d",
    "bibtex": r"^[ \t]*@(?!comment\b|string\b|preamble\b)[A-Za-z][\w-]*\s*[{(]",
    "wos": r"^\ufeff?PT [A-Z]\b",
    "ovid": r"^\s{0,3}<\s*\d+\s*\.?\s*>\s*$",
    "proquest-text": r"^(?:Document|Dokument) \d+ of \d+",
    "refer": r"^%0 |\A%[A-Z] ",
    "refworks": r"^RT ",
    "pubmed-xml": r"<(?:PubmedArticle|PubmedBookArticle|DeleteCitation)\b",
    "endnote-xml": r"<record>",
    "ebsco-xml": r"<rec\b",
}


def count_entries(path: Path, file_format: str) -> int | None:
    """The number of marks; None where a format has none."""
    raw = path.read_bytes()
    if file_format == "xlsx":
        with zipfile.ZipFile(io.BytesIO(raw)) as book:
            sheet = book.read("xl/worksheets/sheet1.xml").decode()
        return len(re.findall(r"<row\b[^>]*>\s*<c", sheet)) - 1
    text = decode(raw).text
    if file_format == "jsonl":
        return sum(bool(line.strip()) for line in text.split("\n"))
    if file_format == "json":
        return len(json.loads(text))
    if file_format == "csv":
        divider = max(",;\t", key=text.split("\n", 1)[0].count)
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=divider) if any(row)]
        return len(rows) - 1
    mark = _MARKS.get(file_format)
    return len(re.findall(mark, text, re.MULTILINE | re.IGNORECASE)) if mark else None
