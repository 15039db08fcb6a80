"""Making a review, and the versions of its protocol."""

from __future__ import annotations

import itertools
import re
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import LeadDep, PersonDep, ReviewDep, StateDep
from api.pages.render import page
from api.protocol import ProtocolBody, ProtocolLimits, Question, RankingChoice, Reason, StagePlan
from api.services import importing
from api.services.presets import PILOT, PRESETS, costs
from api.state import State
from store import members, records, reviews
from store.errors import AlreadyUsed, Conflict
from store.reviews import ProtocolVersion, ReviewInfo
from store.session import ReadSession

router = APIRouter()
Line = Annotated[str, Field(max_length=2000)]
Lines = Annotated[str, Field(max_length=50_000)]


class ProtocolForm(BaseModel):
    """The fields of the form, as they were typed."""

    model_config = ConfigDict(frozen=True)

    title: Line = ""
    questions: Lines = ""
    per_question: Line = ""
    inclusion: Lines = ""
    exclusion: Lines = ""
    reasons: Lines = ""
    reason_required: Line = ""
    year_from: Line = ""
    year_to: Line = ""
    languages: Line = ""
    types: Line = ""
    # A box that is not ticked is not sent.
    study_language: Line = ""
    learn_all: Line = ""
    # A plan by its name; "own": by the two shares.
    preset: Line = "own"
    dual_share: Line = "0"
    second_look: Line = "0"
    likely_misses: Line = "0"
    reason: Line = ""
    # The version that the writer had before them.
    version: Line = ""


FormDep = Annotated[ProtocolForm, Form()]


def _clean(text: str) -> str:
    return text.replace("\x00", "").strip()


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line for line in map(_clean, text.splitlines()) if line)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part for part in map(_clean, text.split(",")) if part)


def _year(text: str, name: str) -> int | None:
    if not text.strip():
        return None
    if not re.fullmatch(r"[12][0-9]{3}", text.strip()):
        raise ValueError(f"{name}: write a year such as 2011, not {text.strip()!r}")
    return int(text)


def _share(text: str, name: str) -> float:
    """A share from its percentage.

    Raises:
        ValueError: it is none.
    """
    cleaned = text.strip().removesuffix("%").strip()
    if not re.fullmatch(r"[0-9]{1,3}([.][0-9]{1,2})?", cleaned) or float(cleaned) > 100:
        raise ValueError(f"{name}: write a percentage from 0 to 100, not {text.strip()!r}")
    return float(cleaned) / 100


def _plans(form: ProtocolForm, before: ProtocolBody) -> tuple[StagePlan, ...]:
    old = before.plan_of("title-abstract")
    if form.preset in PRESETS:
        shares = PRESETS[form.preset].plan
        dual_share, second_look = shares.dual_share, shares.second_look
        likely_misses = shares.likely_misses
    else:
        dual_share = _share(form.dual_share, "decided by two")
        second_look = _share(form.second_look, "second look")
        likely_misses = _share(form.likely_misses, "likely misses")
    new = old.model_copy(
        update={
            "dual_share": dual_share,
            "second_look": second_look,
            "likely_misses": likely_misses,
            "reason_required": bool(form.reason_required),
        }
    )
    return before.plans if new == old else (new,)


def _reasons(texts: tuple[str, ...], before: ProtocolBody) -> tuple[Reason, ...]:
    """Reasons by their lines: one that was there keeps its key, a new one gets the next number."""
    known = {reason.text: reason.key for reason in before.reasons}
    numbers = [int(key[1:]) for key in known.values() if re.fullmatch(r"r[0-9]{1,6}", key)]
    following = itertools.count(max(numbers, default=0) + 1)
    unique = dict.fromkeys(texts)
    return tuple(Reason(key=known.get(text) or f"r{next(following)}", text=text) for text in unique)


def _protocol(form: ProtocolForm, before: ProtocolBody) -> ProtocolBody:
    """A protocol from its form; what the form does not show is kept.

    Raises:
        ValueError: a year is none, or the first is after the last, or a line is too long.
    """
    keys = [question.key for question in before.questions]
    try:
        return ProtocolBody(
            questions=tuple(
                Question(key=keys[at] if at < len(keys) else f"q{at + 1}", text=text)
                for at, text in enumerate(_lines(form.questions))
            ),
            per_question=bool(form.per_question),
            inclusion=_lines(form.inclusion),
            exclusion=_lines(form.exclusion),
            reasons=_reasons(_lines(form.reasons), before),
            limits=ProtocolLimits(
                year_from=_year(form.year_from, "first year"),
                year_to=_year(form.year_to, "last year"),
                languages=_parts(form.languages),
                types=_parts(form.types),
            ),
            stages=before.stages,
            plans=_plans(form, before),
            relations=before.relations,
            ranking=RankingChoice(
                study_language=bool(form.study_language),
                learn_from="all" if form.learn_all else "settled",
            ),
            tags=before.tags,
            strategy_note=before.strategy_note,
            known_relevant=before.known_relevant,
        )
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error


