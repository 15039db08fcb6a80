"""List of reviews, overview with plot, record list, single records, evaluation, downloads."""

from __future__ import annotations

import uuid
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import LeadDep, PersonDep, ReviewDep, ScreenDep, StateDep
from api.documents import exports, plots
from api.pages.render import page
from api.pages.screening import ReasonsForm
from api.routes.screening import export_response
from api.services import comparing, evaluation, explaining, screening, search_check
from harvest.text import fold
from store import (
    audit,
    bulk,
    decisions,
    events,
    gold,
    jobs,
    marks,
    members,
    pairs,
    pool,
    questions,
    rankings,
    reasons,
    records,
    reviews,
    searches,
    strategies,
    studies,
)
from store.marks import Marked
from store.roles import may

router = APIRouter()
_PAGE = 50
# Known relevant records that are unread, shown from the last.
_LATE = 20
RecordPath = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/")
def front(request: Request, state: StateDep, person: PersonDep) -> HTMLResponse:
    """The reviews that you are of."""
    with state.store.read() as session:
        mine = reviews.of_person(session, person.id)
        rows = [
            (
                info,
                records.counts(session, info.id),
                may(members.role_of(session, info.id, person.id), "screen"),
            )
            for info in mine
        ]
    return page(request, "reviews.html", rows=rows)


@router.get("/reviews/{slug}")
def overview(request: Request, state: StateDep, review: ReviewDep) -> HTMLResponse:
    """Where a review stands, and what to do next."""
    with state.store.read() as session:
        values: dict[str, Any] = {
            "counts": records.counts(session, review.id),
            "searches": searches.everything(session, review.id),
            "ranking": rankings.newest(session, review.id),
            "due": review.id in rankings.due(session),
            "jobs": jobs.newest(session, review.id),
            "protocol": reviews.protocol(session, review.id),
            "gold": len(gold.everything(session, review.id)),
            "changes": audit.events(session, review.id, limit=10),
            "open_events": len(events.waiting(session, review.id)),
            "freeze": pool.freeze(session, review.id),
            "in_pool": pool.waiting(session, review.id),
        }
    return page(request, "overview.html", review=review, formats=tuple(exports.FORMATS), **values)


@router.get("/reviews/{slug}/plots/progress.svg")
def progress_plot(state: StateDep, review: ReviewDep) -> Response:
    """Includes found against records read."""
    with state.store.read() as session:
        points = screening.progress(session, review.id)
    return Response(plots.progress(points), media_type="image/svg+xml")


@router.get("/reviews/{slug}/plots/recall.svg")
def recall_plot(state: StateDep, review: ReviewDep) -> Response:
    """Known relevant records in screening order."""
    with state.store.read() as session:
        result = evaluation.evaluate(session, review.id)
        beside = comparing.kept(session, review.id)
    return Response(plots.recall(result.screening, beside), media_type="image/svg+xml")


@router.get("/reviews/{slug}/exports/{file_format}")
def download(
    state: StateDep,
    review: ReviewDep,
    file_format: Annotated[str, Path(pattern="^(csv|ris|jsonl)$")],
    which: Annotated[str, Query(pattern="^(all|include|exclude|maybe|undecided)$")] = "all",
    audience: Annotated[str, Query(pattern="^(team|public)$")] = "team",
) -> Response:
    """An export as a download."""
    return export_response(state, review, file_format, which, audience)


@router.get("/reviews/{slug}/evaluation")
def evaluation_page(request: Request, state: StateDep, review: ReviewDep) -> HTMLResponse:
    """Recall against the gold list; each figure says what it may claim."""
    with state.store.read() as session:
        result = evaluation.evaluate(session, review.id)
        excluded = records.by_reports(session, review.id, result.screening.excluded)
        shown = [late.report_id for late in result.screening.late[:_LATE]]
        late = records.by_reports(session, review.id, shown)
        beside = comparing.kept(session, review.id)
        running = jobs.newest(session, review.id)
    return page(
        request,
        "evaluation.html",
        review=review,
        result=result,
        excluded=list(excluded.values()),
        late=late,
        beside=beside,
        note=comparing.NOTE,
        jobs=[job for job in running if job.kind == comparing.KIND],
    )


@router.post("/reviews/{slug}/evaluation/comparison")
def compare_orders(state: StateDep, review: LeadDep) -> Response:
    """Replay the review by its own pipeline and by ELAS u4, as a job of the worker."""
    with state.store.write() as session:
        job = jobs.begin(session, review.id, comparing.KIND)
    state.jobs.compare_orders(review.id, job)
    return RedirectResponse(f"/reviews/{review.slug}/evaluation", status_code=303)


@router.get("/reviews/{slug}/evaluation/search")
def search_check_page(
    request: Request, state: StateDep, person: PersonDep, review: LeadDep, missed: bool = False
) -> HTMLResponse:
    """Recall of each source and of all; the missed are shown, and noted as shown, on request."""
    with state.store.write() as session:
        found = search_check.check(session, review.id)
        if missed:
            shown = [item.info.id for item in found.missed]
            strategies.note_opened(session, review.id, shown, person_id=person.id)
        running = jobs.newest(session, review.id)
    return page(
        request,
        "search_check.html",
        review=review,
        found=found,
        missed=missed,
        jobs=running,
        note=search_check.SAMPLE_NOTE,
    )


@router.post("/reviews/{slug}/evaluation/search")
def look_up(state: StateDep, review: LeadDep) -> Response:
    """Ask the sources for what was missed, as a job of the worker."""
    with state.store.write() as session:
        job = jobs.begin(session, review.id, "lookup")
    state.jobs.look_up(review.id, job)
    return RedirectResponse(
        f"/reviews/{review.slug}/evaluation/search?missed=true", status_code=303
    )


