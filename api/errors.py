"""Errors become answers: by one table of statuses, as JSON of one shape or as a page."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Any, get_type_hints
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.refusals import Blocked, ConfirmationNeeded, FreezeDateNeeded, ReasonNeeded, TooManySignIns
from api.wording import explain_problem
from harvest.errors import (
    FileOverLimit,
    FileTooLarge,
    SourceError,
    StrategyError,
    UnknownColumns,
    UnreadableFile,
)
from model.encode import EncoderRefused
from store.core.errors import (
    AlreadyUsed,
    Conflict,
    NotAllowed,
    NotFound,
    SchemaOutdated,
    Unavailable,
    Unreadable,
    Unstorable,
)

logger = logging.getLogger(__name__)


class SignInNeeded(Exception):
    """Nobody is signed in, or the session has ended."""

    def __init__(self) -> None:
        super().__init__("Sign in first; the session may have ended.")


class BodyTooLarge(Exception):
    """A request's body is over the limit."""


class BodyTooSlow(Exception):
    """A request's body stopped coming, or comes too slowly."""


STATUS: dict[type[Exception], int] = {
    SignInNeeded: 401,
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    AlreadyUsed: 409,
    BodyTooLarge: 413,
    FileTooLarge: 413,
    UnreadableFile: 422,
    StrategyError: 422,
    Blocked: 409,
    SourceError: 502,
    ValueError: 422,
    Unstorable: 422,
    EncoderRefused: 500,
    Unreadable: 500,
    SchemaOutdated: 503,
    TooManySignIns: 429,
    Unavailable: 503,
    BodyTooSlow: 408,
}


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do about an error: for a client of the API, and for a person at a page."""

    api: str
    page: str


_SPLIT = "Split it, or ask the person who runs the server to import it."
# Remedies that depend on where an error is read: commands have a table of their own.
REMEDIES: dict[type[Exception], Remedy] = {
    FreezeDateNeeded: Remedy(
        api="Set it first: PUT /api/v1/reviews/{slug}/pool/freeze.",
        page="Set the search freeze date on this page first.",
    ),
    ConfirmationNeeded: Remedy(
        api="Send confirm: true if the strategy may have been written to find them.",
        page="Tick the box if the strategy may have been written to find them.",
    ),
    ReasonNeeded: Remedy(api="Send a reason.", page="Write down why."),
    UnknownColumns: Remedy(
        api='Send mapping, such as {"title": "COLUMN"}, or rename the columns in the file.',
        page="Rename the columns in the file (title, abstract, doi, pmid). For an import you can "
        "also choose them on the page.",
    ),
    FileOverLimit: Remedy(api=_SPLIT, page=_SPLIT),
}
# Errors whose name in the API's JSON, which clients may rely on, is that of a class above theirs.
KINDS: dict[type[Exception], str] = {
    UnknownColumns: "UnreadableFile",
    FileOverLimit: "FileTooLarge",
}


def remedy_of(error: Exception, *, page: bool = False) -> str | None:
    """What to do about an error; None if there is nothing to add to its message."""
    if type(error) in REMEDIES:
        remedy = REMEDIES[type(error)]
        return remedy.page if page else remedy.api
    return getattr(error, "remedy", None)


def status_of(error: Exception) -> int:
    """The HTTP status of an expected error, by its closest class in the table."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def body_of(error: Exception, *, page: bool = False) -> dict[str, Any]:
    """The JSON of an error: what went wrong, where, and what to do."""
    details = {
        "kind": KINDS.get(type(error)) or getattr(error, "kind", type(error).__name__),
        "message": str(error),
        "line": getattr(error, "line", None),
        "column": getattr(error, "column", None),
        "syntax": getattr(error, "syntax", None),
        "remedy": remedy_of(error, page=page),
    }
    return {"error": {name: value for name, value in details.items() if value is not None}}


def _is_for_page(request: Request) -> bool:
    return not request.url.path.startswith("/api/") and request.url.path != "/healthz"


def _fields(error: RequestValidationError | ValidationError) -> list[dict[str, str]]:
    return [
        {
            "field": ".".join(str(part) for part in item["loc"]),
            "message": explain_problem(item),
        }
        for item in error.errors()
    ]


def _page_message(request: Request, error: RequestValidationError | ValidationError) -> str:
    """What is wrong with a form, by the labels of its fields."""
    titles = _titles(request)
    messages = []
    for item in error.errors():
        place = item["loc"]
        if isinstance(error, RequestValidationError):
            # It begins with the part of the request, such as "body".
            place = place[1:]
        name = str(place[0]) if place else ""
        label = titles.get(name) or name.replace("_", " ").capitalize()
        message = explain_problem(item)
        messages.append(f"{label}: {message}" if label else message)
    return "; ".join(messages)


def _titles(request: Request) -> dict[str, str | None]:
    """The titles of the fields of the forms that a page takes, by the fields' names."""
    hints = get_type_hints(request.scope["endpoint"]).values()
    return {
        field.alias or name: field.title
        for form in hints
        if isinstance(form, type) and issubclass(form, BaseModel)
        for name, field in form.model_fields.items()
    }


def _answer(request: Request, status: int, body: dict[str, Any]) -> Response:
    """JSON for clients of the API; a page for people."""
    if not _is_for_page(request):
        return JSONResponse(body, status_code=status)
    if status == 401 and request.method in ("GET", "HEAD"):
        return RedirectResponse(f"/login?next={quote(request.url.path)}", status_code=303)
    render = request.app.state.render_error
    page: Response = render(request, status, body["error"])
    return page


def _with_wait(answer: Response, error: Exception) -> Response:
    """Say after how many seconds the request can be sent again, if the error knows."""
    wait = getattr(error, "wait", None)
    if wait is not None:
        answer.headers["retry-after"] = str(math.ceil(wait))
    return answer


def refuse(request: Request, error: Exception) -> Response:
    """The answer to an expected error."""
    if isinstance(error, (Unavailable, Unreadable)):
        logger.warning("%s %s: %s", request.method, request.url.path, error)
    body = body_of(error, page=_is_for_page(request))
    return _with_wait(_answer(request, status_of(error), body), error)


def install(app: FastAPI) -> None:
    """Answer expected errors by the table, and unexpected ones with a 500."""

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, (RequestValidationError, ValidationError))
        fields = _fields(error)
        if _is_for_page(request):
            message = _page_message(request, error)
        else:
            message = "; ".join(f"{item['field']}: {item['message']}" for item in fields)
        body = {"error": {"kind": "InvalidRequest", "message": message, "fields": fields}}
        return _answer(request, 422, body)

    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        body = {"error": {"kind": "HTTPError", "message": str(error.detail)}}
        return _answer(request, error.status_code, body)

    def unexpected(request: Request, error: Exception) -> Response:
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        body = {"error": {"kind": "InternalError", "message": "Something went wrong here."}}
        answer = _answer(request, 500, body)
        # The error goes on to the server, which then closes the connection.
        answer.headers["connection"] = "close"
        return answer

    for kind in STATUS:
        app.add_exception_handler(kind, refuse)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(ValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)
