"""What comes out of the pool: admitted whole, grouped anew, ranked; versions that are completed."""

from __future__ import annotations

import datetime as dt

from api.services.deduplicating import deduplicate_new, regroup
from store import admissions, filing, flow, records
from store.admissions import AdmissionInfo
from store.session import Store


def admit(
    store: Store,
    review_id: int,
    up_to: dt.date,
    *,
    in_full: int,
    person_id: int | None,
    rule: str | None = None,
    moment: dt.datetime | None = None,
) -> AdmissionInfo:
    """Let the whole pool up to a day into the review, as a top-up or as the next update.

    Records of the pool that are the same as two reports join these now: until then they must not.

    Args:
        store: the database.
        review_id: the review.
        up_to: searches run on that day or before.
        in_full: the most reports that are read in full whatever the plan says.
        person_id: the lead; None for a rule.
        rule: the rule, in words.
        moment: now.

    Raises:
        Conflict: nothing waits up to that day.
    """
    deduplicate_new(store, review_id)
    with store.write() as session:
        admission_id, batches = admissions.admit(
            session, review_id, up_to, person_id=person_id, rule=rule, moment=moment
        )
        filing.catch_up(session, review_id, batches)
        session.flush()
        regroup(session, records.of_batches(session, batches))
        session.flush()
        counts = flow.by_admission(session, review_id).get(admission_id, flow.Flow())
        return admissions.counted(
            session,
            review_id,
            admission_id,
            records=counts.identified - counts.rejected,
            reports=counts.screened + counts.not_screened,
            in_full=in_full,
        )
