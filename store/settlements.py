"""Records on which people differ: how they are settled, and what each had decided first."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select

from store import decisions, members, outcomes, questions, records, reviews
from store.decisions import DecisionInfo, NewDecision
from store.errors import Conflict, NotAllowed
from store.outcomes import stands
from store.plans import TITLE_ABSTRACT
from store.records import Filter
from store.session import ReadSession, WriteSession
from store.tables import Decision, Identity, RecordRow, Report, now
from store.verdicts import LOOK, OWN, own_by_person


def settle(
    session: WriteSession,
    review_id: int,
    person_id: int,
    new: NewDecision,
    *,
    joint_with: int | None = None,
) -> tuple[int, bool]:
    """Append what settles a conflict: a consensus of those who differed, or a third's word.

    Args:
        session: a writing session.
        review_id: the review.
        person_id: who writes it down.
        new: include or exclude, with a note that says why.
        joint_with: of a consensus, the other of the two; None for a third person's adjudication.

    Returns:
        The decision's id, and whether it was stored now.

    Raises:
        NotAllowed: whoever adjudicates may not, or is one of those who differ; or whoever agrees,
            or the other, is not.
        Conflict: the report is in no conflict.
        ValueError: *maybe*, or no note.
    """
    if new.decision not in ("include", "exclude"):
        raise ValueError(f"a conflict is settled by include or exclude, not {new.decision!r}")
    if not new.note:
        raise ValueError("a conflict is settled with a note that says why")
    reviews.lock(session, review_id)
    members.require(session, review_id, person_id, "adjudicate" if joint_with is None else "screen")
    row = decisions.locked_report(session, review_id, new.report_id)
    kind = "adjudication" if joint_with is None else "consensus"
    earlier = decisions.of_token(session, review_id, new.token)
    if earlier is not None:
        same = (
            decisions.place_of(session, earlier),
            earlier.decision,
            earlier.person_id,
            earlier.kind,
        )
        if same != (row.id, new.decision, person_id, kind):
            raise Conflict(f"token {new.token!r} was used for another decision")
        return earlier.id, False
    if row.state != "conflict":
        raise Conflict(f"report {row.id} is in no conflict")
    differ = own_by_person(outcomes.lines(session, [row.id])[row.id])
    if joint_with is None:
        if person_id in differ:
            raise NotAllowed("Nobody adjudicates their own conflict; agree, or ask somebody else.")
    elif joint_with == person_id or not {person_id, joint_with} <= differ.keys():
        raise NotAllowed("A consensus is of two who decided the record differently.")
    protocol = reviews.protocol(session, review_id)
    shown, text, with_abstract = decisions.shown_of(session, new.report_id, row.id)
    decision = Decision(
        review_id=review_id,
        report_id=row.id,
        record_id=shown,
        text_hash=text,
        with_abstract=with_abstract,
        person_id=person_id,
        stage=new.stage,
        decision=new.decision,
        note=new.note,
        questions=questions.checked(protocol.body, new.decision, new.questions, required=False),
        protocol_version=protocol.version,
        token=new.token,
        kind=kind,
        joint_with=joint_with,
        recorded_at=now(),
    )
    decisions.append(session, decision)
    decisions.derive(session, row, outcomes.asked_of(session, review_id, new.stage))
    return decision.id, True


@dataclass(frozen=True, slots=True)
class Differing:
    """A report on which people differ.

    Attributes:
        decisions: each one's own, oldest first.
    """

    report_id: int
    decisions: tuple[DecisionInfo, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which conflicts are listed; what is None or empty narrows nothing.

    Attributes:
        of: on which this person is one of those who differ.
        between: one of those who differ has this name.
        against: include, or maybe: what stands against an exclude.
        text: words in title, abstract and ids, folded.
    """

    of: int | None = None
    between: str = ""
    against: str = ""
    text: str = ""


_ALL = Wanted()


