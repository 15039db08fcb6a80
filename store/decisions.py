"""Decisions: appended, never changed. What a person may see of others' is decided here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Select, delete, func, select
from sqlalchemy.exc import IntegrityError

from store import members, outcomes, questions, reasons, reviews
from store.chunks import CHUNK, batched
from store.errors import Conflict, NotFound
from store.outcomes import Asked, not_undone, stands
from store.plans import TITLE_ABSTRACT
from store.records import record_of
from store.representative import compose, text_hash
from store.session import ReadSession, WriteSession
from store.tables import (
    Batch,
    BatchEntry,
    Decision,
    Identity,
    Lease,
    Ranking,
    RecordRow,
    Report,
    now,
)
from store.verdicts import LOOK, OWN, UNDECIDED, own_by_person

DECISIONS = ("include", "exclude", "maybe")
# Decisions that others are still to make are learned from so many at a time.
BATCH = 10


@dataclass(frozen=True, slots=True)
class NewDecision:
    """A decision as a client sends it. ``token`` is the client's own: sent twice, stored once.

    Attributes:
        text_hash: of the title and abstract that the client showed; None for what stands here now.
        kind: one of ``verdicts.KINDS``; a conflict is settled by ``settlements.settle`` alone.
        reasons: keys of the protocol's reasons for exclusion.
        questions: keys of the protocol's questions that it is included for.
    """

    token: str
    report_id: int
    decision: str
    stage: str = TITLE_ABSTRACT
    note: str | None = None
    ranking_id: int | None = None
    place: int | None = None
    shown_at: dt.datetime | None = None
    decided_at: dt.datetime | None = None
    text_hash: str | None = None
    kind: str = OWN
    reasons: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionInfo:
    """A line of the decision log. ``counts`` tells whether it is the one that holds now.

    Attributes:
        report_id: the report in which the decision's record is now.
        record_id: the record that was shown; the decision stays with it.
        text_hash: of the title and abstract that were shown, where known.
    """

    id: int
    report_id: int
    record_id: int | None
    text_hash: str | None
    person: str | None
    person_id: int
    stage: str
    decision: str
    note: str | None
    protocol_version: int
    token: str
    supersedes: int | None
    ranking_id: int | None
    place: int | None
    shown_at: dt.datetime | None
    decided_at: dt.datetime | None
    recorded_at: dt.datetime
    counts: bool
    kind: str
    reasons: tuple[str, ...]
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """The decision that counts on a report, with the id of the first one made on it.

    Labels in the order of ``first_id`` are in screening order.
    """

    report_id: int
    decision: str
    first_id: int


def _report_now(session: ReadSession, review_id: int, report_id: int) -> int:
    """The report itself, or the one that its record was merged into."""
    merged = session.scalar(
        select(RecordRow.report_id)
        .where(RecordRow.own_report_id == report_id, RecordRow.review_id == review_id)
        .order_by(RecordRow.id)
        .limit(1)
    )
    return report_id if merged is None else merged


def locked_report(session: WriteSession, review_id: int, report_id: int) -> Report:
    """A report, or the one it was merged into, locked until this transaction ends."""
    row = session.scalars(
        select(Report)
        .where(
            Report.id == _report_now(session, review_id, report_id),
            Report.review_id == review_id,
        )
        .with_for_update()
        # Another transaction may have decided it since this session read it.
        .execution_options(populate_existing=True)
    ).first()
    if row is None:
        raise NotFound(f"there is no report {report_id} in this review")
    return row


def of_token(session: ReadSession, review_id: int, token: str) -> Decision | None:
    """The line that a client's token stored; None where it is new."""
    return session.scalars(
        select(Decision).where(Decision.review_id == review_id, Decision.token == token)
    ).first()


