"""Screening again: decisions made under criteria that have changed since.

Decisions that are set aside stay in the log and stand no longer, so that their reports are to be
decided anew: they count nowhere, the ranking does not learn from them, and nobody sees what others
had said. Taken back, they stand as they did.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import func, select

from store import audit, criteria, members, outcomes, records, reviews
from store.errors import Conflict, NotFound
from store.plans import TITLE_ABSTRACT
from store.records import Filter
from store.session import ReadSession, WriteSession
from store.tables import Decision, Identity, Protocol, RecordRow, Report, now
from store.team_tables import Outdated, Rescreen
from store.verdicts import UNDECIDED


@dataclass(frozen=True, slots=True)
class Pick:
    """Which decisions under older criteria are to be made again; what is empty narrows nothing.

    Attributes:
        decision: include, exclude or maybe; or awaiting or conflict, of what is not settled.
        reasons: keys, of which an exclude gave at least one.
        text: words in title, abstract and ids, folded.
        version: made under this version of the protocol.
    """

    decision: str | None = None
    reasons: tuple[str, ...] = ()
    text: str = ""
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Older:
    """Reports decided under a version whose criteria have changed since.

    Attributes:
        version: of the protocol; of what is not settled, the oldest that anybody decided under.
        changed: parts of the criteria that say something else now.
        words: how many of each decision; of what is not settled only that it is *awaiting* or in
            *conflict*.
        reasons: how many excludes gave each reason, by key.
    """

    version: int
    changed: tuple[str, ...]
    words: Mapping[str, int]
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RescreenInfo:
    """Reports that are screened again. ``left`` are still to be decided."""

    id: int
    protocol_version: int
    reason: str
    picked: Mapping[str, Any]
    reports: int
    left: int
    person: str | None
    asked_at: dt.datetime
    withdrawn_at: dt.datetime | None


def _bodies(session: ReadSession, review_id: int) -> dict[int, Mapping[str, Any]]:
    """What each version of the protocol says."""
    rows = session.execute(
        select(Protocol.version, Protocol.body).where(Protocol.review_id == review_id)
    )
    return {row[0]: row[1] for row in rows}


@dataclass(frozen=True, slots=True)
class _Decided:
    """A report decided under criteria that have changed since."""

    report_id: int
    version: int
    word: str
    reasons: tuple[str, ...] = ()


def _decided(session: ReadSession, review_id: int, stage: str) -> list[_Decided]:
    """Reports decided under criteria that have changed since, in the order they came."""
    bodies = _bodies(session, review_id)
    fresh = criteria.same_as(bodies, max(bodies))
    if len(fresh) == len(bodies):
        return []
    rows = session.execute(
        select(Report.id, Decision)
        .join(Decision, Decision.id == Report.decision_id)
        .where(
            Report.review_id == review_id,
            Report.active.is_(True),
            Decision.stage == stage,
            Decision.protocol_version.not_in(fresh),
        )
        .order_by(Report.id)
    )
    found = [
        _Decided(report_id, made.protocol_version, made.decision, tuple(made.reasons))
        for report_id, made in rows
    ]
    unsettled = session.execute(
        select(Report.id, Report.state, func.min(Decision.protocol_version))
        .join(RecordRow, RecordRow.report_id == Report.id)
        .join(Decision, Decision.record_id == RecordRow.id)
        .where(
            Report.review_id == review_id,
            Report.active.is_(True),
            Report.state.in_(("awaiting", "conflict")),
            Decision.stage == stage,
            Decision.protocol_version.not_in(fresh),
            *outcomes.stands(),
        )
        .group_by(Report.id, Report.state)
    )
    found += [_Decided(report_id, version, state) for report_id, state, version in unsettled]
    return sorted(found, key=lambda each: each.report_id)


def older(session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT) -> list[Older]:
    """Decisions made under older criteria, by version, the oldest first."""
    bodies = _bodies(session, review_id)
    newest = bodies[max(bodies)]
    words: dict[int, Counter[str]] = defaultdict(Counter)
    reasons: dict[int, Counter[str]] = defaultdict(Counter)
    for each in _decided(session, review_id, stage):
        words[each.version][each.word] += 1
        reasons[each.version].update(each.reasons)
    return [
        Older(
            version,
            tuple(criteria.changed(bodies[version], newest)),
            dict(words[version]),
            dict(reasons[version]),
        )
        for version in sorted(words)
    ]


def matching(
    session: ReadSession, review_id: int, pick: Pick, stage: str = TITLE_ABSTRACT
) -> list[int]:
    """Reports decided under older criteria that are picked, in the order they came."""
    found = [
        each.report_id
        for each in _decided(session, review_id, stage)
        if pick.decision in (None, each.word)
        and pick.version in (None, each.version)
        and (not pick.reasons or set(pick.reasons) & set(each.reasons))
    ]
    if not pick.text:
        return found
    named = set(records.matching(session, review_id, Filter(text=pick.text)))
    return [report_id for report_id in found if report_id in named]


def ask(
    session: WriteSession,
    review_id: int,
    pick: Pick,
    *,
    reason: str,
    person_id: int,
    stage: str = TITLE_ABSTRACT,
) -> int:
    """Have reports screened again that were decided under older criteria.

    Returns:
        The number of this list of reports.

    Raises:
        NotAllowed: the person is no lead.
        Conflict: no decision is picked.
        ValueError: no reason is given.
    """
    if not reason.strip():
        raise ValueError("say why these are screened again: it stands among the deviations")
    reviews.lock(session, review_id)
    members.require(session, review_id, person_id, "lead")
    chosen = matching(session, review_id, pick, stage)
    if not chosen:
        raise Conflict("no decision under older criteria is among these")
    row = Rescreen(
        review_id=review_id,
        stage=stage,
        protocol_version=reviews.protocol(session, review_id).version,
        reason=reason.strip(),
        picked={**asdict(pick), "reasons": list(pick.reasons)},
        reports=len(chosen),
        asked_by=person_id,
        asked_at=now(),
    )
    session.add(row)
    session.flush()
    for each in outcomes.lines(session, chosen, stage).values():
        session.add_all(Outdated(decision_id=line.id, rescreen_id=row.id) for line in each)
    session.flush()
    _settle(session, review_id, chosen, stage)
    audit.append(
        session,
        "rescreen.asked",
        review_id=review_id,
        person_id=person_id,
        detail={"list": row.id, "reports": len(chosen), "reason": row.reason, **row.picked},
    )
    return row.id


def withdraw(session: WriteSession, review_id: int, rescreen_id: int, *, person_id: int) -> None:
    """Take a list back: what was decided before stands again, beside what was decided since.

    Raises:
        NotFound: the review has no such list.
        Conflict: it was taken back before.
    """
    reviews.lock(session, review_id)
    members.require(session, review_id, person_id, "lead")
    row = session.get(Rescreen, rescreen_id)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no list {rescreen_id} in this review")
    if row.withdrawn_at is not None:
        raise Conflict("this list was taken back before")
    row.withdrawn_at, row.withdrawn_by = now(), person_id
    session.flush()
    _settle(session, review_id, _reports_of(session, [rescreen_id]), row.stage)
    audit.append(
        session,
        "rescreen.withdrawn",
        review_id=review_id,
        person_id=person_id,
        detail={"list": rescreen_id},
    )


def _settle(session: WriteSession, review_id: int, reports: Iterable[int], stage: str) -> None:
    outcomes.settle_some(session, reports, outcomes.asked_of(session, review_id, stage))
    reviews.touch(session, review_id)


def _reports_of(session: ReadSession, lists: Iterable[int], *, undecided: bool = False) -> set[int]:
    """Reports on lists, by where their records are now; of those still to be decided alone."""
    query = (
        select(RecordRow.report_id)
        .join(Decision, Decision.record_id == RecordRow.id)
        .join(Outdated, Outdated.decision_id == Decision.id)
        .where(Outdated.rescreen_id.in_(list(lists)))
        .distinct()
    )
    if undecided:
        query = query.join(Report, Report.id == RecordRow.report_id).where(
            Report.active.is_(True), Report.state.in_(UNDECIDED)
        )
    return set(session.scalars(query))


def waiting(session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT) -> set[int]:
    """Reports that are still to be screened again."""
    lists = session.scalars(
        select(Rescreen.id).where(
            Rescreen.review_id == review_id,
            Rescreen.stage == stage,
            Rescreen.withdrawn_at.is_(None),
        )
    ).all()
    return _reports_of(session, lists, undecided=True) if lists else set()


def everything(session: ReadSession, review_id: int) -> list[RescreenInfo]:
    """All lists, oldest first, those taken back among them."""
    rows = session.execute(
        select(Rescreen, Identity.name)
        .outerjoin(Identity, Identity.person_id == Rescreen.asked_by)
        .where(Rescreen.review_id == review_id)
        .order_by(Rescreen.id)
    ).all()
    return [
        RescreenInfo(
            row.id,
            row.protocol_version,
            row.reason,
            row.picked,
            row.reports,
            0 if row.withdrawn_at else len(_reports_of(session, [row.id], undecided=True)),
            name,
            row.asked_at,
            row.withdrawn_at,
        )
        for row, name in rows
    ]


@dataclass(frozen=True, slots=True)
class Deviation:
    """A change of the protocol after screening had begun.

    Attributes:
        version: that it made.
        changed: in what it differs from the version before, in words.
        criteria: whether what is relevant changed, and not only how it is screened.
        decisions: own decisions that had been made by then.
    """

    version: int
    at: dt.datetime
    person: str | None
    reason: str | None
    changed: tuple[str, ...]
    criteria: bool
    decisions: int


def deviations(session: ReadSession, review_id: int) -> list[Deviation]:
    """Versions of the protocol that were made after the first decision, oldest first."""
    found = []
    versions = reviews.protocols(session, review_id)[::-1]
    for before, after in pairwise(versions):
        made = session.scalar(
            select(func.count())
            .select_from(Decision)
            .where(
                Decision.review_id == review_id,
                Decision.decision != "undo",
                Decision.protocol_version < after.version,
            )
        )
        if made:
            found.append(
                Deviation(
                    after.version,
                    after.created_at,
                    after.person,
                    after.reason,
                    tuple(criteria.differences(before.body, after.body)),
                    bool(criteria.changed(before.body, after.body)),
                    made,
                )
            )
    return found
