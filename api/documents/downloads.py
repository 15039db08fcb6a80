"""Exports as downloads, streamed while they are written."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import StreamingResponse

from api.deps import ReviewRequest
from api.documents import exports
from api.documents.exports import ExportChoice


def export_response(
    request: ReviewRequest, file_format: str, choice: ExportChoice
) -> StreamingResponse:
    """An export as a download. Its transaction stays open until the last piece is sent."""

    def pieces() -> Iterator[bytes]:
        with request.store.read() as session:
            yield from exports.export(
                session,
                request.review.id,
                file_format,
                choice,
                terms=request.state.settings.terms,
            )

    public = "-public" if choice.audience == "public" else ""
    name = f"{request.review.slug}-{choice.which}{public}.{file_format}"
    return StreamingResponse(
        pieces(),
        media_type=exports.FORMATS[file_format].media_type,
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )
