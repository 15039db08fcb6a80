"""Exports as downloads, streamed while they are written."""

from __future__ import annotations

from collections.abc import Generator

from anyio import CancelScope
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.deps import ReviewRequest
from api.documents import exports
from api.documents.exports import ExportChoice


class _Download(StreamingResponse):
    """A file that is written while it is sent; its work ends when the client has gone away."""

    def __init__(
        self, pieces: Generator[bytes, None, None], media_type: str, *, filename: str
    ) -> None:
        super().__init__(
            pieces,
            media_type=media_type,
            headers={"content-disposition": f'attachment; filename="{filename}"'},
        )
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # The transaction ends now, rather than when the generator is collected.
            with CancelScope(shield=True):
                await run_in_threadpool(self._pieces.close)


def export_response(
    request: ReviewRequest, file_format: str, choice: ExportChoice
) -> StreamingResponse:
    """An export as a download. Its transaction stays open until the last piece is sent."""

    def pieces() -> Generator[bytes, None, None]:
        with request.store.read_snapshot() as session:
            yield from exports.export(
                session,
                request.review.id,
                file_format,
                choice,
                terms=request.state.settings.terms,
            )

    public = "-public" if choice.audience == "public" else ""
    return _Download(
        pieces(),
        exports.FORMATS[file_format].media_type,
        filename=f"{request.review.slug}-{choice.which}{public}.{file_format}",
    )
