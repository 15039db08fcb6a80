"""Searches, and the files that are imported into them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, UploadFile

from api.deps import LeadRequest, ReadRequest
from api.schemas.searches import (
    ImportOut,
    MethodsIn,
    MethodsOut,
    SearchIn,
    SearchOut,
    WithdrawIn,
    WithdrawOut,
)
from api.services.searching import searches, uploading
from api.services.searching.importing import ImportRequest, import_file
from api.services.searching.search_methods import get_stated_methods, state_methods
from api.types import MAX_ID, IdPath
from harvest.file_content import fingerprint
from harvest.json_text import parse_json
from store.core import intakes
from store.core.intakes import IntakeInfo
from store.searching import batches
from store.searching import searches as stored_searches
from store.searching.batches import RejectedInfo

router = APIRouter(tags=["reviews"])

# Seconds that a request spends on comparing records; thousands with like titles take minutes.
_COMPARING = 10.0


@router.get("/reviews/{slug}/searches")
def list_searches(request: ReadRequest) -> list[SearchOut]:
    """List the searches with their files, oldest first."""
    with request.store.read() as session:
        listed = stored_searches.list_searches(session, request.review.id)
    return [SearchOut.model_validate(search) for search in listed]


@router.get("/reviews/{slug}/search-log/methods")
def get_methods(request: ReadRequest) -> MethodsOut:
    """What the team has stated of items 2 to 7 of PRISMA-S."""
    return MethodsOut.of(get_stated_methods(request.review))


@router.put("/reviews/{slug}/search-log/methods")
def put_methods(request: LeadRequest, body: MethodsIn) -> MethodsOut:
    """State what was done, or "none", by item; null clears a statement, others stay."""
    stated = state_methods(
        request.store, request.review.id, body.stated, person_id=request.person.id
    )
    return MethodsOut.of(stated)


@router.post("/reviews/{slug}/searches", status_code=201)
def create_search(request: LeadRequest, body: SearchIn) -> SearchOut:
    """Create a search. Files can then be imported into it."""
    search = searches.create_search(
        request.store,
        request.review.id,
        body.model_dump(exclude_none=True),
        person_id=request.person.id,
    )
    return SearchOut.model_validate(search)


@router.patch("/reviews/{slug}/searches/{search_id}")
def edit_search(request: LeadRequest, search_id: IdPath, body: SearchIn) -> SearchOut:
    """Fill in or correct the fields of a search. Fields that are left out do not change."""
    search = searches.update_search(
        request.store,
        request.review.id,
        search_id,
        body.model_dump(exclude_unset=True),
        person_id=request.person.id,
    )
    return SearchOut.model_validate(search)


def _import_request(
    search: Annotated[
        str, Form(description="A new search for this file, as JSON: the fields of POST /searches.")
    ] = "{}",
    search_id: Annotated[
        int | None, Form(ge=1, le=MAX_ID, description="An existing search to use instead.")
    ] = None,
    mapping: Annotated[
        str, Form(description="For tables, as JSON: the column that holds each field.")
    ] = "{}",
    labels: Annotated[
        str,
        Form(description="Use of the file's labels: ignore, gold (known studies) or decisions."),
    ] = "ignore",
) -> ImportRequest:
    """The request that the fields of the form describe."""
    fields = SearchIn.model_validate(_json_object(search, "search"))
    columns = _json_object(mapping, "mapping")
    return ImportRequest(
        search_id=search_id,
        search_fields=fields.model_dump(exclude_none=True),
        mapping={str(key): str(value) for key, value in columns.items()},
        labels=labels,
    )


def _json_object(text: str, name: str) -> dict[str, Any]:
    try:
        data = parse_json(text)
    except ValueError as error:
        raise ValueError(f"{name} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ValueError(f"{name} must be a JSON object")
    return data


@router.post("/reviews/{slug}/files", status_code=201)
def upload_file(
    request: LeadRequest,
    file: Annotated[UploadFile, File(description="The file of records.")],
    import_request: Annotated[ImportRequest, Depends(_import_request)],
) -> ImportOut:
    """Import a file: either all of its records join the review, at the end, or none does.

    While another file is being imported into the review, the answer may be 503.
    """
    fingerprint(file.file, limit=request.state.settings.upload_limit)
    outcome = import_file(
        request.store,
        request.review.id,
        file.file,
        (file.filename or "upload").replace("\x00", ""),
        import_request,
        person_id=request.person.id,
        patience=request.state.settings.busy_seconds,
        comparing=_COMPARING,
    )
    request.state.wake()
    return ImportOut.of(outcome)


@router.get("/reviews/{slug}/imports")
def list_imports(request: ReadRequest) -> list[IntakeInfo]:
    """List imports that are under way, and those that failed or were cancelled, oldest first."""
    with request.store.read() as session:
        return intakes.list_recent(session, request.review.id)


@router.post("/reviews/{slug}/imports/{import_id}/cancel")
def cancel_import(request: LeadRequest, import_id: IdPath) -> IntakeInfo:
    """Cancel an import that is under way. What is stored of it is taken away."""
    cancelled = uploading.cancel_import(
        request.store,
        request.review.id,
        import_id,
        person_id=request.person.id,
        reason=f"Cancelled by {request.person.name}.",
    )
    request.state.wake()
    return cancelled


@router.get("/reviews/{slug}/files/{file_id}/rejected")
def list_rejected(request: ReadRequest, file_id: IdPath) -> list[RejectedInfo]:
    """List the entries of a file that could not be read as records, with the reasons."""
    with request.store.read() as session:
        batches.get_batch(session, request.review.id, file_id)
        return batches.list_rejected(session, file_id)


@router.post("/reviews/{slug}/files/{file_id}/withdraw")
def withdraw_file(request: LeadRequest, file_id: IdPath, body: WithdrawIn) -> WithdrawOut:
    """Withdraw a file. Its records no longer count; decisions on them can still be read."""
    withdrawal = searches.withdraw_file(
        request.store,
        request.review.id,
        file_id,
        reason=body.reason,
        person_id=request.person.id,
    )
    request.state.wake()
    return WithdrawOut(reports_withdrawn=withdrawal.reports)
