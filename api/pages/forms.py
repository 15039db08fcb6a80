"""Forms: where they lead, how a refused one is shown again, and the form of a decision."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator
from starlette.responses import RedirectResponse, Response

from api.errors import remedy_of, status_of
from api.types import MAX_ID, FormText, Token
from api.wording import explain_problem
from harvest.errors import HarvestError
from store.core.errors import StoreError
from store.reviews.reviews import ReviewInfo
from store.screening.decisions import NewDecision


class FormModel(BaseModel):
    """A form with many fields: ``form: Annotated[TheForm, Form()]``.

    A field that was left empty counts as left out, so that its default applies.
    """

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if value != ""}


# Keys that are ticked in a form, such as reasons.
Keys = Annotated[tuple[str, ...], Field(max_length=50)]


class DecisionForm(FormModel):
    """A decision with its note, its reasons and the questions that it answers."""

    decision: Literal["include", "exclude", "maybe"]
    token: Token
    note: Annotated[FormText, Field(max_length=10_000)] = ""
    reason: Keys = ()
    question: Keys = ()
    replaces: Annotated[int, Field(ge=1, le=MAX_ID)] | None = None

    def decide(self, report_id: int) -> NewDecision:
        """The decision on a report; what was ticked for the other answer is left out."""
        exclude = self.decision == "exclude"
        return NewDecision(
            token=self.token,
            report_id=report_id,
            decision=self.decision,
            note=self.note or None,
            reasons=self.reason if exclude else (),
            questions=() if exclude else self.question,
            replaces=self.replaces,
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a form was refused.

    Attributes:
        text: what is wrong and what to do, in sentences.
        status: HTTP status of the answer, such as 422.
    """

    text: str
    status: int


def problem_of(error: Exception, *, file: str = "") -> Problem:
    """The problem that an error describes: where it is, what is wrong, then what to do.

    Args:
        error: an error that is expected.
        file: the file that was sent, named before its line.
    """
    if isinstance(error, ValidationError):
        text = "; ".join(explain_problem(item) for item in error.errors())
    else:
        text = f"{_place(error, file)}{error}"
    parts = (text, remedy_of(error, page=True))
    return Problem(" ".join(_sentence(part) for part in parts if part), status_of(error))


def _place(error: Exception, file: str) -> str:
    """Where the error is, such as ``Line 3, column 5:``, or nothing."""
    names = [f"{name} {at}" for name in ("line", "column") if (at := getattr(error, name, None))]
    if not file and names:
        names[0] = names[0].capitalize()
    place = ", ".join([file, *names] if file else names)
    return f"{place}: " if place else ""


def _sentence(text: str) -> str:
    """Text with a full stop, and a capital where it begins with an ordinary word."""
    if re.match(r"[a-z]+[ ,]", text):
        text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def submit(
    do: Callable[[], Response],
    show_again: Callable[[Problem], Response],
    *,
    catch: tuple[type[Exception], ...] = (StoreError, HarvestError, ValueError),
) -> Response:
    """Do what a form asks for; if it is refused, show the form again.

    Args:
        do: does it through a service, and returns the answer, such as ``to_review(...)``.
        show_again: shows the page with the problem and with what was typed.
        catch: errors that are shown on the form. Others get a page of their own.
    """
    try:
        return do()
    except catch as error:
        return show_again(problem_of(error))


def to_review(review: ReviewInfo, where: str = "") -> Response:
    """Redirect to a page of a review, such as ``records`` or ``records/3#marks``."""
    return RedirectResponse(f"/reviews/{review.slug}/{where}".rstrip("/"), status_code=303)
