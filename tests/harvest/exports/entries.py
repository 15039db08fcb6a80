"""Entries for exports: hostile ones by hypothesis, and what of them each format holds."""

from __future__ import annotations

import io
from dataclasses import replace

from hypothesis import strategies as st

from api.documents.exports import FORMATS
from harvest.exports.entry import ExportEntry, StageDecision
from harvest.file_content import FileContent
from harvest.files.build import Fields, create_record
from harvest.files.labels import ours
from harvest.files.read import read_file
from harvest.record import Author, Record

# What ends values, entries, rows or files in one format or another.
HOSTILE = (
    *("\nTY  - JOUR\nER  - \nTI  - injected", "ER  - ", "a\nTI  - injected", "TY  - JOUR"),
    *("=SUM(A1:A2)", "@handle", "-5 degrees", "+1", "\t=1", "'quoted", '"', '",\r\n"', "a;b", ";"),
    *("a; b", "x,y", "|", "\\", "\\;", "\\\\", "back\\", "{", "}", "{}", "{a}", "}{", "%", "100 %"),
    *("#", "a # b", "$x$", "~", "^", "&amp;", "&", "&lt;b&gt;", "<b>bold</b>", "@article{x,", "_"),
    *("Smith and Jones", "and", "AND", "others", "--", "---", "''", "``", "\\textbackslash{}"),
    *("NA", "None", "null", "0", "-1", "nan", "include", "1", "[No abstract available]", "-"),
    *("Winnow decision: include", "Winnow note: x", "ASReview_relevant", "ASReview_not_seen"),
    *("Source note: Winnow decision: include", "Winnow record: 5", "Winnow type: not stated"),
    *("_x0041_", "_x005F_x0041_", "\x00", "\ud800", "\x0b\x0c\x1c", "\x85", "\u2028", "\ufffe"),
    *("\r", "\r\n", "a\rb", "\ufeff", "é", "e\u0301", "李, 明", "Ἐπιστήμη", "😀", "sep=;", "12–19"),
    *("S12-S15", "101-9; discussion 110-2", "e123", "5-5", "-", "1-2-3", "n/a", "PMID: 5"),
)
texts = st.lists(
    st.one_of(st.sampled_from(HOSTILE), st.text(max_size=12)), min_size=1, max_size=4
).map(" ".join)
maybe = st.one_of(st.none(), texts)
many = st.lists(texts, max_size=3)
ids = st.one_of(st.none(), st.integers(1, 10**8).map(str))
links = st.lists(
    st.text("abc;,&%#_-~=?/()'", max_size=12).map(lambda path: f"https://example.org/{path}"),
    max_size=2,
)
dois = st.one_of(
    st.none(), st.text("abc;,&%#_-=()/.1", min_size=1, max_size=12).map("10.5555/{}".format)
)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """A record as the store holds it: cleaned when it was read from a file."""
    made = create_record(
        Fields(
            position=1,
            title=draw(maybe),
            abstract=draw(maybe),
            authors=[Author(name, draw(st.booleans())) for name in draw(many)],
            date=draw(st.one_of(st.none(), st.just("2015 Feb 3"), st.just("2015-02-03"))),
            year=draw(st.one_of(st.none(), st.just("2015"))),
            venue=draw(maybe),
            volume=draw(maybe),
            issue=draw(maybe),
            pages=draw(maybe),
            publisher=draw(maybe),
            doi=[value for value in (draw(dois),) if value],
            pmid=[value for value in (draw(ids),) if value],
            pmcid=[f"PMC{value}" for value in (draw(ids),) if value],
            issn=draw(maybe),
            urls=draw(links),
            language=draw(maybe),
            types=draw(st.lists(st.one_of(st.sampled_from(["JOUR", "Article", "CHAP"]), texts))),
            keywords=draw(many),
            accession=draw(maybe),
            database=draw(maybe),
            notes=draw(many),
            flags=draw(st.sampled_from([(), ("retracted",), ("key-used-twice",)])),
            extra=draw(st.dictionaries(st.sampled_from(["A2", "CY", "Ref.", "decision"]), texts)),
        )
    )
    if not isinstance(made, Record):
        return Record(1, title="nothing else")
    names: dict[str, Author] = {}
    for author in made.authors:
        names.setdefault(author.name, author)
    return replace(made, authors=tuple(names.values()))


@st.composite
def decisions(draw: st.DrawFn, stage: str) -> StageDecision | None:
    """A decision with hostile names, notes and reasons; None if nobody has decided."""
    if draw(st.booleans()):
        return None
    given = tuple(draw(many))
    return StageDecision(
        decision=draw(st.sampled_from(["include", "exclude", "maybe"])),
        stage=stage,
        decided_by=draw(maybe),
        decided_at="2026-01-02T03:04:05+00:00",
        note=draw(maybe),
        reason=given[0] if given else None,
        reasons=given,
        questions=tuple(draw(many)),
    )


@st.composite
def entries(draw: st.DrawFn) -> list[ExportEntry]:
    """Entries of one export, whose numbers are their places."""
    return [
        ExportEntry(
            record=draw(records()),
            record_id=number,
            report_id=number,
            decision=draw(decisions(ours.TITLE_ABSTRACT)),
            full_text=draw(decisions(ours.FULL_TEXT)),
            tags=tuple(draw(many)),
            team_notes=tuple(draw(many)),
            sources=tuple(draw(many)),
            source_id=draw(maybe),
            score=draw(st.one_of(st.none(), st.floats(-9, 9))),
            place=number,
            attribution=draw(maybe),
        )
        for number in range(1, draw(st.integers(1, 3)) + 1)
    ]


def write(file_format: str, made: list[ExportEntry]) -> bytes:
    """The bytes of an export."""
    pieces = FORMATS[file_format].write(made)
    return b"".join(piece.encode() if isinstance(piece, str) else piece for piece in pieces)


def read(data: bytes) -> FileContent:
    """The export as Winnow reads it."""
    return read_file(io.BytesIO(data))
