"""Known relevant records: their lists and their two uses."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import LeadDep, PersonDep, ReviewDep, StateDep
from api.pages.render import page
from api.services import evaluation
from api.state import State
from harvest.errors import UnreadableFile
from harvest.files.read import fingerprint
from store import gold
from store.reviews import ReviewInfo

router = APIRouter()


@router.get("/reviews/{slug}/gold")
def gold_page(request: Request, state: StateDep, review: ReviewDep) -> HTMLResponse:
    """Known relevant records, their lists and uses."""
    return _gold(request, state, review)


def _gold(
    request: Request,
    state: State,
    review: ReviewInfo,
    *,
    problem: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        found = gold.everything(session, review.id)
    lists: dict[str, list[gold.GoldInfo]] = {}
    for info in found:
        lists.setdefault(info.list_name, []).append(info)
    return page(
        request,
        "gold.html",
        status=status,
        review=review,
        lists=lists,
        problem=problem,
        limit_mb=state.settings.upload_limit_mb,
    )


@router.post("/reviews/{slug}/gold/files")
def add_gold(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    file: Annotated[UploadFile, File()],
    search_use: Annotated[str, Form(pattern="^(development|validation)$")] = "validation",
    ranking_use: Annotated[str, Form(pattern="^(seed|held_out)$")] = "held_out",
) -> Response:
    """Add a list of known relevant records from a file."""
    name = (file.filename or "list").replace("\x00", "")[:200]
    try:
        fingerprint(file.file, limit=state.settings.upload_limit)
        chosen, _ = evaluation.gold_file(file.file, search_use=search_use, ranking_use=ranking_use)
    except UnreadableFile as error:
        where = f", line {error.line}" if error.line else ""
        problem = f"{name}{where}: {error.message} {error.remedy}"
        return _gold(request, state, review, problem=problem, status=422)
    with state.store.write() as session:
        gold.add(session, review.id, chosen, list_name=name, person_id=person.id)
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/gold", status_code=303)


@router.post("/reviews/{slug}/gold/includes")
def add_includes(state: StateDep, person: PersonDep, review: LeadDep) -> Response:
    """Add this review's own includes as a list, marked as what they are."""
    with state.store.write() as session:
        own = evaluation.own_includes(session, review.id)
        gold.add(session, review.id, own, list_name="own includes", person_id=person.id)
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/gold", status_code=303)


@router.post("/reviews/{slug}/gold/use")
def set_gold_use(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    list_name: Annotated[str, Form(max_length=300)],
    search_use: Annotated[str, Form(pattern="^(development|validation)$")],
    ranking_use: Annotated[str, Form(pattern="^(seed|held_out)$")],
) -> Response:
    """Set both uses of a list."""
    with state.store.write() as session:
        gold.set_use(
            session,
            review.id,
            list_name,
            search_use=search_use,
            ranking_use=ranking_use,
            person_id=person.id,
        )
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/gold", status_code=303)


@router.post("/reviews/{slug}/gold/remove")
def remove_gold(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    list_name: Annotated[str, Form(max_length=300)],
) -> Response:
    """Take a list away."""
    with state.store.write() as session:
        gold.remove(session, review.id, list_name, person_id=person.id)
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/gold", status_code=303)
