"""What people decide about pairs of records. The reports are grouped again at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from api.services.duplicates.grouping import regroup_reports
from harvest.dedupe.compare import VERSION
from harvest.dedupe.groups import Refused
from store.core import audit
from store.core.errors import Conflict
from store.core.session import Store, WriteSession
from store.reports import pairs, reports
from store.reports.pairs import NewJudgement
from store.reports.reports import ReportChange
from store.reviews import reviews
from store.screening import decision_labels, decisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a person says about two records.

    Attributes:
        a: one record.
        b: the other.
        label: "same", "related" or "different". Anything but "same" keeps the two records, and
            with them their groups, apart for good.
        reason: in the person's words; may be empty.
        decision: the decision that is to count if the two were decided differently.
    """

    a: int
    b: int
    label: str
    reason: str = ""
    decision: str | None = None


def record_judgement(
    store: Store, review_id: int, judgement: Judgement, *, person_id: int
) -> list[ReportChange]:
    """Store what a person says about two records, and group their reports again.

    Raises:
        NotFound: the review does not have one of the records.
        Conflict: the two were decided differently and no decision is named; or somebody said that
            two of their records are different, which "same" contradicts.
        ValueError: there is no such label or decision.
    """
    with store.write() as session:
        reviews.lock_review(session, review_id)
        return _record_judgement(session, review_id, judgement, person_id)


def _record_judgement(
    session: WriteSession, review_id: int, judgement: Judgement, person_id: int
) -> list[ReportChange]:
    ends = (judgement.a, judgement.b)
    report_ids = reports.get_report_by_record(session, ends).values()
    decided = set(decision_labels.get_settled_decisions(session, report_ids).values())
    differently = judgement.label == "same" and len(decided) > 1
    if differently and judgement.decision is None:
        raise Conflict(
            "the two were decided differently "
            f"({' and '.join(sorted(decided))}): say which decision counts"
        )
    pair_id = _add_row(session, review_id, judgement, person_id)
    changes, refused = regroup_reports(session, ends)
    if judgement.label == "same":
        _refuse_contradiction(ends, refused)
    audit.append_event(
        session,
        f"pair.{judgement.label}",
        review_id=review_id,
        person_id=person_id,
        detail={
            "records": list(ends),
            "reason": judgement.reason.strip(),
            "reports": describe_changes(changes),
        },
    )
    if differently and judgement.decision is not None:
        report_id = reports.get_report_by_record(session, ends)[judgement.a]
        settling = decisions.NewDecision(
            token=f"pair:{pair_id}",
            report_id=report_id,
            decision=judgement.decision,
            note="settles the decisions on two records of one report",
            kind="act",
        )
        decisions.record_decision(session, review_id, person_id, settling)
    reviews.request_ranking(session, review_id)
    return changes


def _add_row(session: WriteSession, review_id: int, judgement: Judgement, person_id: int) -> int:
    reason = judgement.reason.strip()
    new = NewJudgement(a=judgement.a, b=judgement.b, label=judgement.label, reason=reason)
    return pairs.add_judgement(session, review_id, new, version=VERSION, person_id=person_id)


def _refuse_contradiction(ends: Collection[int], refused: Sequence[Refused[int]]) -> None:
    """Refuse to join two records that could not become one report.

    Raises:
        Conflict: somebody said that two of their records are different, or the report would be too
            large.
    """
    for union in refused:
        if {union.a, union.b} != set(ends):
            continue
        if union.apart is None:
            raise Conflict("the report would have too many records")
        one, other = union.apart
        raise Conflict(
            f"somebody said that records {one} and {other} are different, and this would join "
            "them: undo that first"
        )


def undo_judgement(
    store: Store, review_id: int, pair_id: int, *, person_id: int
) -> list[ReportChange]:
    """Undo what a person said about a pair: its records are grouped as they would be without it.

    Raises:
        NotFound: the review has no such pair.
        Conflict: a rule decided it, or it no longer holds.
    """
    with store.write() as session:
        reviews.lock_review(session, review_id)
        pair = pairs.undo_judgement(session, review_id, pair_id, person_id=person_id)
        changes, _ = regroup_reports(session, (pair.a, pair.b))
        audit.append_event(
            session,
            "pair.undone",
            review_id=review_id,
            person_id=person_id,
            detail={
                "pair": pair_id,
                "records": [pair.a, pair.b],
                "reports": describe_changes(changes),
            },
        )
        reviews.request_ranking(session, review_id)
        return changes


def split_record(
    store: Store, review_id: int, record_id: int, *, reason: str, person_id: int
) -> list[ReportChange]:
    """Take a record out of its report for good, as different from all others in it.

    Raises:
        NotFound: the review has no such record.
        Conflict: it is the only record of its report.
    """
    with store.write() as session:
        reviews.lock_review(session, review_id)
        others = _list_others_in_report(session, record_id)
        for other in others:
            apart = Judgement(a=record_id, b=other, label="different", reason=reason)
            _add_row(session, review_id, apart, person_id)
        changes, _ = regroup_reports(session, [record_id, *others])
        audit.append_event(
            session,
            "report.split",
            review_id=review_id,
            person_id=person_id,
            detail={
                "record": record_id,
                "reason": reason.strip(),
                "reports": describe_changes(changes),
            },
        )
        reviews.request_ranking(session, review_id)
        return changes


def _list_others_in_report(session: WriteSession, record_id: int) -> list[int]:
    report_id = reports.get_report_by_record(session, (record_id,)).get(record_id)
    members = reports.list_grouped_records(session, [] if report_id is None else [report_id])
    others = [member.record_id for member in members if member.record_id != record_id]
    if not others:
        raise Conflict(f"record {record_id} is the only one of its report")
    return others


def describe_changes(changes: Sequence[ReportChange]) -> list[dict[str, Any]]:
    """Changed reports as the audit trail keeps them."""
    return [
        {"report": change.report_id, "joined": list(change.joined), "left": list(change.left)}
        for change in changes
    ]
