"""Exports of a review's records with decisions and scores; the formats are in harvest.exports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harvest.exports.bibtex import as_bibtex
from harvest.exports.delimited import as_csv
from harvest.exports.entry import ExportEntry, StageDecision
from harvest.exports.jsonl import as_jsonl
from harvest.exports.ris import as_ris
from harvest.exports.xlsx import as_xlsx
from harvest.sources.config import Terms
from store.core.session import ReadSession
from store.reports import marks, records
from store.reports.agreed_answers import AgreedAnswers, list_agreed_answers
from store.reports.marks import MarkInfo
from store.reports.records import StoredRecord
from store.reports.reports import list_next_active_reports
from store.reviews import reviews
from store.rules import questions, reasons
from store.rules.agreed_decision import IMPORT
from store.rules.plans import FULL_TEXT
from store.screening import decision_log, imported_decisions, rankings
from store.screening.decision_log import DecisionInfo
from store.screening.imported_decisions import ImportedInfo


@dataclass(frozen=True, slots=True)
class Format:
    """A format of exports: its name, media type, and writer, which gives pieces of a file."""

    name: str
    media_type: str
    write: Callable[[Iterable[ExportEntry]], Iterator[str] | Iterator[bytes]]


FORMATS: Mapping[str, Format] = {
    "csv": Format("CSV", "text/csv; charset=utf-8", as_csv),
    "xlsx": Format(
        "XLSX", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_xlsx
    ),
    "ris": Format("RIS", "application/x-research-info-systems; charset=utf-8", as_ris),
    "bib": Format("BibTeX", "application/x-bibtex; charset=utf-8", as_bibtex),
    "jsonl": Format("JSON Lines", "application/jsonl; charset=utf-8", as_jsonl),
}
WHICH = ("all", "include", "exclude", "maybe", "undecided")
AUDIENCES = ("team", "public")


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """Which records are exported, and who may read them.

    Attributes:
        which: one of ``WHICH``; what was decided at title and abstract.
        audience: "team", or "public" for a file that leaves the team. The public file has no
            abstracts that their source does not allow to be shared, and none from imported files,
            whose terms are unknown.
    """

    which: str = "all"
    audience: str = "team"


EVERYTHING = ExportChoice()
# Reports that are read at a time.
_PIECE = 100
# Bytes that are sent at a time, at least.
_SENT = 32 * 1024


def list_entries(
    session: ReadSession,
    review_id: int,
    choice: ExportChoice = EVERYTHING,
    *,
    terms: Mapping[str, Terms] | None = None,
) -> Iterator[ExportEntry]:
    """The chosen reports that count, in the order in which they arrived.

    Args:
        session: a session that reads a snapshot; see ``Store.read_snapshot``.
        review_id: the review.
        choice: which reports, and who may read them.
        terms: what sources allow, by their short names.

    Raises:
        ValueError: there is no such choice.
    """
    if choice.which not in WHICH:
        raise ValueError(f"which must be one of {', '.join(WHICH)}, not {choice.which!r}")
    terms = terms or {}
    shared = None
    if choice.audience == "public":
        shared = {name for name, own in terms.items() if own.share_abstracts}
    review = _read_review(session, review_id)
    last = 0
    while part := list_next_active_reports(session, review_id, after=last, limit=_PIECE):
        last = part[-1]
        context = _read_context(session, review, part)
        for stored in records.get_active_representatives(session, part, abstracts_of=shared):
            if choice.which in ("all", stored.decision or "undecided"):
                yield _entry(stored, context, _attribution(stored, terms))


@dataclass(frozen=True, slots=True)
class _Review:
    """What is read once for all entries.

    Attributes:
        places: place of each report in the newest ranking, from 1.
        scores: in the order of the newest ranking.
        protocols: the protocol's body, by version.
        n_decisions: decisions that the newest ranking learned from; None if there is no ranking.
    """

    id: int
    places: Mapping[int, int]
    scores: Sequence[float]
    protocols: Mapping[int, Mapping[str, Any]]
    n_decisions: int | None


@dataclass(frozen=True, slots=True)
class _Context:
    """What the entries of some reports are filled from.

    Attributes:
        counting: the decision that counts on each report, at title and abstract.
        full_text: the decision that counts on each report at full text.
        imported: the decision at full text that came with a file, by report.
        marks: tags and notes on reports that nobody has to decide any more.
        answers: reasons and questions that people agreed on at title and abstract, by report.
    """

    review: _Review
    counting: Mapping[int, DecisionInfo]
    full_text: Mapping[int, DecisionInfo]
    imported: Mapping[int, ImportedInfo]
    marks: Mapping[int, Sequence[MarkInfo]]
    answers: Mapping[int, AgreedAnswers]


def _read_review(session: ReadSession, review_id: int) -> _Review:
    newest = rankings.get_newest_ranking(session, review_id)
    places: dict[int, int] = {}
    scores: Sequence[float] = ()
    if newest is not None:
        order = rankings.get_order(session, review_id, newest.id)
        places = dict(zip(order.report_ids, range(1, len(order.report_ids) + 1), strict=True))
        scores = order.scores
    protocols = reviews.list_protocols(session, review_id)
    return _Review(
        review_id,
        places,
        scores,
        {version.version: version.body for version in protocols},
        newest.n_decisions if newest else None,
    )


def _read_context(session: ReadSession, review: _Review, report_ids: Sequence[int]) -> _Context:
    # Only decisions that count: nothing is said about a report that still needs decisions.
    counting: dict[int, DecisionInfo] = {}
    full_text: dict[int, DecisionInfo] = {}
    for decision in decision_log.list_counting(session, report_ids):
        (full_text if decision.stage == FULL_TEXT else counting)[decision.report_id] = decision
    return _Context(
        review=review,
        counting=counting,
        full_text=full_text,
        imported=imported_decisions.list_agreed_full_text(session, report_ids),
        marks=marks.list_shared_marks(session, review.id, report_ids),
        answers=list_agreed_answers(session, report_ids),
    )


def _entry(stored: StoredRecord, context: _Context, attribution: str | None) -> ExportEntry:
    report_id = stored.report_id
    counting, full_text = context.counting.get(report_id), context.full_text.get(report_id)
    made = context.marks.get(report_id, ())
    review = context.review
    place = review.places.get(report_id)
    return ExportEntry(
        record=stored.record,
        record_id=stored.id,
        report_id=report_id,
        copies=stored.copies,
        decision=_decision(counting, context, context.answers.get(report_id)),
        full_text=_decision(full_text, context, None) or _imported(context.imported.get(report_id)),
        tags=tuple(dict.fromkeys(mark.text for mark in made if mark.kind == "tag")),
        team_notes=tuple(
            f"{mark.person}: {mark.text}" if mark.person else mark.text
            for mark in made
            if mark.kind == "note"
        ),
        sources=stored.sources,
        source_id=stored.source_id,
        # Of a decided report, the place at which it was shown.
        place=counting.place if counting else place,
        score=None if counting or place is None else review.scores[place - 1],
        n_decisions=None if counting else review.n_decisions,
        attribution=attribution,
    )


def _imported(made: ImportedInfo | None) -> StageDecision | None:
    """A decision at full text as a file has it, with the file's own reasons."""
    if made is None:
        return None
    return StageDecision(
        decision=made.decision,
        stage=FULL_TEXT,
        decided_by=made.person,
        decided_at=made.decided_at.isoformat() if made.decided_at else None,
        note=made.note,
        reason=made.reasons[0] if len(made.reasons) == 1 else None,
        reasons=made.reasons,
    )


