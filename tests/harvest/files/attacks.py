"""Small files that are made to take much time or memory, for each format that Winnow reads."""

from __future__ import annotations

import gzip
import io
import json
import random
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

MB = 1_000_000
# All are under a million bytes.
MOST = MB


def attacks() -> Iterator[tuple[str, bytes]]:
    """The files by name; each is made when its turn comes."""
    for name, make in _MADE.items():
        data = make()
        assert len(data) <= MOST, f"{name} has {len(data):,} bytes"
        yield name, data


def named(name: str) -> bytes:
    """One of the files."""
    return _MADE[name]()


def names() -> list[str]:
    """What the files are called."""
    return list(_MADE)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A file with some of its bytes changed, cut, repeated or moved."""
    pieces = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at, other = (chance.randrange(len(pieces) + 1) for _ in range(2))
        length = chance.choice((1, 3, 20, 200, 4000))
        change = chance.randrange(6)
        if change == 0:
            pieces[at : at + length] = b""
        elif change == 1:
            pieces[at:at] = chance.randbytes(length)
        elif change == 2:
            pieces[at:at] = pieces[other : other + length] * chance.choice((1, 2, 50))
        elif change == 3:
            pieces[at:at] = chance.choice(_ODD) * chance.choice((1, 10, 1000))
        elif change == 4 and at < len(pieces):
            pieces[at] = chance.randrange(256)
        else:
            del pieces[max(at, 1) :]
    return bytes(pieces)


_ODD = (
    *(b"{", b"}", b"[", b'"', b"'", b"<", b"(", b"\\", b"@", b"\n", b"\r", b" ", b"\x00", b"\xff"),
    *(b"TY  - ", b"ER  - \n", b"AB  - ", b"</record>", b"<!--", b"&amp;", b"@a{", b'"=>', b",,"),
    *("\u202e".encode(), "\ud7ff".encode(), b"\xed\xa0\x80", b"PMID- ", b"\t", b";", b"1e999"),
)


def _fill(text: str, size: int = 900_000) -> str:
    return text * (size // len(text))


def _ris(*lines: str) -> bytes:
    return "\n".join(("TY  - JOUR", *lines, "ER  - ", "")).encode()


def _csv(value: str, header: str = "title,abstract,doi,authors,keywords,url,notes") -> bytes:
    """A table with one value in one row; ``value`` has no quotes."""
    return f'{header}\n"A","B",{value}\n'.encode()


def _zip(parts: Mapping[str, bytes | str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


_SHEET = (
    '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/'
    'main">{dimension}<sheetData>{rows}</sheetData></worksheet>'
)
_HEADER = '<row r="1"><c r="A1" t="inlineStr"><is><t>title</t></is></c></row>'


def _xlsx(rows: str, *, dimension: str = "", shared: str = "", head: str = "") -> bytes:
    """A workbook with one sheet."""
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    strings = (
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kinds}.sharedStrings+xml"/>'
        if shared
        else ""
    )
    sheet = head + _SHEET.format(
        dimension=f'<dimension ref="{dimension}"/>' if dimension else "", rows=rows
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
        'relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kinds}.worksheet+xml"/>'
        f"{strings}</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{relation}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/'
        f'main" xmlns:r="{relation}"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="rId1" Type="{relation}/worksheet" Target="worksheets/sheet1.xml"/>'
        + (
            f'<Relationship Id="rId2" Type="{relation}/sharedStrings" Target="sharedStrings.xml"/>'
            if shared
            else ""
        )
        + "</Relationships>",
        "xl/worksheets/sheet1.xml": sheet,
    }
    if shared:
        parts["xl/sharedStrings.xml"] = shared
    return _zip(parts)


def _inline(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def _wide_workbook() -> bytes:
    cells = "".join(f'<c t="inlineStr"><is><t>{n}</t></is></c>' for n in range(16_384))
    return _xlsx("".join(f'<row r="{n}">{cells}</row>' for n in range(1, 21)))


def _far_cells() -> bytes:
    rows = "".join(
        f'<row r="{n}">{_inline(f"A{n}", "title")}{_inline(f"XFD{n}", "x")}</row>'
        for n in range(1, 100_000)
    )
    return _xlsx(rows)


def _strings() -> bytes:
    """Shared strings of nothing: a hundred times the file."""
    shared = (
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        + "<si/>" * 30_000_000
        + "</sst>"
    )
    return _xlsx(_HEADER, shared=shared)


def _project(data: bytes = b"title,abstract\nA,B\n", **more: bytes) -> bytes:
    """An ASReview project with this data set."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.db"
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE results (record_id INTEGER, label INTEGER)")
        connection.close()
        results = path.read_bytes()
    config = {"datasets": [{"name": "d.csv"}], "reviews": [{"id": "a"}]}
    return _zip(
        {
            "project.json": json.dumps(config),
            "reviews/a/results.db": results,
            "data/d.csv": data,
            **more,
        }
    )


