"""The screening report, as a page and as Markdown."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from api.deps import ReadRequest, ReviewRequest
from api.documents.screening_report import as_markdown
from api.pages.render import review_page
from api.services.reporting.screening_report import ScreeningReport, build_report

router = APIRouter()


@router.get("/reviews/{slug}/screening-report")
def report_page(request: ReadRequest) -> HTMLResponse:
    """How the records were screened."""
    return review_page(request, "screening_report.html", report=_report(request))


@router.get("/reviews/{slug}/screening-report.md")
def report_file(request: ReadRequest) -> Response:
    """The screening report as a download."""
    filename = f"{request.review.slug}-screening.md"
    return Response(
        as_markdown(_report(request)),
        media_type="text/markdown; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{filename}"'},
    )


def _report(request: ReviewRequest) -> ScreeningReport:
    now = dt.datetime.now(dt.UTC)
    with request.store.read() as session:
        return build_report(session, request.review.id, seen_by=request.person.id, at=now)
