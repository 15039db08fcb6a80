"""Searches, the files imported into them, and the search log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Path, UploadFile
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import HTMLResponse, Response

from api.deps import LeadRequest, ReadRequest, ReviewRequest
from api.documents.search_log import WRITERS
from api.pages.forms import Problem, problem_of, to_review
from api.pages.render import review_page
from api.services.reporting.search_log import ITEMS, build_log
from api.services.searching import searches, uploading
from api.services.searching.imported_labels import describe_labels
from api.services.searching.importing import LABEL_USES, ImportRequest
from api.services.searching.search_methods import QUESTIONS, state_methods
from api.services.searching.uploading import SentFile
from api.types import FormText, IdPath, WholeNumber
from harvest.errors import UnreadableFile
from harvest.files.columns import FIELDS
from store.core import intakes, jobs
from store.searching import batches, uploads
from store.searching.searches import MEASURED, STATED_FIELDS, get_search, list_searches

router = APIRouter()
_LONGEST = 100_000
_MEDIA_TYPES = {"md": "text/markdown; charset=utf-8", "csv": "text/csv; charset=utf-8"}


def _stated(text: Any) -> str | None:
    """A field of a search; None, "not stated", if it is left empty."""
    return str(text).replace("\x00", "").strip()[:_LONGEST] or None


def _number(text: Any) -> int | None:
    stated = _stated(text)
    if stated is None:
        return None
    digits = stated.replace(",", "")
    if not re.fullmatch(r"[0-9]{1,9}", digits):
        raise ValueError(f"write a number, not {stated!r}")
    return int(digits)


Stated = Annotated[str | None, BeforeValidator(_stated)]
Number = Annotated[int | None, BeforeValidator(_number)]
Reason = Annotated[FormText, Form(max_length=2000)]


class SearchForm(BaseModel):
    """What is stated of a search."""

    source: Stated = None
    platform: Stated = None
    run_on: Annotated[Stated, BeforeValidator(lambda text: str(text).strip()[:40])] = None
    strategy: Stated = None
    limits: Stated = None
    reported: Number = Field(default=None, title="Hits reported")
    exported: Number = Field(default=None, title="Records exported")
    searcher: Stated = None
    gap_reason: Stated = None
    route: Stated = None
    limits_reason: Stated = None
    filters: Stated = None
    prior_work: Stated = None
    update_method: Stated = None
    peer_review: Stated = None

    def fields(self) -> dict[str, Any]:
        """Every field of a search, None where it is not stated."""
        return {name: getattr(self, name) for name in STATED_FIELDS}


class ImportForm(SearchForm):
    """How a waiting file is imported; ``map.title=Item Title`` names the column of a field."""

    model_config = ConfigDict(extra="allow")

    labels: str = "ignore"
    search: str = Field(default="", description="Number of the search; empty for a new one.")

    def request(self) -> ImportRequest:
        """The import that the form describes."""
        return ImportRequest(
            search_id=int(self.search) if re.fullmatch(r"[0-9]{1,18}", self.search) else None,
            search_fields={k: v for k, v in self.fields().items() if v is not None},
            mapping=_mapping((self.model_extra or {}).items()),
            labels=self.labels if self.labels in LABEL_USES else "ignore",
        )


def _mapping(values: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Field to column from ``map.FIELD=COLUMN``; an empty column leaves a field out."""
    mapping = {}
    for name, column in values:
        field = name.removeprefix("map.")
        if name.startswith("map.") and field in FIELDS:
            mapping[field] = str(column)
    return mapping


@router.get("/reviews/{slug}/searches")
def searches_page(request: ReadRequest) -> HTMLResponse:
    """Searches with their files and counts, and the form to import another file."""
    return _searches(request)


def _is_listed(job: jobs.JobInfo, listed: Sequence[intakes.IntakeInfo]) -> bool:
    """Whether a running import is among those that the page lists, or its file is in already."""
    if job.kind != jobs.IMPORT or job.state != "running" or job.message:
        return False
    return job.done > 0 or any(one.state in intakes.UNFINISHED for one in listed)


def _searches(request: ReviewRequest, problem: Problem | None = None) -> HTMLResponse:
    settings = request.state.settings
    with request.store.read() as session:
        listed = list_searches(session, request.review.id)
        recent_jobs = jobs.list_recent_jobs(session, request.review.id)
        unfinished = intakes.list_recent(session, request.review.id)
    return review_page(
        request,
        "searches.html",
        status=422 if problem else 200,
        searches=listed,
        jobs=[job for job in recent_jobs if not _is_listed(job, unfinished)],
        intakes=unfinished,
        without_imports=True,
        problem=problem.text if problem else None,
        limit=settings.upload_limit,
        limit_mb=settings.upload_limit_mb,
    )


@router.get("/reviews/{slug}/search-log")
def log_page(request: ReadRequest) -> HTMLResponse:
    """The search log: what PRISMA-S asks of every search."""
    with request.store.read() as session:
        log = build_log(session, request.review.id)
    return review_page(request, "search_log.html", log=log, items=ITEMS, questions=QUESTIONS)


class MethodsForm(BaseModel):
    """Statements: for each item its number, the kind of answer and the words."""

    item: Annotated[tuple[WholeNumber, ...], Field(max_length=20)] = ()
    answer: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    words: Annotated[tuple[FormText, ...], Field(max_length=20)] = ()

    def stated(self) -> dict[int, str | None]:
        """What the form states; words count whatever kind of answer was chosen, except "none"."""
        rows = zip(self.item, self.answer, self.words, strict=False)
        return {item: "none" if answer == "none" else words for item, answer, words in rows}


