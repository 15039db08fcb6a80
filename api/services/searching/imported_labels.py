"""Decisions that a file holds, taken over as the file has them, and what they agree on.

Only a decision on titles and abstracts that the people of the file agree on counts, as a decision
of the kind *import*. What the team has decided takes precedence over it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from api.services.pieces import Pieces
from api.wording import count_noun
from harvest.files.labels.file_labels import FileLabels
from harvest.files.labels.judgement import Judgement, find_agreed, is_conflict
from harvest.files.labels.ours import FULL_TEXT, TITLE_ABSTRACT
from harvest.record import Record
from harvest.text import clean
from store.core.session import ReadSession, Store, WriteSession
from store.reviews import imported_people, reviews
from store.rules import reasons
from store.rules.agreed_decision import IMPORT
from store.screening import decision_labels, imported_decisions
from store.screening.decided_reports import find_decision_by_token
from store.screening.decisions import (
    DECISIONS,
    NewDecision,
    record_decision,
)
from store.screening.imported_decisions import NewImported

_NOTE = "copied from the imported file"
# How many names or values a sentence lists, and how long a value may be.
_SHOWN, _VALUE = 10, 60
_BY_NAME = "only the file's name says what was decided"


@dataclass(frozen=True, slots=True)
class LabelSource:
    """A stored file and what it says about decisions."""

    sha256: str
    batch_id: int
    labels: FileLabels


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """What was taken over from a file.

    Attributes:
        tool: the tool that wrote the file; None for plain labels.
        decisions: decisions on titles and abstracts that now count.
        kept: decisions stored as the file has them, of each person and stage.
        full_text: how many of those are on full texts; they are never read as others.
        conflicts: reports on which the people of the file disagree, so that none counts.
        decided_already: reports that the team has decided; the file's decision does not count.
        people: names in the file, which are people who cannot sign in.
        by_name: whether only the file's name says what was decided.
    """

    tool: str | None
    decisions: int
    kept: int
    full_text: int
    conflicts: int
    decided_already: int
    people: tuple[str, ...]
    by_name: bool


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """What a file says about decisions: records by decision at each stage, and the rest."""

    tool: str | None
    title_abstract: dict[str, int]
    full_text: dict[str, int]
    conflicts: int
    people: tuple[str, ...]
    not_understood: dict[str, int]


def summarise(labels: FileLabels) -> LabelSummary:
    """Count what a file says about decisions."""
    return LabelSummary(
        tool=labels.tool,
        title_abstract={word: labels.count(word) for word in DECISIONS},
        full_text={word: labels.count(word, FULL_TEXT) for word in DECISIONS},
        conflicts=labels.conflicts,
        people=labels.people,
        not_understood=dict(labels.unread),
    )


def count_labelled(records: Iterable[Record], labels: FileLabels) -> int:
    """Count the records that carry a decision or a relevance label."""
    return sum(is_labelled(record, labels) for record in records)


def is_labelled(record: Record, labels: FileLabels) -> bool:
    """Whether a record carries a decision or a relevance label."""
    return record.label is not None or record.position in labels.by_position


def is_relevant(record: Record, labels: FileLabels) -> bool:
    """Whether a file says that a record is relevant, at the last stage that it knows of."""
    last = labels.find_agreed(record.position, FULL_TEXT) or labels.find_agreed(record.position)
    if last is not None or record.position in labels.by_position:
        return last is not None and last.decision == "include"
    return record.label == "include"


def take_over(store: Store, review_id: int, person_id: int, source: LabelSource) -> TakenOver:
    """Take over a file's decisions; a file that was taken over before adds nothing.

    It is done in pieces, so that screening goes on meanwhile.

    Args:
        store: the database.
        review_id: the review.
        person_id: who imports the file; theirs are the decisions of files that name nobody.
        source: the file.
    """
    labels = source.labels
    writer = Pieces(store)
    names = {name: clean(name) or "" for name in labels.people}
    people: dict[str, int] = {}
    for piece in writer.split(filter(None, names.values())):
        people |= writer.write(
            len(piece),
            partial(
                imported_people.find_or_create_people,
                review_id=review_id,
                names=piece,
                tool=labels.tool,
            ),
        )
    ids = {name: people[plain] for name, plain in names.items() if plain}
    made = (
        _imported(position, judgement, ids)
        for position, judgements in labels.by_position.items()
        for judgement in judgements
    )
    kept = 0
    for piece_made in writer.split(made):
        kept += writer.write(
            len(piece_made),
            partial(
                imported_decisions.add_imported,
                review_id=review_id,
                batch_id=source.batch_id,
                new=piece_made,
            ),
        )
    with store.read() as session:
        by_report = _group(session, source)
    added, already = _decide(store, review_id, person_id, source, by_report, ids)
    return TakenOver(
        tool=labels.tool,
        decisions=added,
        kept=kept,
        full_text=sum(
            judgement.stage == FULL_TEXT
            for judgements in labels.by_position.values()
            for judgement in judgements
        ),
        conflicts=sum(
            is_conflict(judgements) or is_conflict(judgements, FULL_TEXT)
            for _, judgements in by_report.values()
        ),
        decided_already=already,
        people=tuple(dict.fromkeys(filter(None, names.values()))),
        by_name=labels.by_name,
    )


def _decide(
    store: Store,
    review_id: int,
    person_id: int,
    source: LabelSource,
    by_report: Mapping[int, tuple[int, list[Judgement]]],
    ids: dict[str, int],
) -> tuple[int, int]:
    """Make the decisions that count; gives how many, and how many the team has made already."""
    agreed = [
        (report_id, position, judgement)
        for report_id, (position, made) in by_report.items()
        if (judgement := find_agreed(made)) is not None
    ]
    writer = Pieces(store, first=20)
    totals = [0, 0]
    for piece in writer.split(agreed):

        def decide(
            session: WriteSession, piece: list[tuple[int, int, Judgement]] = piece
        ) -> tuple[int, int]:
            # What the team has decided takes precedence over what a file says. Without the lock, it
            # could decide between our look and our own decision.
            reviews.lock_review(session, review_id)
            started = decision_labels.find_started_reports(session, [one[0] for one in piece])
            listed = reasons.list_reasons(reviews.get_protocol(session, review_id).body)
            added = already = 0
            for report_id, position, judgement in piece:
                token = f"import:{source.sha256}#{position}"
                if find_decision_by_token(session, review_id, token) is not None:
                    # It was taken over before, and may have been undone since.
                    continue
                if report_id in started:
                    already += 1
                    continue
                new = NewDecision(
                    token=token,
                    report_id=report_id,
                    decision=judgement.decision,
                    note=_note(judgement),
                    kind=IMPORT,
                    reasons=imported_decisions.match_reasons(listed, judgement.reasons),
                    decided_at=judgement.decided_at,
                    made_by=ids.get(judgement.person or ""),
                )
                added += record_decision(session, review_id, person_id, new)[1]
            return added, already

        added, already = writer.write(len(piece), decide)
        totals = [totals[0] + added, totals[1] + already]
    return totals[0], totals[1]


def describe(taken: TakenOver | None, unread: Mapping[str, int]) -> list[str]:
    """Sentences about what was taken over from a file and what was not."""
    if taken is None:
        return _describe_unread(unread)
    lines = []
    if taken.full_text:
        lines.append(
            f"{count_noun(taken.full_text, 'decision')} on full texts kept apart; "
            "none is read as one on titles and abstracts"
        )
    if taken.conflicts:
        lines.append(
            f"{count_noun(taken.conflicts, 'record')} on which people of the file disagree: "
            "no decision was taken over"
        )
    if taken.decided_already:
        lines.append(
            f"{count_noun(taken.decided_already, 'record')} decided already: those decisions stay"
        )
    if taken.people:
        lines.append(f"people named in the file, who cannot sign in: {_listed(taken.people)}")
    if taken.by_name:
        lines.append(_BY_NAME)
    return [*lines, *_describe_unread(unread)]


def describe_labels(labels: FileLabels) -> list[str]:
    """Sentences about the decisions that a file holds; empty if it holds none."""
    lines = []
    for stage, text in ((TITLE_ABSTRACT, "titles and abstracts"), (FULL_TEXT, "full texts")):
        counts = [(labels.count(word, stage), word) for word in DECISIONS]
        if any(number for number, _ in counts):
            named = ", ".join(f"{number:,} {word}" for number, word in counts if number)
            lines.append(f"decisions on {text}: {named}")
    if labels.conflicts:
        lines.append(f"{count_noun(labels.conflicts, 'record')} on which people disagree")
    if labels.people:
        lines.append(f"people: {_listed(labels.people)}")
    if labels.by_name:
        lines.append(_BY_NAME)
    if lines and labels.tool:
        lines.insert(0, f"written by {labels.tool}")
    return [*lines, *_describe_unread(labels.unread)]


def _describe_unread(unread: Mapping[str, int]) -> list[str]:
    """A sentence about the values that were not understood; empty if there are none."""
    values = [
        f"{count_noun(number, 'record')}: {value[:_VALUE]!r}" for value, number in unread.items()
    ]
    return [f"not understood: {_listed(values, '; ')}"] if values else []


def _listed(texts: Sequence[str], separator: str = ", ") -> str:
    more = f" and {len(texts) - _SHOWN:,} more" if len(texts) > _SHOWN else ""
    return f"{separator.join(texts[:_SHOWN])}{more}"


def _group(session: ReadSession, source: LabelSource) -> dict[int, tuple[int, list[Judgement]]]:
    """Judgements by report, with the first position in the file: a file may hold copies."""
    records = imported_decisions.get_records_by_position(session, source.batch_id)
    first: dict[int, int] = {}
    made: dict[int, list[Judgement]] = defaultdict(list)
    for position, judgements in sorted(source.labels.by_position.items()):
        if position in records:
            report_id = records[position][1]
            first.setdefault(report_id, position)
            made[report_id].extend(judgements)
    return {report_id: (position, made[report_id]) for report_id, position in first.items()}


def _imported(position: int, judgement: Judgement, ids: dict[str, int]) -> NewImported:
    return NewImported(
        position=position,
        person_id=ids.get(judgement.person or ""),
        stage=judgement.stage,
        decision=judgement.decision,
        reasons=judgement.reasons,
        labels=judgement.labels,
        note=judgement.note,
        decided_at=judgement.decided_at,
    )


def _note(judgement: Judgement) -> str:
    """A decision's note: the person's own, or else where it comes from, and the labels."""
    parts = [judgement.note or _NOTE]
    if judgement.labels:
        parts.append(f"labels: {', '.join(judgement.labels)}")
    return "; ".join(parts)
