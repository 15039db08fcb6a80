"""JSON that comes in and goes out of the API."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from starlette.responses import Response


class In(BaseModel):
    """A body that a client sends; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """A body that the server answers with."""

    model_config = ConfigDict(from_attributes=True)


def answer(body: BaseModel) -> Response:
    """An answer with this body, for the routes asked most.

    FastAPI would check the body once more, in another thread.
    """
    return Response(body.model_dump_json(by_alias=True), media_type="application/json")