def record(
    session: WriteSession, review_id: int, person_id: int, new: NewDecision
) -> tuple[int, bool]:
    """Append a decision; the latest on a report is the one that counts.

    Returns:
        The decision's id, and whether it was stored now (False: the token was seen before).

    Raises:
        NotFound: the report, or the ranking it names, is not of this review.
        NotAllowed: the person is not, or no longer, one who screens this review.
        Conflict: the token was used for another report, decision or person; or the report waits
            in the pool.
        ValueError: the decision is not one of ``DECISIONS``, or its reasons or questions will not
            do.
    """
    if new.decision not in DECISIONS:
        raise ValueError(f"decision must be one of {', '.join(DECISIONS)}, not {new.decision!r}")
    # Whoever groups records anew holds it too: the record stays in its report until we commit.
    reviews.lock(session, review_id)
    members.require(session, review_id, person_id, "screen")
    row = locked_report(session, review_id, new.report_id)
    earlier = of_token(session, review_id, new.token)
    if earlier is not None:
        same = (place_of(session, earlier), earlier.decision, earlier.person_id)
        if same != (row.id, new.decision, person_id):
            raise Conflict(f"token {new.token!r} was used for another decision")
        return earlier.id, False
    if not row.active and _in_pool(session, row.id):
        raise Conflict(f"report {row.id} waits in the pool; it can be decided once it is admitted")
    if new.ranking_id is not None:
        ranking = session.get(Ranking, new.ranking_id)
        if ranking is None or ranking.review_id != review_id:
            raise NotFound(f"there is no ranking {new.ranking_id} in this review")
    shown, text, with_abstract = shown_of(session, new.report_id, row.id)
    protocol = reviews.protocol(session, review_id)
    given, included_for = list(new.reasons), list(new.questions)
    if new.kind in (OWN, LOOK):
        given = reasons.checked(protocol.body, new.decision, given, stage=new.stage)
        included_for = questions.checked(
            protocol.body, new.decision, included_for, required=new.kind == OWN
        )
    asked = outcomes.asked_of(session, review_id, new.stage)
    decision = Decision(
        review_id=review_id,
        report_id=row.id,
        record_id=shown,
        text_hash=new.text_hash or text,
        # Another text was shown than stands here now: whether it had an abstract is not known.
        with_abstract=with_abstract if new.text_hash in (None, text) else None,
        person_id=person_id,
        stage=new.stage,
        decision=new.decision,
        note=new.note,
        protocol_version=protocol.version,
        token=new.token,
        supersedes=_superseded(session, row, person_id, asked),
        kind=new.kind,
        reasons=given,
        questions=included_for,
        ranking_id=new.ranking_id,
        place=new.place,
        shown_at=new.shown_at,
        decided_at=new.decided_at,
        recorded_at=now(),
    )
    append(session, decision)
    derive(session, row, asked)
    held = delete(Lease).where(Lease.report_id == row.id, Lease.stage == new.stage)
    if row.state == "awaiting":
        held = held.where(Lease.person_id == person_id)
    session.execute(held)
    return decision.id, True


def _superseded(session: ReadSession, row: Report, person_id: int, asked: Asked) -> int | None:
    """The decision that a new one takes the place of."""
    if asked.single:
        return row.decision_id
    return own_on(session, row.id, person_id)


def derive(session: WriteSession, row: Report, asked: Asked) -> None:
    """Read the report anew; a new ranking is due where it would learn something else."""
    before = row.decision_id
    outcomes.settle(session, [row], asked)
    if row.decision_id != before or asked.learn_all:
        reviews.touch(session, row.review_id)


def _in_pool(session: ReadSession, report_id: int) -> bool:
    """Whether a file or page of the pool brought a report."""
    found = session.scalar(
        select(BatchEntry.record_id)
        .join(Batch, Batch.id == BatchEntry.batch_id)
        .join(RecordRow, RecordRow.id == BatchEntry.record_id)
        .where(RecordRow.report_id == report_id, Batch.pooled.is_(True))
        .limit(1)
    )
    return found is not None


def place_of(session: ReadSession, decision: Decision) -> int | None:
    """The report in which a decision's record is now."""
    return session.scalar(select(RecordRow.report_id).where(RecordRow.id == decision.record_id))


def shown_of(session: ReadSession, card: int, report_id: int) -> tuple[int, str, bool]:
    """The record behind a card, the hash of the report's text, and whether it has an abstract."""
    rows = session.scalars(
        select(RecordRow)
        .where(RecordRow.report_id == report_id)
        .order_by(RecordRow.active.desc(), RecordRow.id)
    ).all()
    live = [row for row in rows if row.active] or list(rows)
    composed, _ = compose({row.id: record_of(row) for row in live})
    # A card whose report has been merged since it was dealt showed the record that came with it.
    own = next((row.id for row in rows if card != report_id and row.own_report_id == card), None)
    text = text_hash(composed.title, composed.abstract)
    return own or live[0].id, text, composed.abstract is not None


def append(session: WriteSession, decision: Decision) -> None:
    """Add a line; of two sends of one token at the same moment one gets in."""
    try:
        with session.begin_nested():
            session.add(decision)
    except IntegrityError as error:
        # Two sends of one token at the same moment: the constraint lets one in.
        raise Conflict(f"token {decision.token!r} is being stored; send it again") from error


