"""The screening page: cards rendered by the server, fetched by script, usable without it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Form
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, Response

from api.deps import ReviewRequest, ScreenRequest
from api.pages.forms import DecisionForm, to_review
from api.pages.render import review_page, text
from api.services.ranking import order_state
from api.services.reviews.protocols import get_protocol_body
from api.services.screening import assigning, cards, deciding
from api.services.screening.cards import Card, CardHand, CardRequest
from api.types import Id, IdPath, Token, WholeNumber
from store.reports import records
from store.reviews import screeners
from store.screening import decision_log, pilots
from store.screening.assignments import HandOver
from store.screening.decisions import NewDecision

router = APIRouter()


class CardsIn(BaseModel):
    """How many new cards the script wants, and which cards it keeps."""

    n: Annotated[int, Field(ge=0, le=200)] = 20
    keep: Annotated[tuple[Id, ...], Field(max_length=400)] = ()
    again: bool = False


class CardForm(DecisionForm):
    """A decision on the card that was shown."""

    report: Id
    text_hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    ranking: Id | None = None
    place: Annotated[WholeNumber, Field(ge=1, lt=10**9)] | None = None
    # Whether the card came from the records to screen again.
    again: bool = False

    def decide_card(self) -> NewDecision:
        """The decision, with what the card showed and where it stood."""
        return replace(
            self.decide(self.report),
            ranking_id=self.ranking,
            place=self.place,
            text_hash=self.text_hash,
        )


def _lease(
    request: ReviewRequest, number: int, *, keep: tuple[int, ...] = (), again: bool
) -> CardHand:
    state = request.state
    card_request = CardRequest(number, state.settings.lease_minutes, keep=keep, again=again)
    return cards.lease_next_cards(
        state.store, state.queues, request.review.id, request.person.id, card_request
    )


def _describe_behind(request: ReviewRequest, hand: CardHand) -> list[str]:
    with request.store.read() as session:
        return order_state.describe_state(session, request.review.id, hand.ranking)


@router.get("/reviews/{slug}/screen")
def screen(request: ScreenRequest, again: bool = False) -> HTMLResponse:
    """The next cards: the first is a plain form, the others wait for the script."""
    settings = request.state.settings
    hand = _lease(request, settings.queue_size, again=again)
    return review_page(
        request,
        "screen.html",
        hand=hand,
        behind=_describe_behind(request, hand),
        again=again,
        queue_size=settings.queue_size,
        lease_minutes=settings.lease_minutes,
        token=str(uuid.uuid4()),
        **_surroundings(request),
    )


def _surroundings(request: ReviewRequest) -> dict[str, Any]:
    """What the page shows around the cards."""
    review_id, person_id = request.review.id, request.person.id
    with request.store.read() as session:
        protocol = get_protocol_body(session, review_id)
        last = decision_log.find_latest_decision(session, review_id, person_id)
        shown = records.get_representatives(session, review_id, [last.report_id] if last else [])
        in_pilot = pilots.list_reports_for(session, review_id, person_id) is not None
        team = screeners.list_screeners(session, review_id)
    last_card = Card(last.report_id, last.place, None, shown[last.report_id]) if last else None
    return {
        "protocol": protocol,
        "in_pilot": in_pilot,
        "colleagues": [screener for screener in team if screener.id != person_id],
        "last": last,
        # What an undo brings back into the form.
        "last_draft": {
            "note": (last.note or "") if last else "",
            "reasons": list(last.reasons) if last else [],
            "questions": list(last.questions) if last else [],
        },
        "last_card": last_card,
    }


@router.post("/reviews/{slug}/screen/cards")
def more_cards(request: ScreenRequest, body: CardsIn) -> HTMLResponse:
    """Cards for the script, each in a template element."""
    hand = _lease(request, body.n, keep=body.keep, again=body.again)
    return HTMLResponse(
        text("_cards.html", hand=hand, slug=request.review.slug, again=body.again),
        headers={
            "x-remaining": str(hand.remaining),
            "x-lost": ",".join(map(str, sorted(hand.lost))),
            "x-behind": " ".join(_describe_behind(request, hand)),
        },
    )


@router.post("/reviews/{slug}/screen/decide")
def decide(request: ScreenRequest, form: Annotated[CardForm, Form()]) -> Response:
    """Decide without script, and go on to the next card."""
    deciding.record_decision(
        request.store, request.review.id, request.person.id, form.decide_card()
    )
    request.state.wake()
    return to_review(request.review, "screen?again=true" if form.again else "screen")


@router.post("/reviews/{slug}/screen/undo/{decision_id}")
def undo(request: ScreenRequest, decision_id: IdPath, token: Annotated[Token, Form()]) -> Response:
    """Undo without script, and show the record again."""
    review_id, person_id = request.review.id, request.person.id
    undone = deciding.undo_decision(request.store, review_id, person_id, decision_id, token)
    request.state.wake()
    report_id = undone.decision.report_id
    with request.store.read() as session:
        shown = records.get_representatives(session, review_id, [report_id])[report_id]
    return to_review(request.review, f"records/{shown.id}")


@router.post("/reviews/{slug}/screen/hand-over")
def hand_over(
    request: ScreenRequest,
    report: Annotated[Id, Form()],
    to: Annotated[Id | None, Form()] = None,
) -> Response:
    """Hand a card to a colleague without script, and go on to the next."""
    card = HandOver(report, to)
    assigning.hand_over_card(request.store, request.review.id, request.person.id, card)
    return to_review(request.review, "screen")
