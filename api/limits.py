"""Limits on the bodies of requests: who may send one, how large, and how slowly.

From the outside in: ``UnreadBody``, then the checks of host and origin, ``SignedInFirst`` and
``BodyLimit``. None of them reads a body before it knows that the client may send one.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.deps import find_signed_in_person, get_state
from api.errors import BodyTooLarge, BodyTooSlow, SignInNeeded, body_of, refuse, status_of
from api.security import SAFE_METHODS
from store.core.errors import Unavailable

# Where people without a session send forms.
OPEN_PATHS: Final = frozenset(("/login", "/login/link", "/logout", "/invitation"))
_OPEN_BYTES: Final = 64_000
_ORDINARY_BYTES: Final = 1_000_000
# Bytes of form fields and boundaries around a file.
_ENVELOPE_BYTES: Final = 200_000
# Bytes a second at which the body must come on average, apart from the time of two stalls. Answers
# must be taken in as fast (``api.connections``).
SLOWEST: Final = 2_000


class UnreadBody:
    """Closes the connection after an answer that came before the whole body was read.

    Otherwise the client could go on sending it, or keep the connection open by sending half of it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or not _has_body(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        complete = False

        async def watched() -> Message:
            nonlocal complete
            message = await receive()
            complete = complete or not message.get("more_body", False)
            return message

        async def closing(message: Message) -> None:
            if message["type"] == "http.response.start" and not complete:
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        await self.app(scope, watched, closing)


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


class SignedInFirst:
    """Refuses a request that changes something, before its body is read, unless signed in."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        safe = scope["type"] != "http" or scope["method"] in SAFE_METHODS
        if safe or scope["path"] in OPEN_PATHS:
            await self.app(scope, receive, send)
            return
        answer = await run_in_threadpool(_find_refusal, Request(scope))
        await (answer or self.app)(scope, receive, send)


def _find_refusal(request: Request) -> Response | None:
    """The answer to a request of somebody who is not signed in; None for everybody else."""
    state = get_state(request)
    try:
        nobody = find_signed_in_person(request, state) is None
    except Unavailable as error:
        return refuse(request, error)
    return refuse(request, SignInNeeded()) if nobody else None


class BodyLimit:
    """Refuses bodies over a limit, and bodies that stop in the middle or come too slowly.

    The limit is small for people who are not signed in, and large for paths that take files.
    """

    def __init__(self, app: ASGIApp, upload_limit: int, stall_seconds: float) -> None:
        self.app = app
        self._upload = upload_limit
        self._stall = stall_seconds

    def _limit(self, path: str) -> int:
        if path in OPEN_PATHS:
            return _OPEN_BYTES
        takes_file = path.endswith(("/files", "/uploads", "/gold/files"))
        return self._upload + _ENVELOPE_BYTES if takes_file else _ORDINARY_BYTES

    def _too_large(self, limit: int) -> BodyTooLarge:
        size = f"{limit / 1_000_000:,.0f} MB" if limit >= 1_000_000 else f"{limit / 1_000:.0f} kB"
        return BodyTooLarge(
            f"The request is larger than {size}. The person who runs the server can import a "
            "larger file there."
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._limit(scope["path"])
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            await _refusal(scope, self._too_large(limit))(scope, receive, send)
            return
        received = 0
        complete = refused = False
        problem: BodyTooLarge | BodyTooSlow | None = None
        started = time.monotonic()

        async def counted() -> Message:
            nonlocal received, complete, problem
            if complete:
                # What follows the body is the end of the connection, which may take long.
                return await receive()
            # All of it takes this long at most, so that single bytes now and then do not help.
            left = started + 2 * self._stall + received / SLOWEST - time.monotonic()
            try:
                async with asyncio.timeout(max(0.0, min(self._stall, left))):
                    message = await receive()
            except TimeoutError:
                problem = BodyTooSlow("The request stopped half-way or came too slowly.")
                raise problem from None
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if received > limit:
                problem = self._too_large(limit)
                raise problem
            return message

        async def answer(message: Message) -> None:
            """Answer with the problem if the body was cut short, whatever the parser made of it."""
            nonlocal refused
            if problem is None:
                await send(message)
            elif not refused:
                refused = True
                await _refusal(scope, problem)(scope, receive, send)

        await self.app(scope, counted, answer)


def _refusal(scope: Scope, error: Exception) -> Response:
    status, headers = status_of(error), {"connection": "close"}
    if scope["path"].startswith("/api/"):
        return JSONResponse(body_of(error), status_code=status, headers=headers)
    return PlainTextResponse(str(error), status_code=status, headers=headers)
