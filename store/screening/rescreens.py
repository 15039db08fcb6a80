"""Screening again: reports decided under criteria that have changed since.

Their decisions are set aside: they stay in the log but do not count, the ranking does not learn
from them, and nobody sees what others had decided, so the reports must be decided again. If the
list is withdrawn, the decisions count again.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import func, select

from store.core import audit
from store.core.errors import Conflict, NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import (
    Decision,
    Identity,
    Outdated,
    Protocol,
    RecordRow,
    Report,
    ReportState,
    Rescreen,
    now,
)
from store.reports import record_listing, screening_state
from store.reports.record_listing import RecordFilter
from store.reports.report_states import at_stage, is_undecided
from store.reviews import changes, members, reviews
from store.rules import criteria, protocols
from store.rules.plans import TITLE_ABSTRACT


@dataclass(frozen=True, slots=True)
class RescreenFilter:
    """Which decisions under older criteria are made again; an empty field allows any.

    Attributes:
        decision: include, exclude or maybe; or awaiting or conflict, for unsettled reports.
        reasons: keys; an exclude must have given at least one of them.
        text: words in title, abstract and ids, folded.
        version: the version of the protocol that they were made under.
    """

    decision: str | None = None
    reasons: tuple[str, ...] = ()
    text: str = ""
    version: int | None = None


@dataclass(frozen=True, slots=True)
class OlderDecisions:
    """Reports decided under a version whose criteria have changed since.

    Attributes:
        version: of the protocol; for unsettled reports the oldest that anybody decided under.
        changed: parts of the criteria that have changed since.
        words: how many reports have each decision; unsettled ones count as *awaiting* or
            *conflict*.
        reasons: how many excludes gave each reason, by key.
    """

    version: int
    changed: tuple[str, ...]
    words: Mapping[str, int]
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RescreenInfo:
    """A list of reports to screen again; ``left`` of them are still undecided."""

    id: int
    protocol_version: int
    reason: str
    picked: Mapping[str, Any]
    reports: int
    left: int
    person: str | None
    asked_at: dt.datetime
    withdrawn_at: dt.datetime | None


def _get_bodies(session: ReadSession, review_id: int) -> dict[int, Mapping[str, Any]]:
    """The body of each version of the protocol."""
    rows = session.execute(
        select(Protocol.version, Protocol.body).where(Protocol.review_id == review_id)
    )
    return {version: protocols.get_readable_parts(body) for version, body in rows}


@dataclass(frozen=True, slots=True)
class _OldDecision:
    """A report's decision, or state, under criteria that have changed since."""

    report_id: int
    version: int
    decision: str
    reasons: tuple[str, ...] = ()


def _list_old_decisions(session: ReadSession, review_id: int, stage: str) -> list[_OldDecision]:
    """Reports decided under criteria that have changed since, in the order in which they came."""
    bodies = _get_bodies(session, review_id)
    unchanged = criteria.find_same_criteria(bodies, max(bodies))
    if len(unchanged) == len(bodies):
        return []
    rows = session.execute(
        select(Report.id, Decision)
        .join(ReportState, at_stage(stage))
        .join(Decision, Decision.id == ReportState.decision_id)
        .where(
            Report.review_id == review_id,
            Report.active.is_(True),
            Decision.protocol_version.not_in(unchanged),
        )
        .order_by(Report.id)
    )
    old = [
        _OldDecision(report_id, row.protocol_version, row.decision, tuple(row.reasons))
        for report_id, row in rows
    ]
    unsettled = session.execute(
        select(Report.id, ReportState.state, func.min(Decision.protocol_version))
        .join(ReportState, at_stage(stage))
        .join(RecordRow, RecordRow.report_id == Report.id)
        .join(Decision, Decision.record_id == RecordRow.id)
        .where(
            Report.review_id == review_id,
            Report.active.is_(True),
            ReportState.state.in_(("awaiting", "conflict")),
            Decision.stage == stage,
            Decision.protocol_version.not_in(unchanged),
            *screening_state.active_condition(),
        )
        .group_by(Report.id, ReportState.state)
    )
    old += [_OldDecision(report_id, version, state) for report_id, state, version in unsettled]
    return sorted(old, key=lambda decision: decision.report_id)


