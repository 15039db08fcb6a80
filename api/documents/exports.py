"""Exports of a review's records with decisions and scores: CSV, RIS and JSON Lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import rispy

from harvest.sources.config import Terms
from store import decisions, outcomes, questions, rankings, reasons, records, reviews
from store.records import StoredRecord
from store.session import ReadSession

FORMATS: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "ris": "application/x-research-info-systems; charset=utf-8",
    "jsonl": "application/jsonl; charset=utf-8",
}
WHICH = ("all", "include", "exclude", "maybe", "undecided")
AUDIENCES = ("team", "public")
COLUMNS = (
    *("record_id", "title", "abstract", "authors", "year", "venue", "volume", "issue", "pages"),
    *("doi", "pmid", "pmcid", "url", "language", "types", "keywords", "report_id", "copies"),
    *("source", "source_id"),
    *("decision", "decided_by", "decided_at", "note", "reason", "reasons", "questions"),
    *("score", "place", "n_decisions_ranking"),
    "attribution",
)
# By this a file is known as our own export when it comes back.
WINNOW_NOTE = "Winnow decision:"
# A spreadsheet runs a cell that begins with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Row:
    """A report, shown by its representative, with what screening and ranking say of it.

    ``reasons`` are of everybody who excluded it, ``questions`` of everybody who included it.
    ``reason`` is the reported one: the first of ``reasons`` in the order of the protocol's version
    that the decision that counts was made under.
    """

    stored: StoredRecord
    note: str | None
    reason: str | None
    reasons: tuple[str, ...]
    questions: tuple[str, ...]
    score: float | None
    place: int | None
    n_decisions: int | None
    attribution: str | None


def rows(
    session: ReadSession,
    review_id: int,
    which: str = "all",
    *,
    terms: Mapping[str, Terms] | None = None,
    audience: str = "team",
) -> Iterator[Row]:
    """Reports that count, in the order they came, narrowed by decision.

    Args:
        session: a transaction.
        review_id: the review.
        which: one of ``WHICH``.
        terms: what sources allow, by their short names.
        audience: "team", or "public" for a file that leaves it: abstracts that their source does
            not let be shared, and those of imported files, whose terms nobody stated, are left out.

    Raises:
        ValueError: ``which`` is not one of ``WHICH``.
    """
    if which not in WHICH:
        raise ValueError(f"which must be one of {', '.join(WHICH)}, not {which!r}")
    newest = rankings.newest(session, review_id)
    places: dict[int, tuple[int, float]] = {}
    if newest is not None:
        order = rankings.order(session, review_id, newest.id)
        pairs = zip(order.report_ids, order.scores, strict=True)
        places = {report: (at, score) for at, (report, score) in enumerate(pairs, start=1)}
    # Only what counts is told: of a report that awaits decisions, nothing.
    lines = decisions.log(session, review_id, seen_by=None)
    log = {info.report_id: info for info in lines if info.counts}
    bodies = {each.version: each.body for each in reviews.protocols(session, review_id)}
    given = outcomes.together(session, review_id)
    nothing = outcomes.Together(frozenset(), frozenset())
    shared = None
    if audience == "public":
        shared = {name for name, own in (terms or {}).items() if own.share_abstracts}
    for stored in records.every(session, review_id, abstracts_of=shared):
        if which != "all" and (stored.decision or "undecided") != which:
            continue
        decided = log.get(stored.report_id)
        place, score = (None, None)
        if decided is None and stored.report_id in places:
            place, score = places[stored.report_id]
        body = bodies[decided.protocol_version] if decided else {}
        own = given.get(stored.report_id, nothing) if decided else nothing
        known, asked = reasons.texts(body), questions.texts(body)
        yield Row(
            stored=stored,
            note=decided.note if decided else None,
            reason=reasons.reported(body, tuple(own.reasons)),
            reasons=_words(known, own.reasons),
            questions=_words(asked, own.questions),
            score=score,
            place=decided.place if decided else place,
            n_decisions=newest.n_decisions if newest and decided is None else None,
            attribution=_attribution(stored, terms or {}),
        )


def _words(known: Mapping[str, str], given: frozenset[str]) -> tuple[str, ...]:
    """What keys say, in the protocol's order; keys of an older version as they are, at the end."""
    ordered = [key for key in known if key in given]
    return tuple(known.get(key, key) for key in [*ordered, *sorted(given - set(ordered))])


def _attribution(stored: StoredRecord, terms: Mapping[str, Any]) -> str | None:
    """What the sources of a report ask to be said of them."""
    own = (terms[source].attribution for source in stored.sources if source in terms)
    return "; ".join(dict.fromkeys(filter(None, own))) or None


