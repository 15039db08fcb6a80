"""What a process remembers of a queue is what a process that has just started would read."""

from __future__ import annotations

import io
import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import event, select

from api.protocol import ProtocolBody, StagePlan
from api.services.duplicates import judging
from api.services.duplicates.judging import Judgement
from api.services.reviews import membership, protocols
from api.services.searching import importing
from api.services.searching.importing import ImportRequest
from store.core.errors import StoreError
from store.core.session import Store
from store.core.tables import Batch, RecordRow
from store.reports import marks
from store.reports.marks import NewMark
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, ReviewInfo
from store.rules.plans import FULL_TEXT, TITLE_ABSTRACT
from store.screening import assignments, decisions, pilots, rescreens
from store.screening.assignments import HandOver, NewAssignment
from store.screening.decisions import NewDecision
from store.screening.rescreens import NewRescreen, RescreenFilter
from store.screening.stage_queue import Screener, StageQueue, read_heading
from store.searching import batches
from tests.store.builders import add_records
from tests.store.deciding import DECISIONS, start_round

pytestmark = pytest.mark.both_databases

_numbers = itertools.count()
_CSV = b"title,abstract\n" + b"".join(b"New title %d,Text %d\n" % (n, n) for n in range(30))


def _view(
    store: Store, stage: StageQueue, review: ReviewInfo, person: PersonInfo, people: list[int]
) -> object:
    """All that a queue says to these people, after it has learnt what has changed."""
    with store.read() as session:
        stage.refresh(session, read_heading(session, Screener(review.id, person.id)))
    return stage.count_kinds(), [
        (
            stage.list_places(who, 1000, again=again, is_free=lambda *_: True)[1],
            stage.count_remaining(who, again=again),
        )
        for who in people
        for again in (False, True)
    ]


@dataclass
class _World:
    """A review in which everything can happen, and two processes that remember its queues.

    What happens goes through a connection of its own, as from another process.
    """

    store: Store
    other: Store
    review: ReviewInfo
    lead: PersonInfo
    team: list[PersonInfo]
    reports: list[int]
    rng: random.Random
    order: list[int] = field(default_factory=list)
    remembered: dict[str, StageQueue] = field(default_factory=dict)
    # The last list, assignment and mark.
    made: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.order = self.rng.sample(self.reports, len(self.reports) - 5)
        for name in (TITLE_ABSTRACT, FULL_TEXT):
            self.remembered[name] = StageQueue(self.review.id, name)
            self.check()

    def check(self) -> object:
        """Compare with what a process reads that starts now; returns that."""
        views = []
        people = [self.lead.id, *(who.id for who in self.team)]
        for name, remembered in self.remembered.items():
            fresh = StageQueue(self.review.id, name)
            got = []
            for stage in (fresh, remembered):
                _view(self.store, stage, self.review, self.lead, [])
                stage.sort(1, self.order)
                got.append(_view(self.store, stage, self.review, self.lead, people))
            assert got[0] == got[1], name
            views.append(got[0])
        return views

    def pick(self) -> int:
        """Some report."""
        return self.rng.choice(self.reports)

    def someone(self) -> PersonInfo:
        """Some person of the team."""
        return self.rng.choice(self.team)

    def decide(self, stage: str = TITLE_ABSTRACT) -> None:
        with self.other.write() as session:
            new = NewDecision(
                f"q{next(_numbers)}", self.pick(), self.rng.choice(DECISIONS), stage=stage
            )
            who = self.rng.choice([self.lead, *self.team]).id
            number, _ = decisions.record_decision(session, self.review.id, who, new)
        self.made["decision"] = number

    def decide_full_text(self) -> None:
        self.decide(FULL_TEXT)

    def undo(self) -> None:
        with self.other.write() as session:
            decisions.undo_decision(
                session,
                self.review.id,
                self.lead.id,
                self.made["decision"],
                token=f"u{next(_numbers)}",
            )

    def change_plan(self) -> None:
        share = self.rng.choice((0.0, 0.5, 1.0))
        body = ProtocolBody(
            plans=(StagePlan(dual_share=share, second_look=0.5),),
            inclusion=(f"children {next(_numbers)}",),
        )
        new = NewProtocol(body.stored(), self.lead.id, reason="as agreed")
        protocols.save_protocol(self.other, self.review.id, new)

    def _assign(self, kind: str, tag: str | None = None, reports: tuple[int, ...] = ()) -> None:
        people = {self.someone().id: 1, self.lead.id: 3}
        with self.other.write() as session:
            new = NewAssignment(kind=kind, people=people, tag=tag, reports=reports)
            made = assignments.create_assignment(session, self.review.id, new, by=self.lead.id)
        self.made["assignment"] = made

    def share_out(self) -> None:
        self._assign("share")

    def assign_by_tag(self) -> None:
        self._assign("tag", "hard")

    def assign_records(self) -> None:
        self._assign("records", reports=tuple(self.rng.sample(self.reports, 3)))

    def end_assignment(self) -> None:
        with self.other.write() as session:
            assignments.end_assignment(
                session, self.review.id, self.made["assignment"], by=self.lead.id
            )

    def tag(self) -> None:
        with self.other.write() as session:
            mark = NewMark("tag", "hard")
            made = marks.add_mark(session, self.review.id, self.lead.id, self.pick(), mark)
        self.made["mark"] = made

    def remove_tag(self) -> None:
        with self.other.write() as session:
            marks.remove_mark(session, self.review.id, self.lead.id, self.made["mark"])

    def hand_over(self) -> None:
        to = self.rng.choice((None, self.lead.id))
        with self.other.write() as session:
            card = HandOver(self.pick(), to, self.rng.choice((TITLE_ABSTRACT, FULL_TEXT)))
            assignments.hand_over_card(session, self.review.id, self.someone().id, card)

    def set_screens(self) -> None:
        membership.set_screens(
            self.other,
            self.review.id,
            self.someone().id,
            screens=self.rng.random() < 0.5,
            by=self.lead.id,
        )

    def set_role(self) -> None:
        role = self.rng.choice(("viewer", "reviewer"))
        membership.set_role(self.other, self.review.id, self.someone().id, role, by=self.lead.id)

    def remove_member(self) -> None:
        who = self.someone()
        membership.remove_member(self.other, self.review.id, who.id, by=self.lead.id)
        self.check()
        membership.set_role(self.other, self.review.id, who.id, "reviewer", by=None)

    def open_round(self) -> None:
        start_round(self.other, self.review, self.lead, 4)

    def close_round(self) -> None:
        with self.other.write() as session:
            pilots.close_round(session, self.review.id, person_id=self.lead.id, note="learnt")

    def rescreen(self) -> None:
        with self.other.write() as session:
            made = rescreens.create_rescreen(
                session, self.review.id, NewRescreen(RescreenFilter(), "wider"), by=self.lead.id
            )
        self.made["rescreen"] = made

    def withdraw_rescreen(self) -> None:
        with self.other.write() as session:
            rescreens.withdraw_rescreen(
                session, self.review.id, self.made["rescreen"], by=self.lead.id
            )

    def add(self) -> None:
        self.reports += add_records(self.other, self.review.id, 2)

    def import_file(self) -> None:
        """Nothing of an import is dealt before it has ended."""
        importing.import_file(
            self.other,
            self.review.id,
            io.BytesIO(_CSV + b"again %d,\n" % next(_numbers)),
            f"{next(_numbers)}.csv",
            ImportRequest(),
            person_id=self.lead.id,
            progress=lambda *_: self.check() and None,
        )

    def withdraw_file(self) -> None:
        with self.other.write() as session:
            file = session.scalars(
                select(Batch.id).where(Batch.withdrawn_at.is_(None)).order_by(Batch.id.desc())
            ).first()
            batches.withdraw_batch(
                session, self.review.id, file or 0, reason="wrong", person_id=self.lead.id
            )

    def merge(self) -> None:
        older, later = sorted(self.rng.sample(self.reports, 2))
        with self.other.read() as session:
            records = session.scalars(
                select(RecordRow.id).where(RecordRow.own_report_id.in_((older, later)))
            ).all()
        judgement = Judgement(a=min(records), b=max(records), label="same")
        judging.record_judgement(self.other, self.review.id, judgement, person_id=self.lead.id)

    def rank(self) -> None:
        self.order = self.rng.sample(self.reports, len(self.reports) - 3)
        for stage in self.remembered.values():
            # A later ranking; a process that starts now knows no other.
            stage.sort(next(_numbers) + 1000, self.order)