def _nested_gzip() -> bytes:
    data = gzip.compress(b"TY  - JOUR\nTI  - A\nER  - \n" * 4_000_000)
    for _ in range(3):
        data = gzip.compress(data)
    return data


def _zeros(megabytes: int) -> bytes:
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb", compresslevel=6) as archive:
        for _ in range(megabytes):
            archive.write(bytes(MB))
    return target.getvalue()


def _entities(root: str) -> bytes:
    lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    return (
        f'<?xml version="1.0"?><!DOCTYPE {root} [<!ENTITY e0 "boots">{lines}]>'
        f"<{root}><records><record><titles><title>&e11;</title></titles></record></records></{root}>"
    ).encode()


def _deep(begin: str, end: str, depth: int) -> str:
    return begin * depth + end * depth


_MADE: dict[str, Callable[[], bytes]] = {
    # Fields that expressions would go through again and again.
    "doi-of-brackets.csv": lambda: _csv("10.1000/" + "<" * 800_000),
    "doi-of-brackets-both.csv": lambda: _csv("10.1000/" + _fill("<a>", 800_000)),
    "doi-of-closing-brackets.csv": lambda: _csv("10.1000/a" + ")" * 800_000),
    "doi-of-views.csv": lambda: _csv("10.1000/a" + _fill(".pdf", 800_000)),
    "doi-of-views-and-brackets.ris": lambda: _ris(
        "TI  - A", *(f"DO  - 10.1000/a{').pdf' * 55}" for _ in range(2_800))
    ),
    "doi-begins-often.ris": lambda: _ris("TI  - A", "DO  - " + _fill("10.1000/", 800_000)),
    "authors-of-and.csv": lambda: _csv('10.1/1,"' + _fill("and ", 800_000) + '"'),
    "authors-of-commas.csv": lambda: _csv('10.1/1,"' + _fill("A, Jr, ", 800_000) + '"'),
    "authors-of-spaces.ris": lambda: _ris("TI  - A", "AU  - Smith" + " " * 800_000 + ", J"),
    "authors-as-a-list.csv": lambda: _csv('10.1/1,"[' + _fill("'a', ", 800_000) + "'b']\""),
    "authors-as-a-deep-list.csv": lambda: _csv("10.1/1,\"['" + "[" * 800_000 + "']\""),
    "title-of-tags.ris": lambda: _ris("TI  - " + _fill("<a b=", 800_000)),
    "title-of-entities.ris": lambda: _ris("TI  - " + _fill("&#x", 800_000)),
    "title-of-ampersands.ris": lambda: _ris("TI  - " + _fill("&", 800_000)),
    "title-of-accents.ris": lambda: _ris("TI  - a" + _fill("\u0301\u0327", 400_000)),
    "title-of-brackets.ris": lambda: _ris("TI  - " + _fill("(see vol", 800_000)),
    "title-of-one-megabyte.ris": lambda: _ris("TI  - " + _fill("boots ", 980_000)),
    "venue-of-numbers.csv": lambda: _csv("B", "title,source title,venue").replace(
        b'"B"', b'"' + _fill("A (2014) ", 800_000).encode() + b'"'
    ),
    "ovid-source-lines.txt": lambda: "".join(
        f"<{n}. >\nTitle\n  A\nSource\n  {('J. 1(1), ' * 49)[:490]}\n" for n in range(1, 1_700)
    ).encode(),
    "ovid-lines-of-names.txt": lambda: ("<1. >\n" + _fill("Name of field\n  x\n")).encode(),
    "ovid-lines-of-text.txt": lambda: ("<1. >\nAB  - x\n" + _fill("Text and text\n")).encode(),
    "ovid-degrees.txt": lambda: ("<1. >\nTI  - A\nAU  - " + _fill("A MD ")).encode(),
    # Entries with very many lines or tags.
    "ris-lines-that-go-on.ris": lambda: _ris("TI  - A", "AB  - x", _fill("      y\n")),
    "ris-many-keywords.ris": lambda: _ris("TI  - A", _fill("KW  - a\n")),
    "ris-many-authors.ris": lambda: _ris("TI  - A", _fill("AU  - A\n")),
    "ris-types-without-ends.ris": lambda: _fill("TY  - JOUR\n").encode(),
    "nbib-lines-that-go-on.txt": lambda: (
        "PMID- 1\nTI  - A\nAB  - x\n" + _fill("      y\n")
    ).encode(),
    "refer-many-tags.enw": lambda: ("%0 Journal Article\n%T A\n" + _fill("%K a\n")).encode(),
    "wos-many-tags.txt": lambda: (
        "PT J\nTI A\nER\nPT J\nTI A\n" + _fill("DE a\n") + "ER\nEF\n"
    ).encode(),
    "refworks-many-tags.txt": lambda: ("RT Journal\nT1 A\n" + _fill("K1 a\n")).encode(),
    "proquest-many-lines.txt": lambda: (
        "Report Information from ProQuest\n____________________\nDocument 1 of 1\nTitle: A\n"
        + _fill("Abstract: a\n")
    ).encode(),
    "history-of-spaces.ris": lambda: (
        "1 a" + " " * 100_000 + "(\n" + "Database: a" + " " * 100_000 + "x\nTY  - JOUR\nTI  - A\n"
    ).encode(),
    # Tables.
    "csv-a-million-columns.csv": lambda: ("title" + "," * 990_000 + "\nA\n").encode(),
    "csv-many-wide-rows.csv": lambda: ("title" + "," * 45_000 + "\n").encode() * 20,
    "csv-quotes-never-closed.csv": lambda: ("title,abstract\n" + _fill('x","\n')).encode(),
    "csv-one-long-field.csv": lambda: ('title,abstract\nA,"' + _fill("boots ", 980_000)).encode(),
    "csv-long-column-name.csv": lambda: (
        "title,doi," + "n" * 300_000 + "\n" + _fill("A,10.1/1,x\n", 600_000)
    ).encode(),
    "csv-lines-of-nothing.csv": lambda: ("title,doi\nA,b\n" + "\n" * 900_000 + "B,c\n").encode(),
    "csv-utf-16-without-mark.csv": lambda: (
        "title,abstract\n" + _fill("Boots,Text\n", 400_000)
    ).encode("utf-16-le"),
    "csv-broken-bytes.csv": lambda: b"title,abstract\n\xc3\xa9t\xc3\xa9s," + b"\xe9a" * 450_000,
    "csv-broken-lines.csv": lambda: (
        b"title,abstract\n" + b"\xc3\xa9\xe9\xff" * 8 + b",a\n" + b"\xc3\xa9\xe9\xff,a\n" * 40_000
    ),
    "csv-bytes-of-many-scripts.csv": lambda: (
        b"title,abstract\n"
        + bytes(random.Random(1).choice(range(0x80, 0x100)) for _ in range(900_000))
    ),
    # JSON.
    "json-deep-lines.jsonl": lambda: ('{"title": ' + _deep("[", "]", 100_000) + "}\n").encode() * 4,
    "json-deep-unclosed.jsonl": lambda: b'{"title":' * 100_000,
    "json-deep-eppi.json": lambda: (
        '{"References": [{"ItemId": 1, "Title": ' + _deep('{"a":', "}", 100_000) + "}]}"
    ).encode(),
    "json-many-numbers.jsonl": lambda: ('{"title": "A", "x": [' + _fill("1,") + "1]}\n").encode(),
    "json-long-number.jsonl": lambda: ('{"title": "A", "x": ' + "9" * 900_000 + "}\n").encode(),
    "json-eppi-one-code.json": lambda: json.dumps(
        {
            "CodeSets": [
                {
                    "SetName": "S",
                    "Attributes": {
                        "AttributesList": [{"AttributeId": 1, "AttributeName": "n" * 100_000}]
                    },
                }
            ],
            "References": [
                {"ItemId": n, "Title": "A", "Codes": [{"AttributeId": 1}]} for n in range(10_000)
            ],
        }
    ).encode(),
    # BibTeX.
    "bibtex-open-braces.bib": lambda: ("@article{a, title = {" + "{" * 900_000).encode(),
    "bibtex-deep-braces.bib": lambda: (
        "@article{a, title = {" + _deep("{", "}", 200_000) + "}}"
    ).encode(),
    "bibtex-dollars.bib": lambda: ("@article{a, title = {" + _fill("$x") + "}}").encode(),
    "bibtex-macros.bib": lambda: ("@article{a, title = {" + _fill("\\textbf{") + "}}").encode(),
    "bibtex-dashes.bib": lambda: ("@article{a, title = {" + _fill("--") + "}}").encode(),
    "bibtex-fields-without-commas.bib": lambda: (
        "@article{a, title = {A} " + _fill("b = {c} ") + "}"
    ).encode(),
    "bibtex-value-of-spaces.bib": lambda: (
        "@article{a, title = a" + " " * 900_000 + "= b}"
    ).encode(),
    "bibtex-names.bib": lambda: (
        "@article{a, title = {A}, author = {" + _fill("A and ") + "B}}"
    ).encode(),
    "bibtex-ats.bib": lambda: _fill("@a{").encode(),
    "bibtex-at-lines.bib": lambda: _fill("@a{\n").encode(),
    "bibtex-same-key.bib": lambda: _fill("@article{a, title = {A}}\n").encode(),
    "bibtex-strings.bib": lambda: (
        "@article{b, title={B}}\n@string{a = {"
        + "x" * 500_000
        + "}}\n"
        + "".join(f"@article{{k{n}, title = a # a # a}}\n" for n in range(10_000))
    ).encode(),
    "bibtex-comments.bib": lambda: ("@article{a, title={A}}\n" + _fill("@comment{")).encode(),
    # XML.
    "xml-entities.xml": lambda: _entities("xml"),
    "xml-entities-pubmed.xml": lambda: _entities("PubmedArticleSet"),
    "xml-deep.xml": lambda: ("<xml><records><record>" + _deep("<a>", "</a>", 100_000)).encode(),
    "xml-comments.xml": lambda: ("<?xml version='1.0'?>" + _fill("<!--")).encode(),
    "xml-document-types.xml": lambda: _fill("<!DOCTYPE [").encode(),
    "xml-records-in-records.xml": lambda: (
        "<xml><records>"
        + "<record>" * 200
        + "<titles><title>"
        + "x" * 900_000
        + "</title></titles>"
        + "</record>" * 200
        + "</records></xml>"
    ).encode(),
    "xml-many-elements.xml": lambda: (
        "<xml><records><record>" + _fill("<keywords/>") + "</record></records></xml>"
    ).encode(),
    "xml-many-attributes.xml": lambda: (
        "<xml><records><record "
        + " ".join(f'a{n}=""' for n in range(80_000))
        + "/></records></xml>"
    ).encode(),
    # Archives.
    "gzip-of-zeros.ris.gz": lambda: _zeros(900),
    "gzip-of-records.ris.gz": lambda: gzip.compress(
        b"TY  - JOUR\nTI  - A\nER  - \n" * 7_000_000, compresslevel=6
    ),
    "gzip-in-gzip.gz": _nested_gzip,
    "gzip-cut-off.ris.gz": lambda: gzip.compress(b"TY  - JOUR\n" * 100_000)[:-20],
    "xlsx-false-dimension.xlsx": lambda: _xlsx(
        _HEADER + f'<row r="2">{_inline("A2", "A")}</row>', dimension="A1:XFD1048576"
    ),
    "xlsx-false-row.xlsx": lambda: _xlsx(
        _HEADER + f'<row r="99999999999">{_inline("A1048576", "A")}</row>'
    ),
    "xlsx-last-row.xlsx": lambda: _xlsx(
        _HEADER + f'<row r="1048576">{_inline("A1048576", "A")}</row>'
    ),
    "xlsx-wide.xlsx": _wide_workbook,
    "xlsx-far-cells.xlsx": _far_cells,
    "xlsx-shared-strings.xlsx": _strings,
    "xlsx-entities.xlsx": lambda: _xlsx(
        _HEADER + f'<row r="2">{_inline("A2", "&e9;")}</row>',
        head="<!DOCTYPE x ["
        + '<!ENTITY e0 "boots">'
        + "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
        + "]>",
    ),
    "xlsx-long-number.xlsx": lambda: _xlsx(
        _HEADER + f'<row r="2"><c r="A2"><v>{"9" * 900_000}</v></c></row>'
    ),
    "xlsx-bomb.xlsx": lambda: _zip({"xl/workbook.xml": b" " * (300 * MB)}),
    "zip-of-many-parts.asreview": lambda: _zip(
        {"project.json": "{}", **{f"{n}": b"" for n in range(8_000)}}
    ),
    "project-bomb.asreview": lambda: _project(b"title,abstract\n" + b"A,B\n" * 60_000_000),
    "project-with-gzip-bomb.asreview": lambda: _project(gzip.compress(b"A,B\n" * 80_000_000)),
    "project-config-deep.asreview": lambda: _zip({"project.json": "[" * 900_000}),
}