def undo(
    session: WriteSession, review_id: int, person_id: int, decision_id: int, *, token: str
) -> tuple[int, bool]:
    """Append an undo of a decision; the one before it, if any, counts again.

    Returns:
        The undo's id, and whether it was stored now.

    Raises:
        NotFound: the review has no such decision.
        NotAllowed: the person does not screen this review; or the decision is another's, and they
            are no lead.
        Conflict: the decision is undone already, or the token was used for something else.
    """
    target = session.get(Decision, decision_id)
    if target is None or target.review_id != review_id or target.decision == "undo":
        raise NotFound(f"there is no decision {decision_id} in this review")
    reviews.lock(session, review_id)
    members.require(
        session, review_id, person_id, "screen" if target.person_id == person_id else "lead"
    )
    row = locked_report(session, review_id, place_of(session, target) or target.report_id)
    earlier = of_token(session, review_id, token)
    if earlier is not None:
        if (earlier.decision, earlier.supersedes) != ("undo", decision_id):
            raise Conflict(f"token {token!r} was used for another decision")
        return earlier.id, False
    if _undone(session, decision_id):
        raise Conflict(f"decision {decision_id} is undone already")
    entry = Decision(
        review_id=review_id,
        report_id=row.id,
        record_id=target.record_id,
        person_id=person_id,
        stage=target.stage,
        decision="undo",
        protocol_version=reviews.protocol(session, review_id).version,
        token=token,
        supersedes=decision_id,
        recorded_at=now(),
    )
    append(session, entry)
    derive(session, row, outcomes.asked_of(session, review_id, target.stage))
    return entry.id, True


def _undone(session: ReadSession, decision_id: int) -> bool:
    return (
        session.scalar(
            select(Decision.id).where(
                Decision.supersedes == decision_id, Decision.decision == "undo"
            )
        )
        is not None
    )


def _standing(report_id: int) -> Select[int]:
    return (
        select(Decision.id)
        .join(RecordRow, RecordRow.id == Decision.record_id)
        .where(RecordRow.report_id == report_id, *stands())
        .limit(1)
    )


def standing(session: ReadSession, record_ids: Iterable[int]) -> dict[int, list[tuple[int, str]]]:
    """Decisions on records that are neither undos nor undone: id and decision, oldest first."""
    found: dict[int, list[tuple[int, str]]] = {}
    for part in batched(set(record_ids), CHUNK):
        rows = session.execute(
            select(Decision.record_id, Decision.id, Decision.decision)
            .where(Decision.record_id.in_(part), Decision.decision != "undo", not_undone())
            .order_by(Decision.id)
        )
        for record_id, decision_id, decision in rows:
            found.setdefault(int(record_id or 0), []).append((decision_id, decision))
    return found


def holding(session: ReadSession, report_id: int) -> int | None:
    """The decision that counts by the log: the latest that is neither an undo nor undone."""
    found: int | None = session.scalar(_standing(report_id).order_by(Decision.id.desc()))
    return found


def own_on(session: ReadSession, report_id: int, person_id: int) -> int | None:
    """A person's own decision on a report; None where there is none."""
    own = own_by_person(outcomes.lines(session, [report_id]).get(report_id, []))
    return own[person_id].id if person_id in own else None


def begun(session: ReadSession, review_id: int) -> set[int]:
    """Reports that somebody has decided, whether that counts by now or not."""
    query = select(Report.id).where(Report.review_id == review_id, Report.state != "open")
    return set(session.scalars(query))


def words(session: ReadSession, report_ids: Iterable[int]) -> dict[int, str]:
    """The decision that counts on each of these reports that is decided."""
    found: dict[int, str] = {}
    for part in batched(set(report_ids), CHUNK):
        rows = session.execute(
            select(Report.id, Decision.decision)
            .join(Decision, Decision.id == Report.decision_id)
            .where(Report.id.in_(part))
        )
        found.update({row[0]: row[1] for row in rows})
    return found


def labels(session: ReadSession, review_id: int) -> list[Label]:
    """The decision that counts on every decided, active report, in screening order."""
    rows = session.execute(
        select(Report.id, Decision.decision, Report.first_decision_id)
        .join(Decision, Decision.id == Report.decision_id)
        .where(Report.review_id == review_id, Report.active.is_(True))
        .order_by(Report.first_decision_id)
    )
    return [Label(report_id, decision, first or 0) for report_id, decision, first in rows]