def _flat(row: Row) -> dict[str, Any]:
    stored, record = row.stored, row.stored.record
    return {
        "record_id": stored.id,
        "title": record.title,
        "abstract": record.abstract,
        "authors": "; ".join(author.name for author in record.authors),
        "year": record.year,
        "venue": record.venue,
        "volume": record.volume,
        "issue": record.issue,
        "pages": record.pages,
        "doi": record.doi,
        "pmid": record.pmid,
        "pmcid": record.pmcid,
        "url": record.urls[0] if record.urls else None,
        "language": record.language,
        "types": "; ".join(record.types),
        "keywords": "; ".join(record.keywords),
        "report_id": stored.report_id,
        "copies": stored.copies,
        "source": "; ".join(stored.sources),
        "source_id": stored.source_id,
        "decision": stored.decision,
        "decided_by": stored.decided_by,
        "decided_at": stored.decided_at.isoformat() if stored.decided_at else None,
        "note": row.note,
        "reason": row.reason,
        "reasons": "; ".join(row.reasons),
        "questions": "; ".join(row.questions),
        "score": None if row.score is None else round(row.score, 6),
        "place": row.place,
        "n_decisions_ranking": row.n_decisions,
        "attribution": row.attribution,
    }


def safe_cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: text that begins like one gets a ' before."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def as_csv(found: Iterable[Row]) -> Iterator[str]:
    """CSV with a byte order mark, which Excel needs to see UTF-8."""
    yield "\ufeff"
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for row in found:
        writer.writerow({key: safe_cell(value) for key, value in _flat(row).items()})
        if buffer.tell() > 64_000:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def as_jsonl(found: Iterable[Row]) -> Iterator[str]:
    """One JSON object a record; lists stay lists."""
    for row in found:
        record = row.stored.record
        data = _flat(row) | {
            "authors": [
                {"name": author.name, "collective": author.collective} for author in record.authors
            ],
            "types": list(record.types),
            "keywords": list(record.keywords),
            "urls": list(record.urls),
            "flags": list(record.flags),
            "accession": record.accession,
            "database": record.database,
        }
        del data["url"]
        kept = {key: value for key, value in data.items() if value not in (None, [], "")}
        yield json.dumps(kept, ensure_ascii=False) + "\n"


_TYPES = {"book": "BOOK", "chap": "CHAP", "conf": "CONF", "thes": "THES", "report": "RPRT"}


def _ris_type(types: Iterable[str]) -> str:
    for kind in types:
        if len(kind) <= 5 and kind.isupper():
            return kind
        for word, tag in _TYPES.items():
            if word in kind.lower():
                return tag
    return "JOUR"


def _ris_entry(row: Row) -> dict[str, Any]:
    stored, record = row.stored, row.stored.record
    notes = [f"{WINNOW_NOTE} {stored.decision or 'undecided'}"]
    if row.score is not None:
        notes.append(f"Winnow score: {row.score:.6f}")
    if row.note:
        notes.append(f"Winnow note: {row.note}")
    if row.reason:
        notes.append(f"Winnow reason: {row.reason}")
    if row.attribution:
        notes.append(f"Source: {row.attribution}")
    start, _, end = (record.pages or "").partition("-")
    entry = {
        "type_of_reference": _ris_type(record.types),
        "title": record.title,
        "abstract": record.abstract,
        "authors": [author.name for author in record.authors],
        "year": str(record.year) if record.year else None,
        "journal_name": record.venue,
        "volume": record.volume,
        "number": record.issue,
        "start_page": start or None,
        "end_page": end or None,
        "doi": record.doi,
        "urls": list(record.urls),
        "keywords": list(record.keywords),
        "language": record.language,
        "accession_number": record.accession,
        "name_of_database": record.database,
        "issn": record.issn,
        "notes": [*record.notes, *notes],
        "custom1": f"PMID: {record.pmid}" if record.pmid else None,
    }
    return {key: value for key, value in entry.items() if value}


def as_ris(found: Iterable[Row]) -> Iterator[str]:
    """RIS by rispy, a record at a time; decision and score stand in notes (N1)."""
    for row in found:
        yield rispy.dumps([_ris_entry(row)]) + "\n"


WRITERS = {"csv": as_csv, "ris": as_ris, "jsonl": as_jsonl}


def export(
    session: ReadSession,
    review_id: int,
    file_format: str,
    which: str = "all",
    *,
    terms: Mapping[str, Terms] | None = None,
    audience: str = "team",
) -> Iterator[str]:
    """An export as pieces of text; see ``rows``.

    Raises:
        ValueError: there is no such format or narrowing.
    """
    if file_format not in WRITERS:
        raise ValueError(f"format must be one of {', '.join(WRITERS)}, not {file_format!r}")
    if which not in WHICH:
        raise ValueError(f"which must be one of {', '.join(WHICH)}, not {which!r}")
    if audience not in AUDIENCES:
        raise ValueError(f"audience must be one of {', '.join(AUDIENCES)}, not {audience!r}")
    return WRITERS[file_format](rows(session, review_id, which, terms=terms, audience=audience))