@pytest.fixture
def make_world(
    store: Store,
    database_url: str,
    review: ReviewInfo,
    person: PersonInfo,
    team: list[PersonInfo],
) -> Iterator[Callable[[int], _World]]:
    other = Store(database_url)
    reports = add_records(store, review.id, 24)
    yield lambda seed: _World(
        store, other, review, person, team, list(reports), random.Random(seed)
    )
    other.close()


# In an order in which each changes somebody's queue.
_ACTS = (
    "decide change_plan decide hand_over open_round close_round rescreen withdraw_rescreen "
    "tag remove_tag assign_records share_out end_assignment set_screens merge "
    "import_file withdraw_file"
)


@pytest.mark.case("service", 9)
def test_each_kind_of_change_is_learnt_from_another_process(
    make_world: Callable[[int], _World],
) -> None:
    world = make_world(0)
    world.team = world.team[:1]
    world.assign_by_tag()
    for name in _ACTS.split():
        before = world.check()
        for _ in range(20):
            with suppress(StoreError, ValueError):
                getattr(world, name)()
            if world.check() != before:
                break
        else:
            pytest.fail(f"{name} changed nothing")


@pytest.mark.case("service", 9)
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in (1, 2))]
)
def test_whatever_happens_a_remembered_queue_is_as_a_new_one(
    make_world: Callable[[int], _World], seed: int
) -> None:
    world = make_world(seed)
    acts = [name for name in vars(_World) if not name.startswith("_")]
    acts = [name for name in acts if name not in ("check", "pick", "someone", "made", "order")]
    for _ in range(60):
        with suppress(StoreError, ValueError, KeyError):
            getattr(world, world.rng.choice([*acts, "decide", "decide"]))()
        world.check()


def _refresh_failing_at(
    store: Store, stage: StageQueue, review: ReviewInfo, person: PersonInfo, place: int
) -> bool:
    """Refresh a queue while the statement at a place fails; False if there were fewer."""
    seen = 0

    def fail(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == place:
            raise RuntimeError("the connection is lost")

    event.listen(store.engine, "before_cursor_execute", fail)
    try:
        _view(store, stage, review, person, [])
    except RuntimeError:
        return True
    finally:
        event.remove(store.engine, "before_cursor_execute", fail)
    return False


@pytest.mark.parametrize("act", ["import_file", "assign_records", "change_plan"])
def test_what_a_failed_refresh_did_not_read_is_read_by_the_next(
    make_world: Callable[[int], _World], act: str
) -> None:
    world = make_world(0)
    world.decide()
    world.check()
    remembered = world.remembered.pop(TITLE_ABSTRACT)
    getattr(world, act)()
    world.remembered[TITLE_ABSTRACT] = remembered
    place = 1
    while _refresh_failing_at(world.store, remembered, world.review, world.lead, place):
        place += 1
    assert place > 5
    world.check()
