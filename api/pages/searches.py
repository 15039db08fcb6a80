"""Searches and the files brought into them, with a preview before anything is stored."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Depends, File, Form, Path, Request, UploadFile
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import LeadDep, PersonDep, ReviewDep, StateDep
from api.documents import search_log as log_document
from api.pages.render import page
from api.services import importing, search_log
from api.state import State
from harvest.errors import UnreadableFile
from harvest.files.columns import FIELDS
from harvest.files.delimited import delimiter_of, header_of
from harvest.files.read import fingerprint
from harvest.text import decode
from store import jobs, pool, raw, searches, uploads
from store.reviews import ReviewInfo

router = APIRouter()
_CHUNK = 1024 * 1024
_LONGEST = 100_000
IdPath = Annotated[int, Path(ge=1, le=2**63 - 1)]


def _search_fields(form: FormData) -> dict[str, Any]:
    """Fields of a search from a form; an empty field is not stated.

    Raises:
        ValueError: a number is none.
    """
    fields: dict[str, Any] = {}
    for name in searches.STATED_FIELDS:
        text = str(form.get(name, "")).replace("\x00", "").strip()[:_LONGEST]
        if not text:
            continue
        if name in ("reported", "exported"):
            if not re.fullmatch(r"[0-9]{1,9}", text.replace(",", "")):
                raise ValueError(f"{name}: write a number, not {text!r}")
            fields[name] = int(text.replace(",", ""))
        else:
            fields[name] = text[:40] if name == "run_on" else text
    return fields


@router.get("/reviews/{slug}/searches")
def searches_page(request: Request, state: StateDep, review: ReviewDep) -> HTMLResponse:
    """Searches, their files and counts, and the form to bring more."""
    return _searches(request, state, review)


def _searches(
    request: Request,
    state: State,
    review: ReviewInfo,
    *,
    problem: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        found = searches.everything(session, review.id)
        running = jobs.newest(session, review.id)
    return page(
        request,
        "searches.html",
        status=status,
        review=review,
        searches=found,
        jobs=running,
        problem=problem,
        limit=state.settings.upload_limit,
        limit_mb=state.settings.upload_limit_mb,
    )


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    stream.seek(0)
    while chunk := stream.read(_CHUNK):
        yield chunk


@router.get("/reviews/{slug}/search-log")
def log_page(request: Request, state: StateDep, review: ReviewDep) -> HTMLResponse:
    """The search log: what PRISMA-S asks of every search."""
    with state.store.read() as session:
        log = search_log.search_log(session, review.id)
    return page(request, "search_log.html", review=review, log=log, items=search_log.ITEMS)


@router.get("/reviews/{slug}/search-log.{file_format}")
def log_file(
    state: StateDep,
    review: ReviewDep,
    file_format: Annotated[str, Path(pattern="^(md|csv)$")],
) -> Response:
    """The search log as a download."""
    with state.store.read() as session:
        text = log_document.WRITERS[file_format](search_log.search_log(session, review.id))
    kind = {"md": "text/markdown; charset=utf-8", "csv": "text/csv; charset=utf-8"}[file_format]
    name = f"{review.slug}-search-log.{file_format}"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type=kind, headers=headers)


@router.post("/reviews/{slug}/uploads")
def upload(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    file: Annotated[UploadFile, File()],
) -> Response:
    """Keep a file until its preview is confirmed."""
    try:
        sha256, size = fingerprint(file.file, limit=state.settings.upload_limit)
        if size == 0:
            raise UnreadableFile("No file was chosen, or it is empty.", remedy="Choose a file.")
        importing.preview(file.file)
    except UnreadableFile as error:
        # A table whose columns were not recognised can still be mapped on the preview page.
        if "No column was recognised" not in error.message:
            where = f", line {error.line}" if error.line else ""
            problem = f"{file.filename}{where}: {error.message} {error.remedy}"
            return _searches(request, state, review, problem=problem, status=422)
    with state.store.write() as session:
        upload_id = uploads.add(
            session,
            review.id,
            person.id,
            name=(file.filename or "upload").replace("\x00", "")[:300],
            sha256=sha256,
            size=size,
            chunks=_chunks(file.file),
        )
    return RedirectResponse(f"/reviews/{review.slug}/uploads/{upload_id}", status_code=303)


def _preview(
    state: State, upload_id: int, mapping: dict[str, str]
) -> tuple[importing.Preview | None, str | None]:
    with tempfile.TemporaryFile() as stream:
        with state.store.read() as session:
            for piece in raw.of_upload(session, upload_id):
                stream.write(piece)
        stream.seek(0)
        try:
            return importing.preview(stream, mapping), None
        except UnreadableFile as error:
            return None, f"{error.message} {error.remedy}"


def _mapping(values: Any) -> dict[str, str]:
    """Field to column of a preview's form: ``map.title=Item Title``; empty takes a field out."""
    found = {}
    for name, value in values.multi_items():
        field = name.removeprefix("map.")
        if name.startswith("map.") and field in FIELDS:
            found[field] = str(value)
    return found


