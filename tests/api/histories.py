"""Everything that can happen to the reports of a review, each as one call without arguments."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Select, select

from api.protocol import ProtocolBody, ProtocolLimits, StagePlan
from api.services.duplicates import judging
from api.services.duplicates.deduplicating import compare_new_records
from api.services.duplicates.judging import Judgement
from api.services.living import pooling
from api.services.reviews import limits, protocols
from api.services.screening import deciding, rescreening
from api.services.searching import searches
from api.services.searching.page_entries import key_entries
from api.services.searching.record_keys import FileKeys
from harvest.record import Record, Rejected
from store.core.errors import Conflict, NotFound, StoreError
from store.core.session import Store
from store.core.tables import (
    Batch,
    Bulk,
    Decision,
    Intake,
    PairRow,
    RecordRow,
    Report,
    ReportState,
    Rescreen,
    Run,
)
from store.reports.record_listing import RecordFilter
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, ReviewInfo
from store.rules import agreed_decision
from store.rules.plans import FULL_TEXT, TITLE_ABSTRACT
from store.screening import bulk, decisions
from store.screening.bulk import BulkAction, BulkRequest
from store.screening.decisions import NewDecision
from store.screening.rescreens import NewRescreen, RescreenFilter
from store.searching import batches, imports, ingest, pool_membership, statements, strategies
from store.searching.admissions import NewAdmission
from store.searching.imports import NewImport
from store.searching.ingest import BatchContent, FileInfo
from store.searching.record_rows import KeyedRecord
from store.searching.runs import run_endings, run_progress, runs
from store.searching.runs.run_progress import NewPage
from store.searching.strategies import NewStrategy
from tests.api import copies
from tests.store import deciding as store_deciding
from tests.store.builders import content, new_run, store_content

FREEZE = dt.date(2026, 1, 5)
_BEFORE, _AFTER = "2026-01-01", "2026-01-10"
_TITLES = (copies.A, copies.A_AGAIN, copies.A_BARE, copies.ERRATUM, copies.B)
_WORDS = ("include", "exclude", "maybe")


@dataclass(frozen=True, slots=True)
class _Import:
    """An import under way."""

    intake_id: int
    batch_id: int
    records: Sequence[KeyedRecord]


@dataclass
class History:
    """Changes of one review, by its people.

    What is impossible at the time, such as undoing where nothing is decided, changes nothing.

    Attributes:
        people: the lead first, and last an adjudicator.
        rng: chooses among what there is.
    """

    store: Store
    review: ReviewInfo
    people: list[PersonInfo]
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _import: _Import | None = None

    def steps(self) -> dict[str, Callable[[], object]]:
        """All that can happen, by name."""
        return {
            "import": self.import_records,
            "compare": lambda: compare_new_records(self.store, self.review.id),
            "begin import": self.begin_import,
            "end import": self.end_import,
            "cancel import": self.cancel_import,
            "begin run": self.begin_run,
            "end run": self.end_run,
            "decide": self.decide,
            "decide full text": lambda: self.decide(stage=FULL_TEXT),
            "decide by file": self.decide_by_file,
            "decide in bulk": self.decide_in_bulk,
            "undo bulk": self.undo_bulk,
            "undo": self.undo,
            "settle": self.settle,
            "judge": self.judge,
            "undo judgement": self.undo_judgement,
            "split": self.split,
            "one person": lambda: self.plan(dual_share=0.0),
            "two people": lambda: self.plan(dual_share=1.0),
            "years": lambda: self.plan(years=ProtocolLimits(year_from=2015)),
            "leave out": lambda: self.leave_out(True),
            "keep": lambda: self.leave_out(False),
            "withdraw": self.withdraw,
            "freeze": self.freeze,
            "import to the pool": lambda: self.import_records(day=_AFTER),
            "admit": self.admit,
            "rescreen": self.rescreen,
            "withdraw rescreen": self.withdraw_rescreen,
        }

    def do(self, name: str) -> bool:
        """Do one step; False if the review refused it, and nothing changed."""
        try:
            self.steps()[name]()
        except (StoreError, ValueError):
            return False
        return True

    def import_records(self, day: str | None = _BEFORE) -> None:
        """A file with copies of earlier records, some with an abstract and with another year."""
        made = []
        for place in range(1, 4):
            number = next(self._numbers)
            record = replace(
                self.rng.choice(_TITLES),
                position=place,
                abstract=f"What was found, {number}." if number % 3 else None,
                year=2014 if number % 2 else 2016,
                doi=None,
            )
            if number % 4 == 0:
                record = replace(record, title=f"Study {number * 7919} of region {number}")
            made.append(record)
        store_content(self.store, self.review.id, content(made), run_on=day)

    def begin_import(self) -> None:
        """An import in pieces that nobody sees begins; half of its entries are stored."""
        if self._import is not None:
            raise Conflict("imports into one review take turns")
        number = next(self._numbers)
        made = content(
            [
                Record(
                    position=place,
                    title=f"Trial of drug {(number + place) % 7}",
                    abstract=f"What {number} found." if number % 2 else None,
                    year=2016,
                    pmid=str(1 + (number + place) % 7),
                )
                for place in range(1, 7)
            ]
        )
        new = NewImport(
            name="f.csv",
            sha256=made.sha256,
            size=made.size,
            request={},
            search_id=None,
            search_fields={"source": "PubMed", "run_on": _BEFORE},
        )
        with self.store.write() as session:
            intake = imports.create_import(
                session, self.review.id, new, person_id=self.people[0].id, owner="us"
            )
            batch = session.scalar(select(Intake.batch_id).where(Intake.id == intake)) or 0
        keys = FileKeys(made.sha256, made.format, "PubMed")
        self._import = _Import(intake, batch, [keys.of(record) for record in made.records])
        self._add_entries(self._import.records[:3])

    def end_import(self) -> None:
        """The import that has begun is seen, and says what it adds to earlier records."""
        begun = self._take_import()
        self._add_entries(begun.records[3:], begun)
        with self.store.write() as session:
            imports.update_membership(session, begun.intake_id)
        with self.store.write() as session:
            batches.refresh_batch(session, begun.batch_id)
            imports.end_import(session, begun.intake_id)
        with self.store.write() as session:
            statements.add_statements(session, begun.batch_id, begun.records)
        with self.store.write() as session:
            imports.finish_import(session, begun.intake_id)
        compare_new_records(self.store, self.review.id)

    def cancel_import(self) -> None:
        """The import that has begun is taken away."""
        begun = self._take_import()
        with self.store.write() as session:
            imports.cancel_import(
                session,
                self.review.id,
                begun.intake_id,
                person_id=self.people[0].id,
                reason="wrong file",
            )
        more = True
        while more:
            with self.store.write() as session:
                more = imports.remove_piece(session, begun.intake_id, 2)

    def _add_entries(self, records: Sequence[KeyedRecord], begun: _Import | None = None) -> None:
        chosen = begun or self._import
        assert chosen is not None
        with self.store.write() as session:
            ingest.add_entries(session, chosen.batch_id, BatchContent(records))

    def _take_import(self) -> _Import:
        begun, self._import = self._import, None
        if begun is None:
            raise NotFound("no import has begun")
        return begun

    def begin_run(self) -> None:
        """A page of a run comes, one of its records set aside; none is in the review yet."""
        number = next(self._numbers)
        found = [
            Record(position=place, title=f"Trial {(number + place) % 5}", pmid=str(number % 5))
            for place in range(1, 4)
        ]
        entries = key_entries("pubmed", str(number).encode(), found)
        file = FileInfo(
            name="",
            sha256=f"{number:064}",
            size=1,
            format="pubmed",
            columns={"kind": "records"},
            notices=(),
        )
        page = NewPage(
            file=file,
            body=b"",
            content=BatchContent(
                entries.records, (Rejected(4, "no record", excerpt="x"),), frozenset({number % 3})
            ),
            gold_filtered=(),
            cursor=None,
        )
        with self.store.write() as session:
            new = NewStrategy({"text": f"a{number}"})
            strategies.create_version(session, self.review.id, new, person_id=None)
            version = strategies.get_version(session, self.review.id)
            run = new_run(version.id, FREEZE)
            run_id = runs.create_run(session, self.review.id, run, person_id=None)
            run_progress.claim_run(session, run_id, "us", due_only=False)
            run_progress.add_page(session, runs.get_run(session, run_id), "us", page)

    def end_run(self) -> None:
        """The records of a run are let in."""
        number = self._any(select(Run.id).where(Run.state == "running").order_by(Run.id))
        with self.store.write() as session:
            run_endings.abandon_run(session, number, reason="stopped")

    def decide(self, stage: str = TITLE_ABSTRACT) -> None:
        """One person decides one report."""
        report = self._any(select(Report.id).where(Report.counted.is_(True)).order_by(Report.id))
        person, word = self.rng.choice(self.people[:-1]), self.rng.choice(_WORDS)
        if stage == TITLE_ABSTRACT:
            store_deciding.decide(self.store, self.review, person, report, word)
            return
        new = NewDecision(f"f{next(self._numbers)}", report, word, stage=stage)
        with self.store.write() as session:
            decisions.record_decision(session, self.review.id, person.id, new)

    def decide_by_file(self) -> None:
        """A decision on a report that nobody has decided comes with a file."""
        report = self._any(select(ReportState.report_id).where(ReportState.state == "open"))
        new = NewDecision(
            f"i{next(self._numbers)}", report, self.rng.choice(_WORDS), kind=agreed_decision.IMPORT
        )
        with self.store.write() as session:
            decisions.record_decision(session, self.review.id, self.people[0].id, new)

    def decide_in_bulk(self) -> None:
        """The lead decides all that can be decided of some years at once."""
        request = BulkRequest(
            filters=RecordFilter(year_from=self.rng.choice((2014, 2016)), year_to=2016),
            action=BulkAction(kind="decide", value=self.rng.choice(_WORDS), note="many"),
            token=f"b{next(self._numbers)}",
        )
        with self.store.write() as session:
            bulk.apply_action(session, self.review.id, self.people[0].id, request)

    def undo_bulk(self) -> None:
        """A bulk action is undone."""
        number = self._any(select(Bulk.id).where(Bulk.undone_at.is_(None)))
        with self.store.write() as session:
            bulk.undo_action(session, self.review.id, self.people[0].id, number)

    def undo(self) -> None:
        """Somebody undoes a decision of their own."""
        number = self._any(select(Decision.id).order_by(Decision.id))
        with self.store.read() as session:
            person = session.scalar(select(Decision.person_id).where(Decision.id == number)) or 0
        token = f"u{next(self._numbers)}"
        deciding.undo_decision(self.store, self.review.id, person, number, token=token)

    def settle(self) -> None:
        """The last person, who decides nothing else, settles what others differ on."""
        report = self._any(
            select(ReportState.report_id)
            .where(ReportState.state == "conflict")
            .order_by(ReportState.report_id, ReportState.stage)
        )
        word = self.rng.choice(_WORDS)
        store_deciding.settle(self.store, self.review, self.people[-1], report, word)

    def judge(self) -> None:
        """A person says of two records that they are the same report, or different ones."""
        both = [self._any(select(RecordRow.id).order_by(RecordRow.id)) for _ in range(2)]
        judgement = Judgement(
            a=min(both),
            b=max(both),
            label=self.rng.choice(("same", "different")),
            decision="include",
        )
        judging.record_judgement(self.store, self.review.id, judgement, person_id=self.people[0].id)

    def undo_judgement(self) -> None:
        """The lead undoes what a person said about two records."""
        pair = self._any(
            select(PairRow.id).where(PairRow.person_id.is_not(None)).order_by(PairRow.id)
        )
        judging.undo_judgement(self.store, self.review.id, pair, person_id=self.people[0].id)

    def split(self) -> None:
        """A record is taken out of its report."""
        record = self._any(
            select(RecordRow.id)
            .where(RecordRow.report_id != RecordRow.own_report_id)
            .order_by(RecordRow.id)
        )
        judging.split_record(
            self.store, self.review.id, record, reason="other", person_id=self.people[0].id
        )

    def plan(self, dual_share: float = 0.0, years: ProtocolLimits | None = None) -> None:
        """A new version of the protocol."""
        body = ProtocolBody(
            inclusion=(f"people over {next(self._numbers)}",),
            plans=(StagePlan(dual_share=dual_share),),
            limits=years or ProtocolLimits(),
        )
        new = NewProtocol(body.stored(), self.people[0].id, "We learned more.")
        protocols.save_protocol(self.store, self.review.id, new)

    def leave_out(self, in_force: bool) -> None:
        """Reports outside the protocol's years are left out, or taken back."""
        limits.set_in_force(self.store, self.review.id, in_force, person_id=self.people[0].id)

    def withdraw(self) -> None:
        """A file is withdrawn."""
        batch = self._any(select(Batch.id).where(Batch.withdrawn_at.is_(None)).order_by(Batch.id))
        searches.withdraw_file(
            self.store, self.review.id, batch, reason="wrong", person_id=self.people[0].id
        )

    def freeze(self) -> None:
        """Later searches wait in the pool."""
        with self.store.write() as session:
            pool_membership.set_freeze_date(session, self.review.id, FREEZE, person_id=None)

    def admit(self) -> None:
        """The whole pool is let in."""
        admission = NewAdmission(up_to=dt.date(2026, 2, 1), person_id=None)
        pooling.admit_pool(self.store, self.review.id, admission, most_in_full=200)

    def rescreen(self) -> None:
        """What was excluded under earlier criteria is screened again."""
        new = NewRescreen(RescreenFilter(), "The criteria changed.")
        rescreening.create_rescreen(self.store, self.review.id, new, by=self.people[0].id)

    def withdraw_rescreen(self) -> None:
        """A rescreen is withdrawn."""
        rescreen = self._any(
            select(Rescreen.id).where(Rescreen.withdrawn_at.is_(None)).order_by(Rescreen.id)
        )
        rescreening.withdraw_rescreen(self.store, self.review.id, rescreen, by=self.people[0].id)

    def _any(self, query: Select[tuple[int]]) -> int:
        """One of what a query of one table finds in this review."""
        of_table = query.column_descriptions[0]["entity"]
        with self.store.read() as session:
            found = session.scalars(query.where(of_table.review_id == self.review.id)).all()
        if not found:
            raise NotFound("there is nothing yet")
        return self.rng.choice(found)
