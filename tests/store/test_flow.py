"""The sum: identified = rejected + filtered + duplicates + screened + not screened, always."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from api.protocol import ProtocolBody
from api.services.harvesting import _keyed
from harvest.record import Record, Rejected
from store import decisions, flow, people, reviews, runs, searches, strategies
from store.filing import FileInfo
from store.reviews import ReviewInfo
from store.session import Store
from store.tables import RecordRow
from tests.store.made import content, store_content

_numbers = itertools.count()

IDS = st.lists(st.integers(1, 8), max_size=6)
LOST = st.lists(st.sampled_from(["PMID 1", "PMID 2", ""]), max_size=2)
STEP = st.one_of(
    st.tuples(st.just("file"), IDS, LOST),
    st.tuples(st.just("run"), IDS, LOST, st.sets(st.integers(1, 8)), st.booleans()),
    st.tuples(st.just("withdraw"), st.integers(0, 10), st.booleans()),
    st.tuples(st.just("decide"), st.integers(1, 8)),
)


@dataclass
class Model:
    """The same history, counted by hand."""

    batches: list[tuple[int, int, list[tuple[int, bool]], list[str]]] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    decided: set[int] = field(default_factory=set)

    def live(self) -> list[tuple[int, int, list[tuple[int, bool]], list[str]]]:
        return [batch for batch in self.batches if batch[1] not in self.gone]

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
            waiting=0,
        )


def record(position: int, number: int) -> Record:
    return Record(position, title=f"Title {number}", accession=str(number), database="PubMed")


def rejects(start: int, words: Sequence[str]) -> list[Rejected]:
    return [Rejected(start + n, "not returned", excerpt=w) for n, w in enumerate(words, start=1)]


def file(store: Store, review: ReviewInfo, model: Model, ids: list[int], lost: list[str]) -> None:
    if not ids and not lost:
        return
    made = content([record(n, i) for n, i in enumerate(ids, start=1)], rejects(len(ids), lost))
    batch = store_content(store, review.id, made, source="PubMed")
    with store.read() as session:
        search = searches.batch(session, review.id, batch).search_id
    model.batches.append((search, batch, [(i, False) for i in ids], lost))


def run(
    store: Store,
    review: ReviewInfo,
    model: Model,
    ids: list[int],
    lost: list[str],
    filtered: set[int],
    again: bool,
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
        (batch,) = [page.batch_id for page in runs.pages(session, run_id)]
    marked = [(i, i in filtered and i not in model.decided) for i in ids]
    model.batches.append((info.search_id, batch, marked, lost))


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


@settings(max_examples=60)
@given(history=st.lists(STEP, max_size=8))
def test_the_sum_holds_over_any_history(store: Store, history: list[tuple[object, ...]]) -> None:
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
    model = Model()
    for kind, *values in history:
        if kind == "file":
            file(store, review, model, *values)  # type: ignore[arg-type] # a step is a tuple of anything
        elif kind == "run":
            run(store, review, model, *values)  # type: ignore[arg-type] # a step is a tuple of anything
        elif kind == "withdraw":
            withdraw(store, review, model, *values)  # type: ignore[arg-type] # a step is a tuple of anything
        else:
            decide(store, review, model, values[0], person.id)  # type: ignore[arg-type] # a step is a tuple of anything
        with store.read() as session:
            found = flow.flow(session, review.id)
            by_search = flow.received(session, review.id)
        assert found == model.counts()
        assert found.identified == sum(by_search.values())
        assert found.identified == (
            found.rejected + found.filtered + found.duplicates + found.screened + found.not_screened
        )