def count_older_decisions(
    session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT
) -> list[OlderDecisions]:
    """Decisions made under older criteria, by version, the oldest first."""
    bodies = _get_bodies(session, review_id)
    newest = bodies[max(bodies)]
    decisions: dict[int, Counter[str]] = defaultdict(Counter)
    reasons: dict[int, Counter[str]] = defaultdict(Counter)
    for old in _list_old_decisions(session, review_id, stage):
        decisions[old.version][old.decision] += 1
        reasons[old.version].update(old.reasons)
    return [
        OlderDecisions(
            version,
            tuple(criteria.list_criteria_changes(bodies[version], newest)),
            dict(decisions[version]),
            dict(reasons[version]),
        )
        for version in sorted(decisions)
    ]


def find_matching_reports(
    session: ReadSession, review_id: int, filters: RescreenFilter, stage: str = TITLE_ABSTRACT
) -> list[int]:
    """Reports decided under older criteria that match, in the order in which they came."""
    report_ids = [
        old.report_id
        for old in _list_old_decisions(session, review_id, stage)
        if filters.decision in (None, old.decision)
        and filters.version in (None, old.version)
        and (not filters.reasons or set(filters.reasons) & set(old.reasons))
    ]
    if not filters.text:
        return report_ids
    with_text = set(
        record_listing.find_matching_reports(session, review_id, RecordFilter(text=filters.text))
    )
    return [report_id for report_id in report_ids if report_id in with_text]


@dataclass(frozen=True, slots=True)
class NewRescreen:
    """Which decisions are made again, and why.

    Attributes:
        stage: the stage that is screened.
    """

    filters: RescreenFilter
    reason: str
    stage: str = TITLE_ABSTRACT


def create_rescreen(session: WriteSession, review_id: int, new: NewRescreen, *, by: int) -> int:
    """Have reports screened again that were decided under older criteria.

    Returns:
        The id of the list of these reports.

    Raises:
        NotAllowed: the person who asks is no lead.
        Conflict: no decision matches.
        ValueError: no reason is given.
    """
    if not new.reason.strip():
        raise ValueError(
            "say why these are screened again; the reason is listed with the protocol deviations"
        )
    reviews.lock_review(session, review_id)
    members.require_role(session, review_id, by, "lead")
    report_ids = find_matching_reports(session, review_id, new.filters, new.stage)
    if not report_ids:
        raise Conflict("no decision under older criteria matches")
    row = Rescreen(
        review_id=review_id,
        stage=new.stage,
        protocol_version=reviews.get_protocol(session, review_id).version,
        reason=new.reason.strip(),
        picked={**asdict(new.filters), "reasons": list(new.filters.reasons)},
        reports=len(report_ids),
        asked_by=by,
        asked_at=now(),
    )
    session.add(row)
    session.flush()
    for lines in screening_state.list_active_decisions(session, report_ids, new.stage).values():
        session.add_all(Outdated(decision_id=line.id, rescreen_id=row.id) for line in lines)
    session.flush()
    _update_reports(session, review_id, report_ids, new.stage)
    audit.append_event(
        session,
        "rescreen.asked",
        review_id=review_id,
        person_id=by,
        detail={"list": row.id, "reports": len(report_ids), "reason": row.reason, **row.picked},
    )
    return row.id