def unsettled(
    session: ReadSession, review_id: int, wanted: Wanted = _ALL, *, limit: int = 50
) -> tuple[int, list[Differing]]:
    """How many conflicts there are of those wanted, and the first of them, oldest first."""
    query = select(Report.id).where(
        Report.review_id == review_id, Report.state == "conflict", Report.active.is_(True)
    )
    ids = session.scalars(query.order_by(Report.first_decision_id)).all()
    if wanted.text:
        named = set(records.matching(session, review_id, Filter(text=wanted.text)))
        ids = [report_id for report_id in ids if report_id in named]
    said = {
        report_id: own_by_person(lines) for report_id, lines in outcomes.lines(session, ids).items()
    }
    person = None
    if wanted.between:
        person = session.scalar(select(Identity.person_id).where(Identity.name == wanted.between))
    chosen = [
        report_id
        for report_id in ids
        if (wanted.of is None or wanted.of in said[report_id])
        and (not wanted.between or person in said[report_id])
        and (
            not wanted.against
            or wanted.against in {line.decision for line in said[report_id].values()}
        )
    ]
    lines = [line.id for report_id in chosen[:limit] for line in said[report_id].values()]
    infos: dict[int, list[DecisionInfo]] = {}
    rows = session.execute(decisions.log_query(review_id).where(Decision.id.in_(lines)))
    for row, name, _, report_id in rows:
        infos.setdefault(report_id, []).append(
            decisions.info_of(row, name, report_id, counts=False)
        )
    return len(chosen), [
        Differing(report_id, tuple(infos.get(report_id, ()))) for report_id in chosen[:limit]
    ]


@dataclass(frozen=True, slots=True)
class Independent:
    """What one person first decided on a report, before seeing what others did."""

    report_id: int
    person_id: int
    person: str | None
    decision: str
    recorded_at: dt.datetime


def independent(
    session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT
) -> list[Independent]:
    """First own decisions on reports that nobody is still to decide, in the order they were made.

    Only of reports that several people decided. What somebody changed later, knowing more, what
    was taken back, and what was screened again under other criteria are left out.
    """
    rows = session.execute(
        select(
            RecordRow.report_id,
            Decision.person_id,
            Identity.name,
            Decision.decision,
            Decision.recorded_at,
        )
        .join(RecordRow, RecordRow.id == Decision.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .outerjoin(Identity, Identity.person_id == Decision.person_id)
        .where(
            Decision.review_id == review_id,
            Decision.stage == stage,
            Decision.kind == OWN,
            Report.state.in_(("settled", "conflict")),
            *stands(),
        )
        .order_by(Decision.id)
    )
    first: dict[tuple[int, int], Independent] = {}
    for row in rows:
        found = Independent(*row)
        first.setdefault((found.report_id, found.person_id), found)
    several = Counter(report_id for report_id, _ in first)
    return [each for each in first.values() if several[each.report_id] > 1]


@dataclass(frozen=True, slots=True)
class Work:
    """What people have done on a stage so far: counts, of decisions that stand.

    Attributes:
        people: who made an own decision on a report that nobody is still to decide.
        decided_by: how many such reports so many people decided themselves, by their number;
            whoever looked again at what others excluded is not among them.
        joint: conflicts settled by those who differed; ``adjudicated``: by a third.
        imported: decisions taken over from files.
    """

    people: int
    decided_by: dict[int, int]
    joint: int
    adjudicated: int
    imported: int


def work(session: ReadSession, review_id: int, stage: str = TITLE_ABSTRACT) -> Work:
    """Who decided how much: only of reports that nobody is still to decide."""
    rows = session.execute(
        select(RecordRow.report_id, Decision.person_id, Decision.kind)
        .join(RecordRow, RecordRow.id == Decision.record_id)
        .join(Report, Report.id == RecordRow.report_id)
        .where(
            Decision.review_id == review_id,
            Decision.stage == stage,
            Report.active.is_(True),
            Report.state.in_(("settled", "conflict")),
            *stands(),
        )
    ).all()
    own = {(report, person) for report, person, kind in rows if kind == OWN}
    looked = {(report, person) for report, person, kind in rows if kind == LOOK}
    settled = Counter(kind for _, _, kind in rows)
    each = Counter(report for report, _ in own)
    # A look of one's own takes the place of what one decided before.
    each.update({report for report, _ in looked} - each.keys())
    return Work(
        len({person for _, person in own | looked}),
        dict(sorted(Counter(each.values()).items())),
        settled["consensus"],
        settled["adjudication"],
        settled["import"],
    )