def learned(session: ReadSession, review_id: int) -> list[Label]:
    """What the ranking learns from: decisions that count, or by the protocol every one.

    Of a report that is not settled, the latest own decision then stands for it; these come in
    batches of ``BATCH``, so that a changed order does not betray a single one.
    """
    found = labels(session, review_id)
    if not outcomes.learns_from_all(reviews.protocol(session, review_id).body):
        return found
    unsettled = session.scalars(
        select(Report.id).where(
            Report.review_id == review_id,
            Report.active.is_(True),
            Report.state.in_(("awaiting", "conflict")),
        )
    ).all()
    waiting = [
        Label(report_id, known[-1].decision, known[0].id)
        for report_id, known in outcomes.lines(session, unsettled).items()
    ]
    waiting.sort(key=lambda label: label.first_id)
    found += waiting[: len(waiting) // BATCH * BATCH]
    return sorted(found, key=lambda label: label.first_id)


def last_id(session: ReadSession, review_id: int) -> int | None:
    """Id of the newest line of the log."""
    return session.scalar(select(func.max(Decision.id)).where(Decision.review_id == review_id))


def log_query(review_id: int) -> Select[Decision, str | None, int | None, int]:
    """The whole log of a review, in the order it was written."""
    return (
        select(Decision, Identity.name, Report.decision_id, Report.id)
        .join(RecordRow, RecordRow.id == Decision.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .outerjoin(Identity, Identity.person_id == Decision.person_id)
        .where(Decision.review_id == review_id)
        .order_by(Decision.id)
    )


def log(
    session: ReadSession,
    review_id: int,
    *,
    seen_by: int | None,
    report_id: int | None = None,
    after: int = 0,
) -> Iterator[DecisionInfo]:
    """The decision log in the order it was written, undone and superseded lines included.

    Args:
        session: a reading session.
        review_id: the review.
        seen_by: who is to see it: on a report that awaits decisions nobody sees another's. None
            for what nobody reads.
        report_id: of one report alone.
        after: lines with a higher id.
    """
    query = log_query(review_id).where(Decision.id > after)
    query = query.execution_options(yield_per=500)
    if seen_by is not None:
        query = query.where((Decision.person_id == seen_by) | Report.state.not_in(UNDECIDED))
    if report_id is not None:
        query = query.where(Report.id == report_id)
    for row, name, holds, report in session.execute(query):
        yield info_of(row, name, report, counts=holds == row.id)


def info_of(row: Decision, name: str | None, report_id: int, *, counts: bool) -> DecisionInfo:
    """A row of the log as others read it."""
    return DecisionInfo(
        id=row.id,
        report_id=report_id,
        record_id=row.record_id,
        text_hash=row.text_hash,
        person=name,
        person_id=row.person_id,
        stage=row.stage,
        decision=row.decision,
        note=row.note,
        protocol_version=row.protocol_version,
        token=row.token,
        supersedes=row.supersedes,
        ranking_id=row.ranking_id,
        place=row.place,
        shown_at=row.shown_at,
        decided_at=row.decided_at,
        recorded_at=row.recorded_at,
        counts=counts,
        kind=row.kind,
        reasons=tuple(row.reasons),
        questions=tuple(row.questions),
    )


def by_id(session: ReadSession, review_id: int, decision_id: int) -> DecisionInfo:
    """One line of the log.

    Raises:
        NotFound: the review has no such decision.
    """
    row = session.get(Decision, decision_id)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no decision {decision_id} in this review")
    name = session.scalar(select(Identity.name).where(Identity.person_id == row.person_id))
    report_id = place_of(session, row) or row.report_id
    holds = session.scalar(select(Report.decision_id).where(Report.id == report_id))
    return info_of(row, name, report_id, counts=holds == row.id)


def id_of_token(session: ReadSession, review_id: int, token: str) -> int:
    """The decision that was sent with a token.

    Raises:
        NotFound: the review has none.
    """
    row = of_token(session, review_id, token)
    if row is None:
        raise NotFound(f"there is no decision with token {token!r} in this review")
    return row.id


def latest_of(session: ReadSession, review_id: int, person_id: int) -> DecisionInfo | None:
    """A person's newest decision that stands: what undo without a number means."""
    row = session.execute(
        select(Decision, Identity.name, Report.id, Report.decision_id)
        .join(RecordRow, RecordRow.id == Decision.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .outerjoin(Identity, Identity.person_id == Decision.person_id)
        .where(
            Decision.review_id == review_id,
            Decision.person_id == person_id,
            *stands(),
        )
        .order_by(Decision.id.desc())
        .limit(1)
    ).first()
    return None if row is None else info_of(row[0], row[1], row[2], counts=row[3] == row[0].id)


@dataclass(frozen=True, slots=True)
class Rescreen:
    """An exclude made on the title alone, on a report that has an abstract now."""

    decision_id: int
    report_id: int


def on_title_alone(session: ReadSession, review_id: int) -> list[Rescreen]:
    """Excludes that count and were made without the abstract that the report has now."""
    with_text = (
        select(RecordRow.id)
        .where(
            RecordRow.report_id == Report.id,
            RecordRow.active.is_(True),
            RecordRow.abstract.is_not(None),
        )
        .exists()
    )
    rows = session.execute(
        select(Decision.id, Report.id)
        .join(Report, Report.decision_id == Decision.id)
        .where(
            Report.review_id == review_id,
            Report.active.is_(True),
            Decision.decision == "exclude",
            Decision.text_hash.is_not(None),
            Decision.with_abstract.is_not(True),
            with_text,
        )
        .order_by(Decision.id)
    )
    return [Rescreen(*row) for row in rows]
