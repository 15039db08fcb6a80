"""Eligibility by sub-question in a protocol."""

from __future__ import annotations

import pytest

from store.rules import questions
from tests.store.protocols import SUB_QUESTIONS


def test_a_protocol_with_one_question_asks_for_none() -> None:
    body = SUB_QUESTIONS.model_copy(update={"questions": SUB_QUESTIONS.questions[:1]}).stored()
    assert not questions.requires_questions(body)
    assert questions.validate_questions(body, "include", ()) == []
    with pytest.raises(ValueError, match="does not ask"):
        questions.validate_questions(body, "include", ("models",))
