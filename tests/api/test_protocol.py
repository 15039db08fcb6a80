"""The protocol's body."""

from __future__ import annotations

from api.protocol import ProtocolBody, Question


def test_a_cold_start_searches_for_the_protocols_texts() -> None:
    body = ProtocolBody(questions=(Question(text="Why?"),), inclusion=("a", "b"))
    assert body.query_texts == ["Why?", "a", "b"]
    assert ProtocolBody.model_validate(body.stored()) == body
