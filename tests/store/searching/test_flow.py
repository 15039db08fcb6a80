"""The sum, always.

identified = rejected + filtered + duplicates + out of range + screened + not screened
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from api.protocol import ProtocolBody, ProtocolLimits
from api.services.living import pooling
from api.services.reviews import limits, protocols
from api.services.searching.page_entries import key_entries
from harvest.record import Record, Rejected
from store.core.session import Store
from store.core.tables import RecordRow
from store.reports import record_counts
from store.reviews import members, people, reviews
from store.reviews.reviews import NewProtocol, NewReview, ReviewInfo
from store.screening import decisions
from store.searching import batches, flow, pool_membership, searches, strategies
from store.searching.admissions import NewAdmission
from store.searching.ingest import BatchContent, FileInfo
from store.searching.runs import run_endings, run_pages, run_progress, runs
from store.searching.runs.run_progress import NewPage, Opening
from store.searching.strategies import NewStrategy
from tests.shared import on_postgresql, on_sqlite
from tests.store.builders import content, new_run, store_content

_numbers = itertools.count()

IDS = st.lists(st.integers(1, 8), max_size=6)
LOST = st.lists(st.sampled_from(["PMID 1", "PMID 2", ""]), max_size=2)
STEP = st.one_of(
    st.tuples(st.just("file"), IDS, LOST, st.booleans()),
    st.tuples(
        *(st.just("run"), IDS, LOST, st.sets(st.integers(1, 8)), st.booleans(), st.booleans())
    ),
    st.tuples(st.just("admit")),
    st.tuples(st.just("withdraw"), st.integers(0, 10), st.booleans()),
    st.tuples(st.just("decide"), st.integers(1, 8)),
    st.tuples(
        st.just("limit"),
        st.none() | st.integers(2000, 2005),
        st.none() | st.integers(2005, 2010),
        st.booleans(),
    ),
)
# Records have the years 2001, 2002 and so on, and this one has none.
UNDATED = 8


FREEZE, BEFORE, AFTER = dt.date(2026, 1, 5), dt.date(2026, 1, 1), dt.date(2026, 1, 10)

Brought = tuple[int, int, list[tuple[int, bool]], list[str]]


@dataclass
class Model:
    """The same history, counted by hand."""

    frozen: bool
    batches: list[Brought] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    decided: set[int] = field(default_factory=set)
    pooled: set[int] = field(default_factory=set)
    admitted: dict[int, int] = field(default_factory=dict)
    years: tuple[int | None, int | None] = (None, None)

    def add(self, *batch: object, late: bool) -> None:
        self.batches.append(batch)  # type: ignore[arg-type] # as it was brought
        if late and self.frozen:
            self.pooled.add(self.batches[-1][1])

    def waiting(self) -> list[Brought]:
        return [b for b in self.batches if b[1] in self.pooled and b[1] not in self.gone]

    def live(self) -> list[Brought]:
        return [b for b in self.batches if b[1] not in self.gone and b[1] not in self.pooled]

    def admissions(self) -> dict[int, int]:
        """The admission of each report: that of its first kept copy, or else of its first copy."""
        homes: dict[int, int] = {}
        first: dict[tuple[int, int], int] = {}
        kept: dict[tuple[int, int], bool] = {}
        for search, batch, entries, _ in self.live():
            for n, filtered in entries:
                at = self.admitted.get(batch, 0)
                first[search, n] = min(first.get((search, n), at), at)
                kept[search, n] = kept.get((search, n), False) or not filtered
        for (_, n), at in first.items():
            mine = [first[key] for key in first if key[1] == n and kept[key]]
            homes[n] = min(mine) if mine else min(homes.get(n, at), at)
        return homes

    def kept(self) -> set[int]:
        return {n for _, _, entries, _ in self.live() for n, filtered in entries if not filtered}

    def out_of_range(self) -> set[int]:
        first, last = self.years
        return {
            n
            for n in self.kept() - self.decided
            if n != UNDATED and not (first or 0) <= 2000 + n <= (last or 9999)
        }

    def counts(self) -> flow.Flow:
        seen: dict[int, set[int]] = {}
        lost_before: dict[int, set[str]] = {}
        entries_in = rejected = 0
        copies: list[int] = []
        for search, _, entries, lost in self.live():
            before, lost_then = (
                seen.setdefault(search, set()),
                lost_before.setdefault(search, set()),
            )
            fresh = [n for n, _ in entries if n not in before]
            copies += fresh
            entries_in += len(fresh)
            before.update(n for n, _ in entries)
            rejected += sum(words == "" or words not in lost_then for words in lost)
            lost_then.update(lost)
        reports = {n for _, _, entries, _ in self.live() for n, _ in entries}
        kept = self.kept()
        screened = kept & self.decided
        return flow.Flow(
            identified=entries_in + rejected,
            rejected=rejected,
            filtered=len(reports - kept),
            duplicates=sum(copies.count(n) - 1 for n in set(copies)),
            screened=len(screened),
            out_of_range=len(self.out_of_range()),
            not_screened=len(kept - screened - self.out_of_range()),
            excluded=len(screened),
        )


def record(position: int, number: int) -> Record:
    return Record(
        position,
        title=f"Title {number}",
        year=None if number == UNDATED else 2000 + number,
        accession=str(number),
        database="PubMed",
    )


def rejects(start: int, words: Sequence[str]) -> list[Rejected]:
    return [Rejected(start + n, "not returned", excerpt=w) for n, w in enumerate(words, start=1)]


def file(
    store: Store, review: ReviewInfo, model: Model, ids: list[int], lost: list[str], late: bool
) -> None:
    if not ids and not lost:
        return
    made = content([record(n, i) for n, i in enumerate(ids, start=1)], rejects(len(ids), lost))
    day = AFTER if late else BEFORE
    batch = store_content(store, review.id, made, source="PubMed", run_on=day.isoformat())
    with store.read() as session:
        search = batches.get_batch(session, review.id, batch).search_id
    model.add(search, batch, [(i, False) for i in ids], lost, late=late)


def run(
    store: Store,
    review: ReviewInfo,
    model: Model,
    ids: list[int],
    lost: list[str],
    filtered: set[int],
    again: bool,
    late: bool,
) -> None:
    """One page of a run with the same strategy version as before, or a new one."""
    # A source gives each id only once on a page.
    ids = list(dict.fromkeys(ids))
    with store.write() as session:
        versions = strategies.list_versions(session, review.id)
        if not versions or not again:
            strategy = NewStrategy({"text": f"a{next(_numbers)}"})
            strategies.create_version(session, review.id, strategy, person_id=None)
        version = strategies.get_version(session, review.id)
        new = new_run(version.id, AFTER if late else BEFORE)
        run_id = runs.create_run(session, review.id, new, person_id=None)
        run_progress.claim_run(session, run_id, "me", due_only=False)
        opening = Opening(
            reported=len(ids), at_most=False, understood="", warnings=[], notices=[], cursor={}
        )
        run_progress.record_opening(session, run_id, "me", opening)
    body = str(next(_numbers)).encode()
    entries = key_entries(
        "pubmed",
        body,
        [*(record(n, i) for n, i in enumerate(ids, start=1)), *rejects(len(ids), lost)],
    )
    with store.write() as session:
        info = runs.get_run(session, run_id)
        sha256 = hashlib.sha256(body).hexdigest()
        page = FileInfo(
            name="",
            sha256=sha256,
            size=len(body),
            format="pubmed",
            columns={"kind": "records"},
            notices=(),
        )
        positions = frozenset(
            e.record.position for e in entries.records if int(e.source_id) in filtered
        )
        content = BatchContent(entries.records, entries.rejected, positions)
        new_page = NewPage(file=page, body=body, content=content, gold_filtered=(), cursor=None)
        run_progress.add_page(session, info, "me", new_page)
    with store.write() as session:
        run_endings.finish_run(session, run_id, "me")
        (batch,) = [page.batch_id for page in run_pages.list_pages(session, run_id)]
    marked = [(i, i in filtered and i not in model.decided) for i in ids]
    model.add(info.search_id, batch, marked, lost, late=late)


def withdraw(store: Store, review: ReviewInfo, model: Model, number: int, whole: bool) -> None:
    live = model.live()
    if not live:
        return
    search, batch, _, _ = live[number % len(live)]
    with store.write() as session:
        if whole:
            searches.withdraw_search(session, review.id, search, reason="x", person_id=None)
            model.gone.update(b for s, b, _, _ in model.batches if s == search)
        else:
            batches.withdraw_batch(session, review.id, batch, reason="x", person_id=None)
            model.gone.add(batch)


def admit(store: Store, review: ReviewInfo, model: Model) -> None:
    """Let in everything from the pool."""
    # A page without new records leaves nothing to admit.
    if not any(ids for _, _, ids, _ in model.waiting()):
        return
    new = NewAdmission(up_to=AFTER, person_id=None)
    admission = pooling.admit_pool(store, review.id, new, most_in_full=200)
    for _, batch, _, _ in model.waiting():
        model.pooled.discard(batch)
        model.admitted[batch] = admission.id


def decide(store: Store, review: ReviewInfo, model: Model, number: int, person: int) -> None:
    if number not in model.kept():
        return
    with store.write() as session:
        report = session.scalar(
            select(RecordRow.report_id).where(
                RecordRow.review_id == review.id, RecordRow.source_id == str(number)
            )
        )
        assert report is not None
        new = decisions.NewDecision(
            token=f"t{next(_numbers)}", report_id=report, decision="exclude"
        )
        decisions.record_decision(session, review.id, person, new)
    model.decided.add(number)


def limit(
    store: Store,
    review: ReviewInfo,
    model: Model,
    years: tuple[int | None, int | None],
    force: bool,
) -> None:
    """Change the protocol's years, and whether they leave reports out."""
    bounds = ProtocolLimits(year_from=years[0], year_to=years[1])
    body = ProtocolBody(limits=bounds).stored()
    protocols.save_protocol(store, review.id, NewProtocol(body, None, reason="other years"))
    with store.read() as session:
        (lead,) = members.list_members(session, review.id)
    counted = limits.set_in_force(store, review.id, force, person_id=lead.id)
    model.years = years if force else (None, None)
    assert counted.out_of_range == len(model.out_of_range())


