"""The list of reviews, a review's overview with its plot, and downloads."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import HTMLResponse, Response

from api.deps import PersonDep, ReadRequest, StateDep
from api.documents import changes, exports, plots
from api.documents.downloads import export_response
from api.documents.exports import ExportChoice
from api.pages.render import page, review_page
from api.services.living import setting_faults
from api.services.ranking import order_state
from api.services.ranking.encoding import get_vectors_folder
from api.services.reviews import work_faults
from api.services.screening import progress
from store.core import audit, intakes, jobs
from store.reports import limits, record_counts, record_events
from store.reviews import members, reviews, screeners
from store.screening import rankings
from store.searching import gold, pool, pool_membership, searches

router = APIRouter()


@router.get("/")
def front(request: Request, state: StateDep, person: PersonDep) -> HTMLResponse:
    """The reviews that you are in."""
    with state.store.read() as session:
        own = reviews.list_reviews_of_person(session, person.id)
        counts = record_counts.count_reports_by_review(session, [review.id for review in own])
        rows = [
            (review, counts[review.id], screeners.does_screen(session, review.id, person.id))
            for review in own
        ]
    return page(request, "reviews.html", rows=rows)


@router.get("/reviews/{slug}")
def overview(request: ReadRequest) -> HTMLResponse:
    """How far a review is, and what to do next."""
    review_id = request.review.id
    with request.store.read() as session:
        ranking = rankings.get_newest_ranking(session, review_id)
        values: dict[str, Any] = {
            "counts": record_counts.count_reports(session, review_id),
            "searches": searches.list_searches(session, review_id),
            "ranking": ranking,
            "behind": order_state.describe_state(session, review_id, ranking),
            "due": review_id in rankings.list_reviews_to_rank(session),
            "jobs": jobs.list_recent_jobs(session, review_id),
            "importing": intakes.list_unfinished(session, review_id),
            "limits": limits.count_limits(session, review_id),
            "protocol": reviews.get_readable_protocol(session, review_id),
            "gold": len(gold.list_gold(session, review_id)),
            "changes": [
                (entry.at, changes.sentence(entry))
                for entry in audit.list_events(session, review_id, limit=10)
            ],
            "open_events": len(record_events.list_events_to_act_on(session, review_id)),
            "freeze": pool_membership.get_freeze_date(session, review_id),
            "failures": work_faults.list_failures(session, review_id)
            if members.is_lead(session, review_id, request.person.id)
            else [],
            "in_pool": pool.count_records(session, review_id),
        }
    return review_page(
        request,
        "overview.html",
        formats={key: form.name for key, form in exports.FORMATS.items()},
        faults=[
            *setting_faults.list_faults(request.review),
            *order_state.describe_damage(
                get_vectors_folder(request.state.settings), dt.datetime.now(dt.UTC).date()
            ),
        ],
        **values,
    )


@router.get("/reviews/{slug}/plots/progress.svg")
def progress_plot(request: ReadRequest) -> Response:
    """Includes found against records read."""
    with request.store.read() as session:
        points = progress.list_rises(session, request.review.id)
    return Response(plots.progress(points), media_type="image/svg+xml")


@router.get("/reviews/{slug}/exports/{file_format}")
def download(
    request: ReadRequest,
    file_format: Annotated[str, Path(pattern="^(csv|xlsx|ris|bib|jsonl)$")],
    which: Annotated[str, Query(pattern="^(all|include|exclude|maybe|undecided)$")] = "all",
    audience: Annotated[str, Query(pattern="^(team|public)$")] = "team",
) -> Response:
    """An export as a download."""
    return export_response(request, file_format, ExportChoice(which, audience))