def _decision(
    made: DecisionInfo | None, context: _Context, answers: AgreedAnswers | None
) -> StageDecision | None:
    if made is None:
        return None
    # When a file was imported is not when its decisions were made.
    at = made.decided_at or (None if made.kind == IMPORT else made.recorded_at)
    body = context.review.protocols[made.protocol_version]
    agreed = answers or AgreedAnswers(frozenset(made.reasons), frozenset(made.questions))
    return StageDecision(
        decision=made.decision,
        stage=made.stage,
        decided_by=made.person,
        decided_at=at.isoformat() if at else None,
        note=made.note,
        reason=reasons.find_only_reason(body, agreed.reasons),
        reasons=_texts_of(agreed.reasons, reasons.list_reasons(body)),
        questions=_texts_of(agreed.questions, questions.list_questions(body)),
    )


def _texts_of(keys: frozenset[str], texts: Mapping[str, str]) -> tuple[str, ...]:
    """The texts of keys in the protocol's order; keys of other versions as they are, at the end."""
    ordered = [key for key in texts if key in keys]
    return tuple(texts.get(key, key) for key in [*ordered, *sorted(keys - set(ordered))])


def _attribution(stored: StoredRecord, terms: Mapping[str, Terms]) -> str | None:
    """How the sources of a report ask to be credited."""
    own = (terms[source].attribution for source in stored.sources if source in terms)
    return "; ".join(dict.fromkeys(filter(None, own))) or None


def export(
    session: ReadSession,
    review_id: int,
    file_format: str,
    choice: ExportChoice = EVERYTHING,
    *,
    terms: Mapping[str, Terms] | None = None,
) -> Iterator[bytes]:
    """The bytes of an export in pieces; see ``list_entries``.

    Raises:
        ValueError: there is no such format or choice.
    """
    for name, value, allowed in (
        ("format", file_format, tuple(FORMATS)),
        ("which", choice.which, WHICH),
        ("audience", choice.audience, AUDIENCES),
    ):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    entries = list_entries(session, review_id, choice, terms=terms)
    return _join(FORMATS[file_format].write(entries))


def _join(pieces: Iterable[str] | Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that are worth sending."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece.encode() if isinstance(piece, str) else piece
        if len(waiting) >= _SENT:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)
