"""A limit on what a request may bring, told at once where its length is declared."""

from __future__ import annotations

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import BodyTooLarge, body_of

_ORDINARY = 1_000_000
# Form fields and boundaries around a file.
_ENVELOPE = 200_000


class BodyLimit:
    """Refuses bodies over a limit: a small one, and a larger one where files come in."""

    def __init__(self, app: ASGIApp, upload_limit: int) -> None:
        self.app = app
        self._upload = upload_limit

    def _limit(self, path: str) -> int:
        files = path.endswith(("/files", "/uploads", "/gold/files"))
        return self._upload + _ENVELOPE if files else _ORDINARY

    def _error(self, limit: int) -> BodyTooLarge:
        return BodyTooLarge(
            f"The request is larger than {limit / 1_000_000:,.0f} MB. A larger file can be "
            "imported on the server: winnow import FILE."
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
        seen = 0
        told = False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise self._error(limit)
            return message

        async def honest(message: Message) -> None:
            """Answer 413 whatever the parser made of the body that was cut short."""
            nonlocal told
            if seen <= limit:
                await send(message)
            elif not told:
                told = True
                await self._refusal(scope, limit)(scope, receive, send)

        await self.app(scope, counted, honest)

    def _refusal(self, scope: Scope, limit: int) -> Response:
        error = self._error(limit)
        headers = {"connection": "close"}
        if scope["path"].startswith("/api/"):
            return JSONResponse(body_of(error), status_code=413, headers=headers)
        return PlainTextResponse(str(error), status_code=413, headers=headers)
