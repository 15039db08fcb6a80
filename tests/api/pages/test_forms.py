"""Problems as sentences, and forms with many fields."""

from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.responses import PlainTextResponse, Response

from api.pages.forms import FormModel, Problem, problem_of, submit
from api.types import FormText, Id
from store.core.errors import Conflict, NotFound


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (ValueError("say why"), Problem("Say why.", 422)),
        (Conflict("a round is open"), Problem("A round is open.", 409)),
        (ValueError("pubmed: no answer"), Problem("pubmed: no answer.", 422)),
        (ValueError("Is it a number?"), Problem("Is it a number?", 422)),
    ],
)
def test_a_problem_is_a_sentence_with_the_status_of_its_error(
    error: Exception, problem: Problem
) -> None:
    assert problem_of(error) == problem


def test_each_problem_of_a_body_has_a_message() -> None:
    class Body(BaseModel):
        size: int = Field(ge=1)

    with pytest.raises(ValidationError) as raised:
        Body(size=0)
    assert problem_of(raised.value).text == "Input should be greater than or equal to 1."


def test_a_text_that_is_too_long_is_measured_in_characters() -> None:
    class Note(BaseModel):
        note: Annotated[FormText, Field(max_length=10)]

    with pytest.raises(ValidationError) as raised:
        Note(note="x" * 1200)
    assert problem_of(raised.value).text == "Write at most 10 characters, not 1,200."


def test_an_error_of_ours_is_shown_without_pydantic_s_words() -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(Id).validate_python("1.0")
    assert problem_of(raised.value).text == "Write a whole number."


def test_an_empty_field_takes_its_default() -> None:
    class Form(FormModel):
        size: int = 30
        name: str

    assert Form.model_validate({"size": "", "name": "x"}).size == 30
    with pytest.raises(ValidationError):
        Form.model_validate({"name": ""})


def test_a_refused_form_is_shown_again_and_other_errors_are_raised() -> None:
    def show(problem: Problem) -> Response:
        return PlainTextResponse(problem.text, problem.status)

    def refuse() -> Response:
        raise Conflict("it is closed")

    assert submit(lambda: PlainTextResponse("done"), show).body == b"done"
    assert submit(refuse, show).status_code == 409
    with pytest.raises(Conflict):
        submit(refuse, show, catch=(NotFound,))