@router.get("/reviews/{slug}/records")
def record_list(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: ReviewDep,
    q: Annotated[str, Query(max_length=500)] = "",
    decision: Annotated[str, Query(pattern="^(|include|exclude|maybe|undecided)$")] = "",
    flag: Annotated[str, Query(pattern="^(|no-abstract|no-title)$")] = "",
    search: Annotated[str, Query(pattern="^[0-9]{0,18}$")] = "",
    standing: Annotated[str, Query(pattern="^(counts|filtered|waiting|withdrawn)$")] = "counts",
    tag: Annotated[str, Query(max_length=60)] = "",
    star: bool = False,
    number: Annotated[int, Query(alias="page", ge=1, le=10**6)] = 1,
) -> HTMLResponse:
    """Records, searched and filtered."""
    wanted = records.Filter(
        text=fold(q),
        decision=decision or None,
        flag=flag or None,
        search_id=int(search) if search else None,
        standing=standing,
        marked=Marked(person.id, tag.replace("\x00", ""), star) if tag or star else None,
    )
    with state.store.read() as session:
        total, found = records.listing(
            session, review.id, wanted, offset=(number - 1) * _PAGE, limit=_PAGE
        )
        known = searches.everything(session, review.id)
        tags = marks.tags(session, review.id, person.id)
        body = reviews.protocol(session, review.id).body
        screeners = members.screening(session, review.id)
        done = bulk.everything(session, review.id, seen_by=person.id)
    query = {"q": q, "decision": decision, "flag": flag, "search": search, "tag": tag}
    if star:
        query["star"] = "true"
    if standing != "counts":
        query["standing"] = standing
    query = {key: value for key, value in query.items() if value}
    return page(
        request,
        "records.html",
        review=review,
        found=found,
        total=total,
        number=number,
        pages=max(1, -(-total // _PAGE)),
        q=q,
        decision=decision,
        flag=flag,
        search=search,
        standing=standing,
        searches=known,
        query=urlencode(query),
        tag=tag,
        star=star,
        tags=tags,
        reasons=reasons.texts(body),
        screeners=screeners,
        actions=done,
        token=str(uuid.uuid4()),
    )


@router.get("/reviews/{slug}/records/{record_id}")
def record_page(
    request: Request, state: StateDep, person: PersonDep, review: ReviewDep, record_id: RecordPath
) -> HTMLResponse:
    """One record, its decision and every decision before."""
    with state.store.read() as session:
        one = records.by_id(session, review.id, record_id)
        copies = records.of_report(session, review.id, one.report_id)
        # A record that does not count is shown as it is, not as what others say of its report.
        stored = records.composed(copies) if one.active else one
        said = pairs.live_of(session, [copy.id for copy in copies])
        mine = {copy.id for copy in copies}
        related = {
            end: pair
            for pair in said
            for end in (pair.a, pair.b)
            if pair.label == "related" and end not in mine
        }
        others = {
            number: records.by_id(session, review.id, number) for number in list(related)[:20]
        }
        named = [m for m in studies.memberships(session, review.id) if m.report_id == one.report_id]
        log = list(decisions.log(session, review.id, seen_by=person.id, report_id=one.report_id))
        explained = explaining.kept(session, review.id, one.report_id)
        body = reviews.protocol(session, review.id).body
        running = jobs.newest(session, review.id)
        marked = marks.on_reports(session, review.id, person.id, [one.report_id])
        tags = marks.tags(session, review.id, person.id)
        told = events.of_reports(session, [one.report_id], kinds=(*events.GRAVE, "changed"))
        mine_told = told.get(one.report_id, [])
    return page(
        request,
        "record.html",
        events=[event for event in mine_told if event.kind in events.GRAVE],
        changed=[event for event in mine_told if event.kind == "changed"],
        review=review,
        stored=stored,
        record=stored.record,
        copies=copies,
        said=[pair for pair in said if pair.a in mine and pair.b in mine],
        related=related,
        others=others,
        named=named,
        log=log,
        token=str(uuid.uuid4()),
        reasons=reasons.texts(body),
        questions=questions.texts(body),
        marks=marked.get(one.report_id, []),
        tags=tags,
        explained=explained,
        jobs=[job for job in running if job.kind == "explanation"],
    )


@router.post("/reviews/{slug}/records/{record_id}/explanation")
def ask_why(state: StateDep, review: ScreenDep, record_id: RecordPath) -> Response:
    """Ask the worker why a record stands where it does."""
    with state.store.write() as session:
        stored = records.by_id(session, review.id, record_id)
        job = jobs.begin(session, review.id, "explanation")
    state.jobs.explain(review.id, stored.report_id, job)
    return RedirectResponse(f"/reviews/{review.slug}/records/{record_id}#why", status_code=303)


@router.post("/reviews/{slug}/records/{record_id}/decision")
def change_decision(
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    record_id: RecordPath,
    decision: Annotated[str, Form(pattern="^(include|exclude|maybe)$")],
    token: Annotated[str, Form(min_length=1, max_length=100)],
    note: Annotated[str, Form(max_length=10_000)] = "",
    reason: ReasonsForm = (),
    question: ReasonsForm = (),
) -> Response:
    """Decide on a record, or decide otherwise; the earlier decision stays readable."""
    with state.store.read() as session:
        stored = records.by_id(session, review.id, record_id)
    new = decisions.NewDecision(
        token=token,
        report_id=stored.report_id,
        decision=decision,
        note=note.replace("\x00", "").strip() or None,
        reasons=tuple(reason) if decision == "exclude" else (),
        questions=() if decision == "exclude" else tuple(question),
    )
    screening.decide(state.store, review.id, person.id, new)
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/records/{record_id}", status_code=303)