@router.post("/reviews/{slug}/search-log")
def save_methods(request: LeadRequest, form: Annotated[MethodsForm, Form()]) -> Response:
    """State what was done besides the searches: items 2 to 7 of PRISMA-S."""
    state_methods(request.store, request.review.id, form.stated(), person_id=request.person.id)
    return to_review(request.review, "search-log#methods")


@router.get("/reviews/{slug}/search-log.{file_format}")
def log_file(
    request: ReadRequest, file_format: Annotated[str, Path(pattern="^(md|csv)$")]
) -> Response:
    """The search log as a download."""
    with request.store.read() as session:
        text = WRITERS[file_format](build_log(session, request.review.id))
    name = f"{request.review.slug}-search-log.{file_format}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type=_MEDIA_TYPES[file_format], headers=headers)


@router.post("/reviews/{slug}/uploads")
def upload(request: LeadRequest, file: Annotated[UploadFile, File()]) -> Response:
    """Keep a file until its import is confirmed."""
    name = (file.filename or "upload").replace("\x00", "")[:300]
    try:
        upload_id = uploading.keep_upload(
            request.store,
            request.review.id,
            SentFile(name, file.file),
            person_id=request.person.id,
            limit=request.state.settings.upload_limit,
        )
    except UnreadableFile as error:
        return _searches(request, problem_of(error, file=file.filename or ""))
    return to_review(request.review, f"uploads/{upload_id}")


@router.get("/reviews/{slug}/uploads/{upload_id}")
def preview_page(request: LeadRequest, upload_id: IdPath) -> HTMLResponse:
    """A file as it would be imported: format, columns, first records, entries that are none."""
    mapping = _mapping(request.request.query_params.multi_items())
    with request.store.read() as session:
        waiting = uploads.get_upload(session, upload_id, request.review.id)
        listed = list_searches(session, request.review.id)
        imported = batches.find_batch(session, request.review.id, waiting.sha256)
    shown = uploading.preview_upload(request.store, upload_id, mapping, name=waiting.name)
    return review_page(
        request,
        "preview.html",
        upload=waiting,
        preview=shown.preview,
        labels=describe_labels(shown.preview.labels) if shown.preview else [],
        header=shown.header,
        fields=FIELDS,
        problem=problem_of(shown.problem).text if shown.problem else None,
        searches=listed,
        held=imported,
        mapping=mapping,
    )


@router.post("/reviews/{slug}/uploads/{upload_id}")
def confirm_upload(
    request: LeadRequest, upload_id: IdPath, form: Annotated[ImportForm, Form()]
) -> Response:
    """Import a waiting file with the columns that were chosen, as a job of the worker."""
    job = uploading.confirm_upload(request.store, request.review.id, upload_id, form.request())
    request.state.jobs.import_upload(upload_id, job)
    return to_review(request.review, "searches")


@router.post("/reviews/{slug}/uploads/{upload_id}/cancel")
def cancel_upload(request: LeadRequest, upload_id: IdPath) -> Response:
    """Drop a waiting file."""
    uploading.cancel_upload(request.store, request.review.id, upload_id)
    return to_review(request.review, "searches")


@router.post("/reviews/{slug}/imports/{intake_id}/cancel")
def cancel_import(request: LeadRequest, intake_id: IdPath) -> Response:
    """Cancel an import that is under way; the worker takes away what is stored of it."""
    uploading.cancel_import(
        request.store,
        request.review.id,
        intake_id,
        person_id=request.person.id,
        reason=f"Cancelled by {request.person.name}.",
    )
    request.state.wake()
    return to_review(request.review, "searches")


@router.get("/reviews/{slug}/searches/{search_id}")
def search_page(request: ReadRequest, search_id: IdPath) -> HTMLResponse:
    """One search: its fields, its files and their entries that are no records."""
    with request.store.read() as session:
        search = get_search(session, request.review.id, search_id)
        rejected = {batch.id: batches.list_rejected(session, batch.id) for batch in search.batches}
    return review_page(request, "search.html", search=search, lost=rejected, problem=None)


@router.post("/reviews/{slug}/searches/{search_id}")
def save_search(
    request: LeadRequest, search_id: IdPath, form: Annotated[SearchForm, Form()]
) -> Response:
    """State or correct fields of a search."""
    fields = form.fields()
    with request.store.read() as session:
        search = get_search(session, request.review.id, search_id)
    if search.kind == "api":
        # The form of such a search leaves out what was run, since nobody can edit it.
        fields = {name: fields[name] for name in fields if name not in MEASURED}
    searches.update_search(
        request.store, request.review.id, search_id, fields, person_id=request.person.id
    )
    return to_review(request.review, f"searches/{search_id}")


@router.post("/reviews/{slug}/searches/{search_id}/withdraw")
def withdraw_search(request: LeadRequest, search_id: IdPath, reason: Reason) -> Response:
    """Withdraw a whole search."""
    searches.withdraw_search(
        request.store, request.review.id, search_id, reason=reason, person_id=request.person.id
    )
    request.state.wake()
    return to_review(request.review, f"searches/{search_id}")


@router.post("/reviews/{slug}/files/{file_id}/withdraw")
def withdraw_file(request: LeadRequest, file_id: IdPath, reason: Reason) -> Response:
    """Withdraw a file."""
    withdrawn = searches.withdraw_file(
        request.store, request.review.id, file_id, reason=reason, person_id=request.person.id
    )
    request.state.wake()
    return to_review(request.review, f"searches/{withdrawn.search_id}")
