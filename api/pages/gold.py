"""Known relevant records: their lists and their two uses."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, Response

from api.deps import LeadRequest, ReadRequest, ReviewRequest
from api.pages.forms import Problem, problem_of, to_review
from api.pages.render import review_page
from api.services.ranking.matching import list_known
from api.services.searching import gold_files, gold_lists
from harvest.errors import UnreadableFile
from harvest.file_content import fingerprint
from model.evaluation.matching import OWN_SEARCH
from store.searching import gold
from store.searching.gold import GoldUses

router = APIRouter()
SearchUse = Annotated[str, Field(pattern="^(development|validation)$")]
RankingUse = Annotated[str, Field(pattern="^(seed|held_out)$")]
ListName = Annotated[str, Form(max_length=300)]


class UsesForm(BaseModel):
    """Both uses of a list."""

    list_name: Annotated[str, Field(max_length=300)]
    search_use: SearchUse
    ranking_use: RankingUse


@router.get("/reviews/{slug}/gold")
def gold_page(request: ReadRequest) -> HTMLResponse:
    """Known relevant records, their lists and uses."""
    return _gold(request)


def _gold(request: ReviewRequest, problem: Problem | None = None) -> HTMLResponse:
    with request.store.read() as session:
        records = gold.list_gold(session, request.review.id)
        known = list_known(session, request.review.id, records)
    lists: dict[str, list[gold.GoldInfo]] = {}
    for record in records:
        lists.setdefault(record.list_name, []).append(record)
    return review_page(
        request,
        "gold.html",
        status=422 if problem else 200,
        lists=lists,
        own_search={each.number for each in known if each.origin == OWN_SEARCH},
        problem=problem.text if problem else None,
        limit_mb=request.state.settings.upload_limit_mb,
    )


@router.post("/reviews/{slug}/gold/files")
def add_gold(
    request: LeadRequest,
    file: Annotated[UploadFile, File()],
    search_use: Annotated[SearchUse, Form()] = "validation",
    ranking_use: Annotated[RankingUse, Form()] = "held_out",
) -> Response:
    """Add a list of known relevant records from a file."""
    name = (file.filename or "list").replace("\x00", "")[:200]
    try:
        fingerprint(file.file, limit=request.state.settings.upload_limit)
        records, _ = gold_files.read_gold_file(
            file.file, search_use=search_use, ranking_use=ranking_use
        )
    except UnreadableFile as error:
        return _gold(request, problem_of(error, file=name))
    gold_lists.add_gold(
        request.store, request.review.id, records, list_name=name, person_id=request.person.id
    )
    request.state.wake()
    return to_review(request.review, "gold")


@router.post("/reviews/{slug}/gold/includes")
def add_includes(request: LeadRequest) -> Response:
    """Add this review's own includes as a list, marked as what they are."""
    gold_lists.add_own_includes(request.store, request.review.id, person_id=request.person.id)
    request.state.wake()
    return to_review(request.review, "gold")


@router.post("/reviews/{slug}/gold/use")
def set_uses(request: LeadRequest, form: Annotated[UsesForm, Form()]) -> Response:
    """Set both uses of a list."""
    gold_lists.set_uses(
        request.store,
        request.review.id,
        form.list_name,
        GoldUses(search=form.search_use, ranking=form.ranking_use),
        person_id=request.person.id,
    )
    request.state.wake()
    return to_review(request.review, "gold")


@router.post("/reviews/{slug}/gold/remove")
def remove_list(request: LeadRequest, list_name: ListName) -> Response:
    """Remove a list."""
    gold_lists.remove_list(request.store, request.review.id, list_name, person_id=request.person.id)
    request.state.wake()
    return to_review(request.review, "gold")
