"""The sum: identified = rejected + filtered + duplicates + screened + not screened, always."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from api.protocol import ProtocolBody
from api.services import pooling
from api.services.harvesting import _keyed
from harvest.record import Record, Rejected
from store import (
    decisions,
    flow,
    people,
    pool,
    records,
    reviews,
    run_pages,
    runs,
    searches,
    strategies,
)
from store.filing import FileInfo
from store.reviews import ReviewInfo
from store.session import Store
from store.tables import RecordRow
from tests.store.made import content, store_content

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
)


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

    def add(self, *batch: object, late: bool) -> None:
        self.batches.append(batch)  # type: ignore[arg-type] # as it was brought
        if late and self.frozen:
            self.pooled.add(self.batches[-1][1])

    def waiting(self) -> list[Brought]:
        return [b for b in self.batches if b[1] in self.pooled and b[1] not in self.gone]

    def live(self) -> list[Brought]:
        return [b for b in self.batches if b[1] not in self.gone and b[1] not in self.pooled]

    def by_admission(self) -> dict[int, int]:
        """Reports by the admission in which their first kept copy came, or their first."""
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
        counts: dict[int, int] = {}
        for at in homes.values():
            counts[at] = counts.get(at, 0) + 1
        return counts

    def kept(self) -> set[int]:
        return {n for _, _, entries, _ in self.live() for n, filtered in entries if not filtered}

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
            not_screened=len(kept - screened),
            excluded=len(screened),
        )


def record(position: int, number: int) -> Record:
    return Record(position, title=f"Title {number}", accession=str(number), database="PubMed")


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
        search = searches.batch(session, review.id, batch).search_id
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
    """One page of a run; of the same strategy version as before, or of a new one."""
    # A source gives an id once on a page.
    ids = list(dict.fromkeys(ids))
    with store.write() as session:
        versions = strategies.versions(session, review.id)
        if not versions or not again:
            strategies.save(
                session, review.id, {"text": f"a{next(_numbers)}"}, reason=None, person_id=None
            )
        version = strategies.version(session, review.id)
        run_id = runs.create(
            session,
            review.id,
            source="pubmed",
            strategy_id=version.id,
            line="1",
            queries=["a"],
            losses=[],
            fields={},
            person_id=None,
            until=AFTER if late else BEFORE,
        )
        runs.claim(session, run_id, "me", due_only=False)
        runs.opened(
            session,
            run_id,
            "me",
            reported=len(ids),
            at_most=False,
            understood="",
            warnings=[],
            notices=[],
            cursor={},
        )
    body = str(next(_numbers)).encode()
    entries, rejected = _keyed(
        "pubmed",
        body,
        [*(record(n, i) for n, i in enumerate(ids, start=1)), *rejects(len(ids), lost)],
    )
    with store.write() as session:
        info = runs.by_id(session, run_id)
        sha256 = hashlib.sha256(body).hexdigest()
        page = FileInfo("", sha256, len(body), "pubmed", {"kind": "records"}, ())
        runs.add_page(
            session,
            info,
            "me",
            page,
            body,
            entries,
            rejected,
            filtered=[e.record.position for e in entries if int(e.source_id) in filtered],
            gold_filtered=[],
            cursor=None,
        )
    with store.write() as session:
        runs.finish(session, run_id, "me")
        (batch,) = [page.batch_id for page in run_pages.pages(session, run_id)]
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
            searches.withdraw(session, review.id, batch, reason="x", person_id=None)
            model.gone.add(batch)


def admit(store: Store, review: ReviewInfo, model: Model) -> None:
    """Let everything out of the pool."""
    # A page that brought nothing leaves nothing to admit.
    if not any(ids for _, _, ids, _ in model.waiting()):
        return
    admission = pooling.admit(store, review.id, AFTER, in_full=200, person_id=None)
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
        decisions.record(session, review.id, person, new)
    model.decided.add(number)


@settings(max_examples=40)
@given(history=st.lists(STEP, max_size=8), frozen=st.booleans())
def test_the_sum_holds_over_any_history(
    store: Store, history: list[tuple[object, ...]], frozen: bool
) -> None:
    name = f"r{next(_numbers)}"
    with store.write() as session:
        person = people.create(session, name)
        review = reviews.create(
            session,
            slug=name,
            title=name,
            protocol=ProtocolBody().stored(),
            person_id=person.id,
        )
        if frozen:
            pool.set_freeze(session, review.id, FREEZE, person_id=person.id)
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
        else:
            decide(store, review, model, values[0], person.id)  # type: ignore[arg-type] # a step is a tuple of anything
        with store.read() as session:
            found = flow.flow(session, review.id)
            by_search = flow.received(session, review.id)
            apart = flow.by_admission(session, review.id)
            active = records.counts(session, review.id).reports
        assert found == model.counts()
        # What waits in the pool is nowhere but there.
        assert active == len(model.kept())
        homes = model.by_admission()
        for admission, counts in apart.items():
            whole = counts.filtered + counts.screened + counts.not_screened
            assert whole == homes.get(admission, 0)
            assert counts.identified == whole + counts.rejected + counts.duplicates
            assert min(counts.duplicates, counts.not_screened) >= 0
        assert found.identified == sum(by_search.values())
        assert found.identified == (
            found.rejected + found.filtered + found.duplicates + found.screened + found.not_screened
        )
