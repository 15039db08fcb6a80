"""Forms that decide, tag or assign every record of a filtered list."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form
from pydantic import Field
from starlette.responses import Response

from api.deps import ScreenRequest
from api.pages.forms import to_review
from api.pages.records import ListFilters
from api.services.screening import assigning, bulk_actions
from api.types import Count, FormText, Id, IdPath, Token
from store.screening.bulk import BulkAction, BulkRequest

router = APIRouter()


class BulkForm(ListFilters):
    """An action, the list it is for, and what the person filled in."""

    action: Literal["tag", "include", "exclude", "maybe", "assign"]
    token: Token
    # How many records the person saw listed.
    expected: Count | None = None

    new_tag: Annotated[FormText, Field(max_length=60)] = ""
    note: Annotated[FormText, Field(max_length=10_000)] = ""
    reason: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    to: Id | None = None

    def bulk_action(self) -> BulkAction:
        """The tag or the decision."""
        if self.action == "tag":
            return BulkAction(kind="tag", value=self.new_tag)
        reasons = self.reason if self.action == "exclude" else ()
        return BulkAction(kind="decide", value=self.action, note=self.note or None, reasons=reasons)


@router.post("/reviews/{slug}/records/bulk")
def act_in_bulk(request: ScreenRequest, form: Annotated[BulkForm, Form()]) -> Response:
    """Do one thing to every record that was listed."""
    store, review_id, person_id = request.store, request.review.id, request.person.id
    filters = form.list_filters(person_id)
    if form.action == "assign":
        assigning.assign_matching_records(store, review_id, filters, form.to, by=person_id)
    else:
        bulk_request = BulkRequest(
            filters=filters, action=form.bulk_action(), token=form.token, expected=form.expected
        )
        bulk_actions.apply_action(store, review_id, person_id, bulk_request)
    request.state.wake()
    return to_review(request.review, "records")


@router.post("/reviews/{slug}/records/bulk/{bulk_id}/undo")
def undo_in_bulk(request: ScreenRequest, bulk_id: IdPath) -> Response:
    """Undo a bulk action as one."""
    bulk_actions.undo_action(request.store, request.review.id, request.person.id, bulk_id)
    request.state.wake()
    return to_review(request.review, "records")
