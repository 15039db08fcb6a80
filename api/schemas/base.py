"""JSON that comes in and goes out of the API."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class In(BaseModel):
    """A body that a client sends; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """A body that the server answers with."""

    model_config = ConfigDict(from_attributes=True)
