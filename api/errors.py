"""Which error becomes which answer: one table, one JSON shape, one page."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.refusals import Blocked
from harvest.errors import FileTooLarge, SourceError, StrategyError, UnreadableFile
from model.encode import EncoderRefused
from store.errors import AlreadyUsed, Conflict, NotAllowed, NotFound, SchemaOutdated, Unstorable

logger = logging.getLogger(__name__)


class SignInNeeded(Exception):
    """Nobody is signed in, or the session has ended."""

    def __init__(self) -> None:
        super().__init__("Sign in first; the session may have ended.")


class BodyTooLarge(Exception):
    """A request's body is over the limit."""


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
    SchemaOutdated: 503,
}


def body_of(error: Exception, kind: str | None = None) -> dict[str, Any]:
    """The JSON of an error: what is wrong, where, and what to do."""
    details: dict[str, Any] = {"kind": kind or type(error).__name__, "message": str(error)}
    for name in ("line", "column", "remedy"):
        value = getattr(error, name, None)
        if value is not None:
            details[name] = value
    return {"error": details}


def _fields(error: RequestValidationError | ValidationError) -> list[dict[str, str]]:
    return [
        {"field": ".".join(str(part) for part in item["loc"]), "message": item["msg"]}
        for item in error.errors()
    ]


def _answer(request: Request, status: int, body: dict[str, Any]) -> Response:
    """JSON for the API; a page for people."""
    if request.url.path.startswith("/api/"):
        return JSONResponse(body, status_code=status)
    if status == 401:
        target = request.url.path if request.method == "GET" else "/"
        return RedirectResponse(f"/login?next={quote(target)}", status_code=303)
    render = request.app.state.render_error
    page: Response = render(request, status, body["error"])
    return page


def install(app: FastAPI) -> None:
    """Answer every expected error by the table."""

    def expected(request: Request, error: Exception) -> Response:
        status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
        return _answer(request, status, body_of(error))

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, (RequestValidationError, ValidationError))
        fields = _fields(error)
        words = "; ".join(f"{item['field']}: {item['message']}" for item in fields)
        body = {"error": {"kind": "InvalidRequest", "message": words, "fields": fields}}
        return _answer(request, 422, body)

    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        body = {"error": {"kind": "HTTPError", "message": str(error.detail)}}
        return _answer(request, error.status_code, body)

    def unexpected(request: Request, error: Exception) -> Response:
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        body = {"error": {"kind": "InternalError", "message": "Something went wrong here."}}
        return _answer(request, 500, body)

    for kind in STATUS:
        app.add_exception_handler(kind, expected)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(ValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)
