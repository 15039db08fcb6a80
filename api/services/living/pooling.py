"""A review's pool: its freeze date, admissions by a lead or a rule, and written exceptions."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from api.refusals import FreezeDateNeeded
from api.schedule import get_rule_cron, get_zone
from api.services.duplicates.deduplicating import compare_new_records
from api.services.duplicates.grouping import regroup_reports
from api.services.living.schedules import get_schedule
from api.services.reviews.stored_settings import read_setting
from store.core.errors import Conflict
from store.core.session import ReadSession, Store
from store.reports import limits, records
from store.reviews import reviews
from store.reviews.reviews import ReviewInfo
from store.searching import admissions, flow, pool, pool_membership, record_rows
from store.searching.admissions import AdmissionInfo, NewAdmission, UrgentRecord
from store.searching.pool import PoolCounts
from store.searching.pool_membership import SearchAssignment

ADMIT = "admit"


@dataclass(frozen=True, slots=True)
class AdmissionRule:
    """A rule by which the pool is admitted.

    Attributes:
        text: the rule in words, such as "each Monday".
        zone: IANA time zone in which it comes due.
        since: when it was set; it comes due only after that.
    """

    text: str
    zone: str
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """What waits in a review's pool, and what came out of it.

    Attributes:
        freeze_on: the search freeze date, YYYY-MM-DD; None if there is none.
        rule: the rule by which the pool is admitted; None if a lead admits it.
        next: what an admission would be now: ``top-up`` or ``update``.
        waiting: by search, oldest first.
        admissions: oldest first.
    """

    freeze_on: str | None
    rule: AdmissionRule | None
    next: str
    waiting: tuple[PoolCounts, ...]
    admissions: tuple[AdmissionInfo, ...]


def get_status(session: ReadSession, review_id: int) -> PoolStatus:
    """What waits in a review's pool, and what came out of it."""
    kind, _ = admissions.get_next_kind(session, review_id)
    return PoolStatus(
        freeze_on=pool_membership.get_freeze_date(session, review_id),
        rule=get_admission_rule(reviews.get_review(session, review_id)),
        next=kind,
        waiting=tuple(pool.count_by_search(session, review_id)),
        admissions=tuple(admissions.list_admissions(session, review_id)),
    )


def set_freeze_date(
    store: Store, review_id: int, day: dt.date | None, *, person_id: int | None
) -> int:
    """Set the search freeze date, or remove it; returns how many files and pages moved.

    Raises:
        Conflict: a rule lets incoming records in, which needs the date; or see
            ``store.searching.pool_membership.set_freeze_date``.
    """
    with store.write() as session:
        reviews.lock_review(session, review_id)
        rule = get_admission_rule(reviews.get_review(session, review_id))
        if day is None and rule is not None:
            raise Conflict(
                f"a rule lets incoming records in {rule.text}, which needs a search freeze date: "
                "remove the rule first"
            )
        return pool_membership.set_freeze_date(session, review_id, day, person_id=person_id)


def assign_search(
    store: Store, review_id: int, assignment: SearchAssignment, *, person_id: int | None
) -> int:
    """Move a search to the review or to the pool; returns how many files and pages moved.

    Raises:
        ValueError: the place is unknown, or no reason is given.
        NotFound: the review has no such search.
        Conflict: records that would go to the pool are decided already.
    """
    with store.write() as session:
        return pool_membership.assign_search(session, review_id, assignment, person_id=person_id)


def bring_in_record(
    store: Store, review_id: int, record: UrgentRecord, *, person_id: int | None
) -> int:
    """Let one urgent record into the review before the others; returns its report.

    Raises:
        ValueError: no reason is given, or the route is unknown.
        NotFound: no such record is in the pool.
    """
    with store.write() as session:
        return admissions.bring_in_record(session, review_id, record, person_id=person_id)


def parse_admission_rule(value: Any) -> AdmissionRule:
    """A rule for a pool from its stored JSON.

    Raises:
        ValueError, TypeError or KeyError: it is not a rule.
    """
    since = dt.datetime.fromisoformat(value["since"])
    if since.tzinfo is None:
        raise ValueError("since has no time zone")
    get_rule_cron(value["rule"])
    get_zone(value["zone"])
    return AdmissionRule(value["rule"], value["zone"], since)


def get_admission_rule(review: ReviewInfo) -> AdmissionRule | None:
    """The review's rule for its pool; None if a lead admits it, or if what is stored is broken."""
    return read_setting(review, ADMIT, parse_admission_rule, None)


def set_admission_rule(
    store: Store,
    review_id: int,
    text: str | None,
    *,
    person_id: int | None,
    moment: dt.datetime | None = None,
) -> None:
    """Admit the pool by a rule, such as "each Monday", in the schedule's time zone.

    Args:
        store: the database.
        review_id: the review.
        text: the rule in words; None if a lead admits the pool.
        person_id: the lead.
        moment: None for now.

    Raises:
        FreezeDateNeeded: the review has no search freeze date.
        ScheduleError: there is no such rule.
    """
    with store.write() as session:
        # Locked, so that nobody removes the freeze date meanwhile.
        reviews.lock_review(session, review_id)
        rule = None
        if text:
            if pool_membership.get_freeze_date(session, review_id) is None:
                raise FreezeDateNeeded
            get_rule_cron(text)
            zone = get_schedule(reviews.get_review(session, review_id)).zone
            since = moment or dt.datetime.now(dt.UTC)
            rule = {"rule": text, "zone": zone, "since": since.isoformat()}
        reviews.update_settings(session, review_id, {ADMIT: rule}, person_id=person_id)


def admit_pool(
    store: Store, review_id: int, admission: NewAdmission, *, most_in_full: int
) -> AdmissionInfo:
    """Let the whole pool up to a day into the review, as a top-up or as the next update.

    A record of the pool that is a copy of two reports joins them now. Until then the review holds
    two reports, and they must stay apart.

    Args:
        store: the store.
        review_id: the review.
        admission: the admission to be made.
        most_in_full: the most reports that are read in full, whatever the plan says.

    Raises:
        Conflict: nothing waits up to that day.
    """
    compare_new_records(store, review_id)
    with store.write() as session:
        admission_id, batches = admissions.create_admission(session, review_id, admission)
        record_rows.fill_missing_fields(session, review_id, batches)
        session.flush()
        regroup_reports(session, records.list_record_ids_of_batches(session, batches))
        session.flush()
        # A copy may have brought a report the year that it lacked.
        brought = records.list_record_ids_of_batches(session, batches)
        limits.refresh_reports(
            session, review_id, sorted(records.find_reports_of_records(session, brought))
        )
        counts = flow.count_flow_by_admission(session, review_id).get(admission_id, flow.Flow())
        return admissions.update_counts(
            session,
            admission_id,
            records=counts.identified - counts.rejected,
            reports=counts.screened + counts.not_screened,
            most_in_full=most_in_full,
        )