def withdraw_rescreen(session: WriteSession, review_id: int, rescreen_id: int, *, by: int) -> None:
    """Withdraw a list: the decisions made before it count again, along with those made since.

    Raises:
        NotAllowed: the person who withdraws it is no lead.
        NotFound: the review has no such list.
        Conflict: it was withdrawn before.
    """
    reviews.lock_review(session, review_id)
    members.require_role(session, review_id, by, "lead")
    row = session.get(Rescreen, rescreen_id)
    if row is None or row.review_id != review_id:
        raise NotFound(f"there is no list {rescreen_id} in this review")
    if row.withdrawn_at is not None:
        raise Conflict("this list has already been taken back")
    row.withdrawn_at, row.withdrawn_by = now(), by
    session.flush()
    report_ids = _find_listed_reports(session, [rescreen_id])
    _update_reports(session, review_id, report_ids, row.stage)
    audit.append_event(
        session,
        "rescreen.withdrawn",
        review_id=review_id,
        person_id=by,
        detail={"list": rescreen_id},
    )


def _update_reports(
    session: WriteSession, review_id: int, report_ids: Iterable[int], stage: str
) -> None:
    screening_state.update_states_of(
        session, report_ids, screening_state.get_required_decisions(session, review_id, stage)
    )
    reviews.request_ranking(session, review_id)
    changes.note_rule_change(session, review_id)


def _find_listed_reports(
    session: ReadSession, rescreen_ids: Iterable[int], *, undecided: bool = False
) -> set[int]:
    """Reports that hold the records of lists now: all, or only those still undecided."""
    query = (
        select(RecordRow.report_id)
        .join(Decision, Decision.record_id == RecordRow.id)
        .join(Outdated, Outdated.decision_id == Decision.id)
        .where(Outdated.rescreen_id.in_(list(rescreen_ids)))
        .distinct()
    )
    if undecided:
        query = (
            query.join(Report, Report.id == RecordRow.report_id)
            .outerjoin(ReportState, at_stage(Decision.stage))
            .where(Report.active.is_(True), is_undecided())
        )
    return set(session.scalars(query))


def list_rescreened_reports(
    session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT
) -> set[int]:
    """Reports on the lists in force; those that are undecided have to be screened again."""
    rescreen_ids = session.scalars(
        select(Rescreen.id).where(
            Rescreen.review_id == review_id,
            Rescreen.stage == stage,
            Rescreen.withdrawn_at.is_(None),
        )
    ).all()
    return _find_listed_reports(session, rescreen_ids) if rescreen_ids else set()


def list_rescreens(session: ReadSession, review_id: int) -> list[RescreenInfo]:
    """All lists, oldest first, withdrawn ones included."""
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
            0 if row.withdrawn_at else len(_find_listed_reports(session, [row.id], undecided=True)),
            name,
            row.asked_at,
            row.withdrawn_at,
        )
        for row, name in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """A change of the protocol after screening had begun.

    Attributes:
        version: the version that it made.
        changed: the differences from the version before, in words.
        criteria: whether the criteria changed, and not only how records are screened.
        decisions: how many decisions had been made by then.
    """

    version: int
    at: dt.datetime
    person: str | None
    reason: str | None
    changed: tuple[str, ...]
    criteria: bool
    decisions: int


def list_deviations(session: ReadSession, review_id: int) -> list[Deviation]:
    """Versions of the protocol that were made after the first decision, oldest first."""
    deviations = []
    versions = reviews.list_protocols(session, review_id)[::-1]
    for before, after in pairwise(versions):
        n_decisions = session.scalar(
            select(func.count())
            .select_from(Decision)
            .where(
                Decision.review_id == review_id,
                Decision.decision != "undo",
                Decision.protocol_version < after.version,
            )
        )
        if n_decisions:
            deviations.append(
                Deviation(
                    version=after.version,
                    at=after.created_at,
                    person=after.person,
                    reason=after.reason,
                    changed=tuple(criteria.list_differences(before.body, after.body)),
                    criteria=bool(criteria.list_criteria_changes(before.body, after.body)),
                    decisions=n_decisions,
                )
            )
    return deviations