def _form_of(body: ProtocolBody) -> ProtocolForm:
    return ProtocolForm(
        questions="\n".join(question.text for question in body.questions),
        per_question="on" if body.per_question else "",
        inclusion="\n".join(body.inclusion),
        exclusion="\n".join(body.exclusion),
        reasons="\n".join(reason.text for reason in body.reasons),
        reason_required="on" if body.plan_of("title-abstract").reason_required else "",
        year_from=str(body.limits.year_from or ""),
        year_to=str(body.limits.year_to or ""),
        languages=", ".join(body.limits.languages),
        types=", ".join(body.limits.types),
        study_language="on" if body.ranking.study_language else "",
        learn_all="on" if body.ranking.learn_from == "all" else "",
        dual_share=f"{100 * body.plan_of('title-abstract').dual_share:g}",
        second_look=f"{100 * body.plan_of('title-abstract').second_look:g}",
        likely_misses=f"{100 * body.plan_of('title-abstract').likely_misses:g}",
    )


@router.get("/new")
def new_review(request: Request, _person: PersonDep) -> HTMLResponse:
    """The form for a new review."""
    return page(
        request,
        "protocol.html",
        form=_form_of(ProtocolBody()),
        problem=None,
        versions=[],
        title_field=True,
    )


@router.post("/new")
def create_review(request: Request, state: StateDep, person: PersonDep, form: FormDep) -> Response:
    """Make a review and go on to its searches."""
    title = _clean(form.title)[:500]
    try:
        if not title:
            raise ValueError("title: a review needs one")
        slug = _create(state, title, _protocol(form, ProtocolBody()), person.id)
    except ValueError as error:
        return page(
            request,
            "protocol.html",
            status=422,
            form=form,
            problem=str(error),
            versions=[],
            title_field=True,
        )
    return RedirectResponse(f"/reviews/{slug}/searches", status_code=303)


def _create(state: State, title: str, body: ProtocolBody, person_id: int) -> str:
    """Make the review under a short name that is free."""
    stem = importing.slug(title)[:60].strip("-") or "review"
    for number in range(1, 1000):
        slug = stem if number == 1 else f"{stem}-{number}"
        try:
            with state.store.write() as session:
                reviews.create(
                    session, slug=slug, title=title, protocol=body.stored(), person_id=person_id
                )
        except AlreadyUsed:
            continue
        return slug
    raise AlreadyUsed(f"there are a thousand reviews named {title!r}")


def _costs(session: ReadSession, review_id: int) -> dict[str, Any]:
    """What each preset costs this review's people, for the records that are left."""
    counts = records.counts(session, review_id)
    people = len(members.screening(session, review_id))
    found = costs(counts.undecided, people, decided=counts.decided, excluded=counts.exclude)
    return {"costs": found, "people": people, "left": counts.undecided, "pilot": PILOT}


def _shown(
    request: Request,
    state: State,
    review: ReviewInfo,
    versions: list[ProtocolVersion],
    form: ProtocolForm,
    *,
    problem: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        cost = _costs(session, review.id)
    return page(
        request,
        "protocol.html",
        status=status,
        review=review,
        form=form,
        problem=problem,
        versions=versions,
        title_field=False,
        **cost,
    )


@router.get("/reviews/{slug}/protocol")
def protocol_page(request: Request, state: StateDep, review: ReviewDep) -> HTMLResponse:
    """The protocol and its earlier versions."""
    with state.store.read() as session:
        versions = reviews.protocols(session, review.id)
    form = _form_of(ProtocolBody.model_validate(versions[0].body))
    return _shown(request, state, review, versions, form)


@router.post("/reviews/{slug}/protocol")
def save_protocol(
    request: Request, state: StateDep, person: PersonDep, review: LeadDep, form: FormDep
) -> Response:
    """Make a new version of the protocol."""
    with state.store.read() as session:
        versions = reviews.protocols(session, review.id)
    try:
        body = _protocol(form, ProtocolBody.model_validate(versions[0].body))
        with state.store.write() as session:
            reviews.add_protocol(
                session,
                review.id,
                body.stored(),
                person_id=person.id,
                reason=_clean(form.reason) or None,
                based_on=int(form.version) if form.version.isdecimal() else None,
            )
    except (ValueError, Conflict) as error:
        # What was typed stays; after a conflict it is written over the version that has come.
        with state.store.read() as session:
            versions = reviews.protocols(session, review.id)
        return _shown(
            request,
            state,
            review,
            versions,
            form,
            problem=str(error),
            status=409 if isinstance(error, Conflict) else 422,
        )
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/protocol", status_code=303)
