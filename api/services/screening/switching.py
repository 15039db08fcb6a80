"""From two people for every record to one, once they agree well enough.

The plan of the Rapid Reviews Methods Group: two people screen a share of the records, such as 20 %,
until they agree sufficiently, and one person screens the rest (Nussbaumer-Streit et al. 2023,
doi:10.1136/bmjebm-2022-112185). Winnow measures agreement by the includes in common. A lead sets
the threshold and makes the switch; nothing switches by itself.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

from api.protocol import Calibration, StagePlan, Switch
from api.services.reviews.protocols import get_protocol_body, save_version
from api.services.screening.agreement import InCommon, count_in_common
from api.wording import count_noun, describe_percent, describe_share
from model.evaluation.shares import Share
from store.core import audit
from store.core.errors import Conflict
from store.core.session import ReadSession, Store
from store.reports import record_counts
from store.reviews import members, reviews
from store.reviews.reviews import NewProtocol
from store.rules.plans import TITLE_ABSTRACT
from store.screening import decision_log


@dataclass(frozen=True, slots=True)
class SwitchState:
    """How far a team is on the way from two people for every record to one.

    Attributes:
        records: how many records two or more people have decided independently.
        wanted: how many the plan asks for.
        in_common: records that both included, of those that either included, so far.
        threshold: what the share must reach, 0 to 1.
        switch: the switch, if it has been made.
    """

    records: int
    wanted: int
    in_common: Share
    threshold: float
    switch: Switch | None

    @property
    def enough(self) -> bool:
        """Whether two people have decided as many records as the plan asks for."""
        return self.records >= self.wanted

    @property
    def reached(self) -> bool:
        """Whether they agree as well as the plan asks for."""
        return self.in_common.value is not None and self.in_common.value >= self.threshold


def find_switch_state(session: ReadSession, review_id: int, agreed: InCommon) -> SwitchState | None:
    """How far a team is; None if its plan does not begin with two people for every record.

    Args:
        session: a reading session.
        review_id: the review.
        agreed: the team's agreement at title and abstract.
    """
    calibration = _get_plan(session, review_id).calibration
    if calibration is None:
        return None
    reports = record_counts.count_reports(session, review_id).reports
    return SwitchState(
        records=agreed.records,
        wanted=max(1, math.ceil(round(calibration.share * reports, 6))),
        in_common=agreed.share,
        threshold=calibration.threshold,
        switch=calibration.switch,
    )


def measure_switch_state(session: ReadSession, review_id: int) -> SwitchState | None:
    """How far a team is; None if its plan does not begin with two people for every record."""
    if _get_plan(session, review_id).calibration is None:
        return None
    return find_switch_state(session, review_id, count_in_common(session, review_id))


def switch_to_one_person(
    store: Store, review_id: int, *, reason: str | None, person_id: int | None
) -> SwitchState:
    """Switch to one person for each record, as a new version of the protocol.

    Records that two people have decided stay as they are; a record that waits for a second person
    is settled by the first.

    Args:
        store: the database.
        review_id: the review.
        reason: needed if the two do not agree as well as the plan asks for.
        person_id: the lead who does it; None for the administrator of the server.

    Raises:
        NotAllowed: the person does not lead the review.
        Conflict: the plan does not begin with two people, the switch has been made, or two people
            have not decided enough records.
        ValueError: a reason is needed.
    """
    with store.write() as session:
        reviews.lock_review(session, review_id)
        if person_id is not None:
            members.require_role(session, review_id, person_id, "lead")
        state = measure_switch_state(session, review_id)
        plan = _get_plan(session, review_id)
        if state is None or plan.calibration is None:
            raise Conflict("the protocol's plan does not begin with two people for every record")
        _require_ready(state, reason)
        switch = Switch(
            at=dt.datetime.now(dt.UTC),
            records=state.records,
            found=state.in_common.found,
            counted=state.in_common.counted,
            reached=state.reached,
            after=decision_log.get_last_decision_id(session, review_id) or 0,
        )
        new = _describe(plan.calibration, switch)
        body = get_protocol_body(session, review_id)
        calibration = plan.calibration.model_copy(update={"switch": switch})
        switched = plan.model_copy(update={"dual_share": 0.0, "calibration": calibration})
        others = tuple(each for each in body.plans if each.stage != TITLE_ABSTRACT)
        changed = body.model_copy(update={"plans": (*others, switched)})
        save_version(
            session,
            review_id,
            NewProtocol(changed.stored(), person_id, reason=f"{new} {reason or ''}".strip()),
        )
        audit.append_event(
            session,
            "plan.switched",
            review_id=review_id,
            person_id=person_id,
            detail=switch.model_dump(mode="json"),
        )
        switched_state = measure_switch_state(session, review_id)
    assert switched_state is not None
    return switched_state


def _require_ready(state: SwitchState, reason: str | None) -> None:
    """Check that a switch may be made.

    Raises:
        Conflict: it has been made, or two people have not decided enough records.
        ValueError: they agree less well than the plan asks for, and no reason is given.
    """
    if state.switch is not None:
        raise Conflict("the switch to one person has already been made")
    if not state.enough:
        raise Conflict(
            f"two people have decided {count_noun(state.records, 'record')}; the plan asks for "
            f"{state.wanted:,} before the switch to one person"
        )
    if not state.reached and not (reason or "").strip():
        raise ValueError(
            f"includes in common are {describe_share(state.in_common)}, below the threshold of "
            f"{describe_percent(state.threshold)} %; say why you switch anyway"
        )


def _describe(calibration: Calibration, switch: Switch) -> str:
    share = describe_share(Share.of(switch.found, switch.counted))
    verb = "reached" if switch.reached else "did not reach"
    return (
        f"Switched to one person for each record after {count_noun(switch.records, 'record')} "
        f"decided by two people: includes in common {share} {verb} the threshold of "
        f"{describe_percent(calibration.threshold)} %."
    )


def describe_switch(plan: StagePlan) -> str | None:
    """A sentence on the switch, with the figures of its time; None if it has not been made."""
    if plan.calibration is None or plan.calibration.switch is None:
        return None
    switch = plan.calibration.switch
    return f"{switch.at:%Y-%m-%d}: {_describe(plan.calibration, switch)}"


def _get_plan(session: ReadSession, review_id: int) -> StagePlan:
    body = get_protocol_body(session, review_id)
    return body.plan_of(TITLE_ABSTRACT)
