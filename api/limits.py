"""A limit on the size of a request's body; refused at once if its length is declared."""

from __future__ import annotations

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import BodyTooLarge, body_of

_ORDINARY_BYTES = 1_000_000
# Bytes of form fields and boundaries around a file.
_ENVELOPE_BYTES = 200_000


class BodyLimit:
    """Refuses bodies over a limit: a small one, or a larger one for paths that take files."""

    def __init__(self, app: ASGIApp, upload_limit: int) -> None:
        self.app = app
        self._upload = upload_limit

    def _limit(self, path: str) -> int:
        takes_file = path.endswith(("/files", "/uploads", "/gold/files"))
        return self._upload + _ENVELOPE_BYTES if takes_file else _ORDINARY_BYTES

    def _error(self, limit: int) -> BodyTooLarge:
        return BodyTooLarge(
            f"The request is larger than {limit / 1_000_000:,.0f} MB. The person who runs the "
            "server can import a larger file there."
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._limit(scope["path"])
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            await self._refusal(scope, limit)(scope, receive, send)
            return
        received = 0
        refused = False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise self._error(limit)
            return message

        async def answer(message: Message) -> None:
            """Answer 413 if the body was cut short, whatever a parser made of it."""
            nonlocal refused
            if received <= limit:
                await send(message)
            elif not refused:
                refused = True
                await self._refusal(scope, limit)(scope, receive, send)

        await self.app(scope, counted, answer)

    def _refusal(self, scope: Scope, limit: int) -> Response:
        error = self._error(limit)
        headers = {"connection": "close"}
        if scope["path"].startswith("/api/"):
            return JSONResponse(body_of(error), status_code=413, headers=headers)
        return PlainTextResponse(str(error), status_code=413, headers=headers)
