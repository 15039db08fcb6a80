"""Checks of what is stored: numbers that must agree with what they were counted from.

A new check is a function in ``CHECKS``. It only reads, and gives a sentence about each thing that
is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from api.wording import count_noun
from store.core import audit, migrate
from store.core.session import ReadSession, Store
from store.reports import counters, state_check
from store.reviews import reviews
from store.screening import lease_check
from store.searching import flow, flow_check, flow_counts

# Of each check, problems beyond these are only counted.
SHOWN = 20


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found, and what to do; ``problems`` is empty if all is right."""

    name: str
    problems: tuple[str, ...]
    remedy: str

    @property
    def ok(self) -> bool:
        """Whether all is right."""
        return not self.problems


def _check_counts(session: ReadSession) -> Iterable[str]:
    for (review_id, stage, kind), (stored, right) in counters.find_differences(session).items():
        yield f"review {review_id}, {stage}, {kind}: {stored} stored, {right} counted"


def _check_reports(session: ReadSession) -> Iterable[str]:
    for report_id, (records, abstracts) in counters.find_wrong_reports(session).items():
        yield f"report {report_id} has {records} records and {abstracts} abstracts, others stored"


def _check_triggers(session: ReadSession) -> Iterable[str]:
    for name in counters.find_missing_triggers(session):
        yield f"the database has no trigger {name}, so counts go wrong with the next change"


def _check_states(session: ReadSession) -> Iterable[str]:
    for report_id, stage, stored, right in state_check.find_wrong_states(session):
        yield f"report {report_id}, {stage}: {stored} stored, {right} by its decisions"
    for report_id, stage in state_check.find_strays(session):
        yield f"report {report_id}, {stage}: its state does not fit its review, import or count"


def _check_leases(session: ReadSession) -> Iterable[str]:
    for report_id, person_id in lease_check.find_stray_leases(session):
        yield f"person {person_id} holds the card of report {report_id} and should not"


def _check_audit(session: ReadSession) -> Iterable[str]:
    broken = audit.find_first_broken_event(session)
    if broken == -1:
        yield "events are missing at the end of the audit trail"
    elif broken is not None:
        yield f"the audit trail is broken at event {broken}"


def _is_flow_wrong(session: ReadSession, review_id: int) -> bool:
    stored = flow.count_flow_by_admission(session, review_id)
    return stored != flow_check.recount_flow(session, review_id)


def _check_flows(session: ReadSession) -> Iterable[str]:
    for batch_id in flow_check.find_wrong_batches(session):
        yield f"file or page {batch_id}: its stored numbers of entries are wrong"
    for review in reviews.list_reviews(session):
        if _is_flow_wrong(session, review.id):
            yield f"review {review.id}: what is stored of the fate of its entries is wrong"


CHECKS: dict[str, Callable[[ReadSession], Iterable[str]]] = {
    "counts of reports": _check_counts,
    "records of reports": _check_reports,
    "what keeps the counts": _check_triggers,
    "states of reports": _check_states,
    "files and flow": _check_flows,
    "cards that people hold": _check_leases,
    "audit trail": _check_audit,
}

_REPAIR = "`winnow verify --repair` corrects these numbers."
# What to do if a check fails.
_REMEDIES = {
    "counts of reports": _REPAIR,
    "records of reports": _REPAIR,
    "what keeps the counts": "`winnow verify --repair` makes the triggers again and corrects what "
    "went wrong without them.",
    "states of reports": "The decisions themselves are there. The next decision on such a record, "
    "or a change of the protocol's plan, works its state out again.",
    "files and flow": _REPAIR,
    "cards that people hold": "Nothing: the cards are free again when their time is up.",
    "audit trail": "Nothing can mend it: somebody has changed the database outside Winnow. Compare "
    "it with a backup.",
}


def verify(
    store: Store, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> list[CheckResult]:
    """Make all checks; ``progress`` is called with how many are done, and how many there are.

    All of a check reads the same moment, whatever is changed meanwhile.
    """
    results = []
    for number, (name, look) in enumerate(CHECKS.items()):
        progress(number, len(CHECKS))
        with store.read_snapshot() as session:
            results.append(CheckResult(name, tuple(look(session)), _REMEDIES[name]))
    progress(len(CHECKS), len(CHECKS))
    return results


def repair_counts(store: Store) -> int:
    """Correct stored counts that are wrong, and make missing triggers again, and nothing else.

    Returns:
        How many counts, triggers, files and flows were wrong or missing.
    """
    with store.write() as session:
        # A change that is committed between two counts would be taken for an error.
        reviews.lock_all_reviews(session)
        missing = counters.find_missing_triggers(session)
        if missing:
            migrate.make_triggers(session.connection(), counters.TRIGGERS)
        number = len(missing) + len(counters.repair_reports(session))
        number += len(counters.repair_counts(session)) + flow_check.repair_batches(session)
        for review in reviews.list_reviews(session):
            if _is_flow_wrong(session, review.id):
                flow_counts.forget_counts(session, review.id)
                number += 1
    return number


def describe_problems(result: CheckResult) -> list[str]:
    """The first problems of a check, and how many more there are."""
    left = len(result.problems) - SHOWN
    more = [f"and {count_noun(left, 'more problem')}"] if left > 0 else []
    return [*result.problems[:SHOWN], *more]
