"""The flow of records counted from the rows themselves, to compare with what is stored."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, case, func, or_, select, update

from store.core.session import ReadSession, WriteSession
from store.core.tables import Batch, BatchEntry, BatchRejected, Report, ReportState
from store.reports.report_states import at_stage
from store.searching.flow import Flow
from store.searching.flow_entries import entries_query, rejected_query, reports_query

_FATES = ("new", "changed", "same", "filtered")


def recount_flow(session: ReadSession, review_id: int) -> dict[int, Flow]:
    """The counts of each admission, as ``flow.count_flow_by_admission`` must give them."""
    entries = entries_query(review_id)
    counted = select(entries.c.admission, func.sum(entries.c.entries))
    identified = {
        admission: int(count)
        for admission, count in session.execute(counted.group_by(entries.c.admission))
    }
    rejected: dict[int, int] = {}
    for _, admission, count in session.execute(rejected_query(review_id)):
        rejected[admission] = rejected.get(admission, 0) + int(count)
    copies = reports_query(review_id)
    kept, decided = copies.c.kept == 1, ReportState.decision_id.is_not(None)

    def number(condition: Any) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    rows = session.execute(
        select(
            copies.c.admission,
            func.count(),
            number(~kept),
            number(and_(~kept, copies.c.notice == 1)),
            number(and_(kept, decided)),
            number(and_(kept, Report.out_of_range.is_(True), ~decided)),
            number(and_(kept, copies.c.out == 0, ~decided)),
            *(
                number(and_(kept, ReportState.outcome == d))
                for d in ("include", "exclude", "maybe")
            ),
        )
        .select_from(copies)
        .join(Report, Report.id == copies.c.report_id)
        .join(ReportState, at_stage())
        .group_by(copies.c.admission)
    )
    flows = {}
    for row in rows:
        admission, reports, filtered, notices, screened, aside, waiting, *outcomes = map(int, row)
        included, excluded, maybe = outcomes
        flows[admission] = Flow(
            identified=identified.get(admission, 0),
            filtered=filtered,
            duplicates=identified.get(admission, 0) - reports,
            out_of_range=aside,
            screened=screened,
            not_screened=reports - filtered - screened - aside,
            waiting=waiting,
            included=included,
            excluded=excluded,
            maybe=maybe,
            notices=notices,
        )
    for admission in (identified.keys() | rejected.keys()) - flows.keys():
        # All of them are copies of reports that came in earlier.
        copied = identified.get(admission, 0)
        flows[admission] = Flow(identified=copied, duplicates=copied)
    for admission, count in rejected.items():
        flows[admission] += Flow(identified=count, rejected=count)
    return dict(sorted(flows.items()))


def repair_batches(session: WriteSession) -> int:
    """Correct the numbers of entries of files and pages; gives how many were wrong."""
    wrong = find_wrong_batches(session)
    for batch_id in wrong:
        entries = select(func.count()).where(BatchEntry.batch_id == batch_id)
        values: dict[str, Any] = {
            f"n_{fate}": entries.where(BatchEntry.fate == fate).scalar_subquery() for fate in _FATES
        }
        rejected = select(func.count()).where(BatchRejected.batch_id == batch_id)
        session.execute(
            update(Batch)
            .where(Batch.id == batch_id)
            .values(**values, n_rejected=rejected.scalar_subquery())
            .execution_options(synchronize_session=False)
        )
    return len(wrong)


def find_wrong_batches(session: ReadSession) -> list[int]:
    """Files and pages whose stored numbers of entries are not those of their entries."""
    entries = (
        select(
            BatchEntry.batch_id,
            *(func.sum(case((BatchEntry.fate == fate, 1), else_=0)).label(fate) for fate in _FATES),
        )
        .group_by(BatchEntry.batch_id)
        .subquery()
    )
    rejected = (
        select(BatchRejected.batch_id, func.count().label("rejected"))
        .group_by(BatchRejected.batch_id)
        .subquery()
    )
    pairs = [
        *((getattr(Batch, f"n_{fate}"), entries.c[fate]) for fate in _FATES),
        (Batch.n_rejected, rejected.c.rejected),
    ]
    return list(
        session.scalars(
            select(Batch.id)
            .outerjoin(entries, entries.c.batch_id == Batch.id)
            .outerjoin(rejected, rejected.c.batch_id == Batch.id)
            .where(or_(*(stored != func.coalesce(right, 0) for stored, right in pairs)))
            .order_by(Batch.id)
        )
    )