@router.get("/reviews/{slug}/uploads/{upload_id}")
def preview_page(
    request: Request, state: StateDep, review: LeadDep, upload_id: IdPath
) -> HTMLResponse:
    """What a file would become: format, columns, first records, rejected entries."""
    mapping = _mapping(request.query_params)
    with state.store.read() as session:
        waiting = uploads.by_id(session, upload_id, review.id)
        known = searches.everything(session, review.id)
        held = searches.find_batch(session, review.id, waiting.sha256)
    preview, problem = _preview(state, upload_id, mapping)
    header: tuple[str, ...] = preview.header if preview else _header(state, upload_id)
    return page(
        request,
        "preview.html",
        review=review,
        upload=waiting,
        preview=preview,
        header=header,
        fields=FIELDS,
        problem=problem,
        searches=known,
        held=held,
        mapping=mapping,
    )


def _header(state: State, upload_id: int) -> tuple[str, ...]:
    """Column names of a table that could not be mapped, as far as they can be told."""
    with state.store.read() as session:
        first = next(raw.of_upload(session, upload_id), b"")[:100_000]
    try:
        text = decode(first).text
    except UnreadableFile:
        return ()
    return tuple(header_of(text, delimiter_of(text)))


async def _form(request: Request) -> FormData:
    """All fields of a form, among them those whose names depend on the file."""
    return await request.form()


@router.post("/reviews/{slug}/uploads/{upload_id}")
def confirm_upload(
    state: StateDep,
    review: LeadDep,
    upload_id: IdPath,
    form: Annotated[FormData, Depends(_form)],
) -> Response:
    """Import a waiting file with the confirmed mapping, as a job of the worker."""
    mapping = _mapping(form)
    labels = str(form.get("labels", "ignore"))
    chosen = str(form.get("search", ""))
    search_id = int(chosen) if re.fullmatch(r"[0-9]{1,18}", chosen) else None
    body: dict[str, Any] = {
        "search_id": search_id,
        "search_fields": _search_fields(form),
        "mapping": mapping,
        "labels": labels if labels in importing.LABEL_USES else "ignore",
    }
    with state.store.write() as session:
        uploads.by_id(session, upload_id, review.id)
        if search_id is not None:
            searches.by_id(session, review.id, search_id)
        uploads.confirm(session, upload_id, body)
        # Begun here and not by the worker, so that the next page shows it from the start.
        job = jobs.begin(session, review.id, "import")
    state.jobs.import_upload(upload_id, job)
    return RedirectResponse(f"/reviews/{review.slug}/searches", status_code=303)


@router.post("/reviews/{slug}/uploads/{upload_id}/cancel")
def cancel_upload(state: StateDep, review: LeadDep, upload_id: IdPath) -> Response:
    """Forget a waiting file."""
    with state.store.write() as session:
        uploads.by_id(session, upload_id, review.id)
        uploads.remove(session, upload_id)
    return RedirectResponse(f"/reviews/{review.slug}/searches", status_code=303)


@router.get("/reviews/{slug}/searches/{search_id}")
def search_page(
    request: Request, state: StateDep, review: ReviewDep, search_id: IdPath
) -> HTMLResponse:
    """One search: its fields to be stated, its files and their rejected entries."""
    with state.store.read() as session:
        search = searches.by_id(session, review.id, search_id)
        lost = {batch.id: searches.rejected(session, batch.id) for batch in search.batches}
    return page(request, "search.html", review=review, search=search, lost=lost, problem=None)


@router.post("/reviews/{slug}/searches/{search_id}")
def save_search(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    search_id: IdPath,
    form: Annotated[FormData, Depends(_form)],
) -> Response:
    """State what was not stated of a search, or mend it."""
    stated: dict[str, Any] = dict.fromkeys(searches.STATED_FIELDS) | _search_fields(form)
    with state.store.write() as session:
        if searches.by_id(session, review.id, search_id).kind == "api":
            # What was run is no one's to write.
            stated = {k: v for k, v in stated.items() if k not in searches.MEASURED}
        searches.edit(session, review.id, search_id, stated, person_id=person.id)
        session.flush()
        # The day of a search says whether its records wait in the pool.
        pool.restate(session, review.id)
    return RedirectResponse(f"/reviews/{review.slug}/searches/{search_id}", status_code=303)


@router.post("/reviews/{slug}/searches/{search_id}/withdraw")
def withdraw_search(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    search_id: IdPath,
    reason: Annotated[str, Form(min_length=1, max_length=2000)],
) -> Response:
    """Take a whole search back."""
    with state.store.write() as session:
        searches.withdraw_search(
            session,
            review.id,
            search_id,
            reason=reason.replace("\x00", "").strip() or "no reason given",
            person_id=person.id,
        )
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/searches/{search_id}", status_code=303)


@router.post("/reviews/{slug}/files/{file_id}/withdraw")
def withdraw(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    file_id: IdPath,
    reason: Annotated[str, Form(min_length=1, max_length=2000)],
) -> Response:
    """Take a wrong file back."""
    with state.store.write() as session:
        search = searches.batch(session, review.id, file_id).search_id
        searches.withdraw(
            session,
            review.id,
            file_id,
            reason=reason.replace("\x00", "").strip() or "no reason given",
            person_id=person.id,
        )
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/searches/{search}", status_code=303)
