"""The screening report, as a page and as Markdown."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from api.deps import ReadRequest, ReviewRequest
from api.documents.screening_report import as_markdown
from api.pages.forms import to_review
from api.pages.render import review_page
from api.services.reporting import stored_results
from api.services.reporting.screening_figures import ScreeningFigures
from api.services.reporting.screening_report import ScreeningReport, build_report
from api.services.reporting.stored_results import SCREENING, Figures
from store.core import jobs

router = APIRouter()


@router.get("/reviews/{slug}/screening-report")
def report_page(request: ReadRequest) -> HTMLResponse:
    """How the records were screened."""
    figures = _get_figures(request)
    with request.store.read() as session:
        recent_jobs = jobs.list_recent_jobs(session, request.review.id)
    return review_page(
        request,
        "screening_report.html",
        figures=figures,
        report=_report(request, figures),
        jobs=[job for job in recent_jobs if job.kind == SCREENING.name],
    )


@router.get("/reviews/{slug}/screening-report.md")
def report_file(request: ReadRequest) -> Response:
    """The screening report as a download; the page, while its figures are still worked out."""
    figures = _get_figures(request)
    report = _report(request, figures)
    if report is None:
        return to_review(request.review, "screening-report")
    filename = f"{request.review.slug}-screening.md"
    return Response(
        as_markdown(report),
        media_type="text/markdown; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{filename}"'},
    )


def _get_figures(request: ReviewRequest) -> Figures[ScreeningFigures]:
    return stored_results.get_figures(
        request.store, request.review.id, SCREENING, request.state.jobs.work_out
    )


def _report(request: ReviewRequest, figures: Figures[ScreeningFigures]) -> ScreeningReport | None:
    if figures.value is None:
        return None
    now = dt.datetime.now(dt.UTC)
    with request.store.read() as session:
        return build_report(
            session, request.review.id, seen_by=request.person.id, at=now, figures=figures
        )
