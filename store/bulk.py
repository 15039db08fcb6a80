"""Bulk actions: one decision or tag on every record of a filtered list, undone as one.

A bulk decision is one person's decision on each of the records: where two are to decide, another
still does. Records that the person has decided, that are settled, or that a pilot round has drawn
are passed over.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, or_, select

from store import audit, marks, members, outcomes, questions, records, reviews
from store import reasons as exclusion
from store.chunks import CHUNK, batched
from store.decisions import DECISIONS
from store.errors import Conflict, NotAllowed, NotFound
from store.outcomes import Asked, not_undone
from store.plans import TITLE_ABSTRACT
from store.records import Filter
from store.roles import LEADS
from store.session import ReadSession, WriteSession
from store.shared_tables import Bulk, BulkDecision, Mark
from store.tables import Decision, Identity, Lease, RecordRow, Report, now
from store.verdicts import UNDECIDED, own_by_person

_MOST = 50_000


@dataclass(frozen=True, slots=True)
class Action:
    """What is done to every record of a list.

    Attributes:
        kind: ``decide`` or ``tag``.
        value: the decision, or the tag.
        note: of a decision: why so many at once.
        reasons: of excludes: keys of the protocol's reasons.
    """

    kind: str
    value: str
    note: str | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BulkInfo:
    """A bulk action. ``passed_over`` are records of the list that it left alone."""

    id: int
    action: str
    value: str
    note: str | None
    reasons: tuple[str, ...]
    picked: Mapping[str, Any]
    reports: int
    passed_over: int
    person: str | None
    person_id: int
    made_at: dt.datetime
    undone_at: dt.datetime | None


def act(
    session: WriteSession,
    review_id: int,
    person_id: int,
    wanted: Filter,
    action: Action,
    *,
    token: str,
    expected: int | None = None,
    stage: str = TITLE_ABSTRACT,
) -> tuple[int, bool]:
    """Do something to every record that a filter finds.

    Args:
        session: a writing session.
        review_id: the review.
        person_id: who does it.
        wanted: the filter; records that do not count are left out.
        action: what is done.
        token: the client's own: sent twice, done once.
        expected: how many records the person saw listed; None where that does not matter.
        stage: the stage that is screened.

    Returns:
        The bulk action's number, and whether it was done now.

    Raises:
        NotAllowed: the person may not: leads decide in bulk, whoever screens tags.
        Conflict: the list has changed since it was shown, or nothing on it can be acted on.
        ValueError: the decision, tag, reasons or note will not do.
    """
    reviews.lock(session, review_id)
    members.require(session, review_id, person_id, "lead" if action.kind == "decide" else "screen")
    earlier = session.scalars(
        select(Bulk).where(Bulk.review_id == review_id, Bulk.token == token)
    ).first()
    if earlier is not None:
        if (earlier.action, earlier.value, earlier.person_id) != (
            action.kind,
            action.value,
            person_id,
        ):
            raise Conflict(f"token {token!r} was used for another action")
        return earlier.id, False
    found = records.matching(session, review_id, wanted)
    if expected is not None and expected != len(found):
        raise Conflict(
            f"the list has {len(found):,} records by now, not the {expected:,} that you saw; look "
            "at it again"
        )
    if len(found) > _MOST:
        raise Conflict(f"{len(found):,} records are too many at once; narrow the list")
    row = Bulk(
        review_id=review_id,
        stage=stage,
        action=action.kind,
        value=_checked(session, review_id, action, stage),
        note=action.note,
        reasons=list(action.reasons),
        picked={key: value for key, value in asdict(wanted).items() if value},
        reports=0,
        passed_over=0,
        token=token,
        person_id=person_id,
        made_at=now(),
    )
    session.add(row)
    session.flush()
    if action.kind == "tag":
        done = len(
            marks.put(session, review_id, person_id, found, "tag", row.value, bulk_id=row.id)
        )
    else:
        done = _decide(session, row, found)
    if not done:
        raise Conflict("there is nothing on this list that this could be done to")
    row.reports, row.passed_over = done, len(found) - done
    session.flush()
    audit.append(
        session,
        "bulk.done",
        review_id=review_id,
        person_id=person_id,
        # What was decided is for nobody's eyes who is still to decide; the row keeps it.
        detail={"bulk": row.id, "action": row.action, "records": done},
    )
    return row.id, True


def _checked(session: ReadSession, review_id: int, action: Action, stage: str) -> str:
    """The value of an action.

    Raises:
        ValueError: it will not do.
    """
    if action.kind == "tag":
        return marks.checked("tag", action.value)
    if action.kind != "decide":
        raise ValueError(f"a bulk action decides or tags, not {action.kind!r}")
    if action.value not in DECISIONS:
        raise ValueError(f"decision must be one of {', '.join(DECISIONS)}, not {action.value!r}")
    if not (action.note or "").strip():
        raise ValueError("say why so many are decided at once: it stands in the documents")
    body = reviews.protocol(session, review_id).body
    exclusion.checked(body, action.value, action.reasons, stage=stage)
    if action.value == "include" and questions.asked(body):
        raise ValueError("an include says for which question; these cannot be included all at once")
    return action.value


def _decide(session: WriteSession, bulk: Bulk, found: Sequence[int]) -> int:
    """Decide what can be decided of a list; gives how many that is."""
    asked = outcomes.asked_of(session, bulk.review_id, bulk.stage)
    drawn = {report_id for report_id, people in asked.pilots.items() if people is not None}
    version = reviews.protocol(session, bulk.review_id).version
    done = 0
    for part in batched([each for each in found if each not in drawn], CHUNK):
        rows = session.scalars(
            select(Report)
            .where(Report.id.in_(part), Report.state.in_(UNDECIDED))
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
        known = outcomes.lines(session, [row.id for row in rows], bulk.stage)
        fresh = [row for row in rows if bulk.person_id not in own_by_person(known.get(row.id, []))]
        shown = records.by_reports(session, bulk.review_id, [row.id for row in fresh])
        made = [
            Decision(
                review_id=bulk.review_id,
                report_id=row.id,
                record_id=shown[row.id].id,
                text_hash=shown[row.id].text_hash,
                with_abstract=shown[row.id].record.abstract is not None,
                person_id=bulk.person_id,
                stage=bulk.stage,
                decision=bulk.value,
                note=bulk.note,
                protocol_version=version,
                token=f"bulk {bulk.id} {row.id}",
                reasons=bulk.reasons,
                recorded_at=now(),
            )
            for row in fresh
        ]
        session.add_all(made)
        session.flush()
        session.add_all(BulkDecision(bulk_id=bulk.id, decision_id=each.id) for each in made)
        session.flush()
        _read_anew(session, fresh, asked, bulk.stage)
        done += len(made)
    if done:
        reviews.touch(session, bulk.review_id)
    return done


def _read_anew(session: WriteSession, rows: Sequence[Report], asked: Asked, stage: str) -> None:
    """Settle reports after what was decided on them; cards that nobody needs go back."""
    outcomes.settle(session, rows, asked)
    settled = [row.id for row in rows if row.state not in UNDECIDED]
    session.execute(delete(Lease).where(Lease.report_id.in_(settled), Lease.stage == stage))


def undo(session: WriteSession, review_id: int, person_id: int, bulk_id: int) -> int:
    """Take a bulk action back as one; decisions undone since by themselves stay so.

    Returns:
        How many records it is taken back on.

    Raises:
        NotFound: the review has no such action.
        NotAllowed: it is another's, and the person is no lead.
        Conflict: it is taken back already.
    """
    reviews.lock(session, review_id)
    role = members.require(session, review_id, person_id, "screen")
    row = session.get(Bulk, bulk_id)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no bulk action {bulk_id} in this review")
    if row.person_id != person_id and role not in LEADS:
        raise NotAllowed("A bulk action is taken back by whoever did it, or by a lead.")
    if row.undone_at is not None:
        raise Conflict("this bulk action is taken back already")
    done = (
        marks.take_off(session, bulk_id) if row.action == "tag" else _undo(session, row, person_id)
    )
    row.undone_at, row.undone_by = now(), person_id
    session.flush()
    audit.append(
        session,
        "bulk.undone",
        review_id=review_id,
        person_id=person_id,
        detail={"bulk": bulk_id, "records": done},
    )
    return done


def _undo(session: WriteSession, bulk: Bulk, person_id: int) -> int:
    asked = outcomes.asked_of(session, bulk.review_id, bulk.stage)
    version = reviews.protocol(session, bulk.review_id).version
    targets = session.scalars(
        select(Decision)
        .join(BulkDecision, BulkDecision.decision_id == Decision.id)
        .where(BulkDecision.bulk_id == bulk.id, not_undone())
        .order_by(Decision.id)
    ).all()
    for part in batched(targets, CHUNK):
        session.add_all(
            Decision(
                review_id=bulk.review_id,
                report_id=each.report_id,
                record_id=each.record_id,
                person_id=person_id,
                stage=bulk.stage,
                decision="undo",
                protocol_version=version,
                token=f"undo bulk {bulk.id} {each.id}",
                supersedes=each.id,
                recorded_at=now(),
            )
            for each in part
        )
        session.flush()
        ids = records.reports_of(session, [each.record_id or 0 for each in part])
        rows = session.scalars(
            select(Report)
            .where(Report.id.in_(ids))
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
        _read_anew(session, rows, asked, bulk.stage)
    if targets:
        reviews.touch(session, bulk.review_id)
    return len(targets)


def everything(session: ReadSession, review_id: int, *, seen_by: int) -> list[BulkInfo]:
    """Bulk actions, oldest first, those taken back among them.

    Another's is told once nobody is to decide any of its records any more: before, it would tell
    what they decided.
    """
    decided = (
        select(BulkDecision.bulk_id)
        .join(Decision, Decision.id == BulkDecision.decision_id)
        .join(RecordRow, RecordRow.id == Decision.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .where(BulkDecision.bulk_id == Bulk.id, Report.state.in_(UNDECIDED))
    )
    tagged = (
        select(Mark.id)
        .join(RecordRow, RecordRow.id == Mark.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .where(Mark.bulk_id == Bulk.id, Report.state.in_(UNDECIDED))
    )
    rows = session.execute(
        select(Bulk, Identity.name)
        .outerjoin(Identity, Identity.person_id == Bulk.person_id)
        .where(
            Bulk.review_id == review_id,
            or_(Bulk.person_id == seen_by, ~or_(decided.exists(), tagged.exists())),
        )
        .order_by(Bulk.id)
    )
    return [
        BulkInfo(
            row.id,
            row.action,
            row.value,
            row.note,
            tuple(row.reasons),
            row.picked,
            row.reports,
            row.passed_over,
            name,
            row.person_id,
            row.made_at,
            row.undone_at,
        )
        for row, name in rows
    ]