def check_history(store: Store, history: Sequence[tuple[object, ...]], *, frozen: bool) -> None:
    """Take the steps in a new review, and compare the counts with the model's after each."""
    name = f"r{next(_numbers)}"
    with store.write() as session:
        person = people.create_person(session, name)
        review = reviews.create_review(
            session, NewReview(name, name, ProtocolBody().stored()), person_id=person.id
        )
        if frozen:
            pool_membership.set_freeze_date(session, review.id, FREEZE, person_id=person.id)
    model = Model(frozen)
    for kind, *values in history:
        if kind == "file":
            file(store, review, model, *values)  # type: ignore[arg-type] # a step is a tuple of anything
        elif kind == "run":
            run(store, review, model, *values)  # type: ignore[arg-type] # a step is a tuple of anything
        elif kind == "withdraw":
            withdraw(store, review, model, *values)  # type: ignore[arg-type] # a step is a tuple of anything
        elif kind == "admit":
            admit(store, review, model)
        elif kind == "limit":
            first, last, force = values
            limit(store, review, model, (first, last), force)  # type: ignore[arg-type] # a step is a tuple of anything
        else:
            decide(store, review, model, values[0], person.id)  # type: ignore[arg-type] # a step is a tuple of anything
        with store.read() as session:
            found = flow.count_flow(session, review.id)
            by_search = flow.count_received(session, review.id)
            apart = flow.count_flow_by_admission(session, review.id)
            active = record_counts.count_reports(session, review.id).reports
        assert found == model.counts()
        # Records that wait in the pool are only there.
        assert active == len(model.kept() - model.out_of_range())
        homes = model.admissions()
        for admission, counts in apart.items():
            here = {number for number, at in homes.items() if at == admission}
            kept_here = here & model.kept()
            assert counts.screened == len(kept_here & model.decided)
            aside = kept_here & model.out_of_range()
            assert counts.out_of_range == len(aside)
            assert counts.not_screened == len(kept_here - model.decided - aside)
            assert counts.filtered == len(here - kept_here)
            assert counts.duplicates >= 0
            assert counts.identified == len(here) + counts.rejected + counts.duplicates
        parts = ("rejected", "filtered", "duplicates", "out_of_range", "screened", "not_screened")
        for name in ("identified", *parts):
            assert sum(getattr(counts, name) for counts in apart.values()) == getattr(found, name)
        assert found.identified == sum(by_search.values())
        assert found.identified == sum(getattr(found, name) for name in parts)


@on_sqlite
@settings(max_examples=40)
@given(history=st.lists(STEP, max_size=8), frozen=st.booleans())
def test_the_sum_holds_over_any_history(
    store: Store, history: list[tuple[object, ...]], frozen: bool
) -> None:
    check_history(store, history, frozen=frozen)


@on_postgresql
@pytest.mark.parametrize("frozen", [True, False])
def test_the_sum_holds_over_a_history_of_every_step(store: Store, frozen: bool) -> None:
    history = [
        ("file", [1, 2, 2, 3], ["PMID 1", ""], False),
        ("run", [2, 3, 4, 5], ["PMID 1"], {4, 5}, False, False),
        ("decide", 2),
        ("limit", 2003, 2006, True),
        ("run", [2, 5, 6], ["PMID 1", "PMID 2"], {2, 6}, True, True),
        ("file", [6, 7], [""], True),
        ("admit",),
        ("file", [1, 7, 8], ["PMID 2"], True),
        ("withdraw", 0, False),
        ("decide", 7),
        ("limit", None, 2004, True),
        ("limit", None, 2004, False),
        ("limit", 2005, None, True),
        ("withdraw", 1, True),
        ("admit",),
    ]
    check_history(store, history, frozen=frozen)
