"""The screening page: cards rendered by the server, handed over by script, usable without it."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import PersonDep, ScreenDep, StateDep
from api.pages.render import page, text
from api.protocol import ProtocolBody
from api.schemas import Id
from api.services import screening
from api.services.screening import Card, Hand
from api.state import State
from store import decisions, members, pilots, records, reviews
from store.reviews import ReviewInfo

router = APIRouter()
ReasonsForm = Annotated[tuple[str, ...], Form(max_length=50)]


class CardsIn(BaseModel):
    """How many new cards are wanted, and which held ones are kept."""

    n: Annotated[int, Field(ge=0, le=200)] = 20
    keep: Annotated[list[Id], Field(max_length=400)] = []
    again: bool = False


def _hand(
    state: State,
    review: ReviewInfo,
    person_id: int,
    number: int,
    keep: list[int],
    *,
    again: bool,
) -> Hand:
    with state.store.write() as session:
        return screening.next_cards(
            session,
            state.orders,
            review.id,
            person_id,
            number=number,
            keep=keep,
            lease_minutes=state.settings.lease_minutes,
            again=again,
        )


@router.get("/reviews/{slug}/screen")
def screen(
    request: Request, state: StateDep, person: PersonDep, review: ScreenDep, again: bool = False
) -> HTMLResponse:
    """The next cards; the first is a form that works by itself, the others wait for the script."""
    hand = _hand(state, review, person.id, state.settings.queue_size, [], again=again)
    with state.store.read() as session:
        body = ProtocolBody.model_validate(reviews.protocol(session, review.id).body)
        last = decisions.latest_of(session, review.id, person.id)
        shown = records.by_reports(session, review.id, [last.report_id]) if last else {}
        drawn = pilots.drawn_for(session, review.id, person.id)
        screeners = members.screening(session, review.id)
    undone = Card(last.report_id, last.place, None, shown[last.report_id]) if last else None
    return page(
        request,
        "screen.html",
        review=review,
        hand=hand,
        protocol=body,
        in_pilot=drawn is not None,
        again=again,
        colleagues=[each for each in screeners if each.id != person.id],
        last=last,
        last_card=undone,
        queue_size=state.settings.queue_size,
        lease_minutes=state.settings.lease_minutes,
        token=str(uuid.uuid4()),
    )


@router.post("/reviews/{slug}/screen/cards")
def more_cards(
    state: StateDep, person: PersonDep, review: ScreenDep, body: CardsIn
) -> HTMLResponse:
    """Cards for the script, each in a template element."""
    hand = _hand(state, review, person.id, body.n, body.keep, again=body.again)
    return HTMLResponse(
        text("_cards.html", hand=hand),
        headers={
            "x-remaining": str(hand.remaining),
            "x-lost": ",".join(map(str, sorted(hand.lost))),
        },
    )


@router.post("/reviews/{slug}/screen/decide")
def decide(
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    report: Annotated[int, Form(ge=1, le=2**63 - 1)],
    token: Annotated[str, Form(min_length=1, max_length=100)],
    decision: Annotated[str, Form(pattern="^(include|exclude|maybe)$")],
    text_hash: Annotated[str, Form(pattern="^([0-9a-f]{64})?$")] = "",
    ranking: Annotated[str, Form(pattern="^[0-9]{0,18}$")] = "",
    place: Annotated[str, Form(pattern="^[0-9]{0,9}$")] = "",
    note: Annotated[str, Form(max_length=10_000)] = "",
    reason: ReasonsForm = (),
    question: ReasonsForm = (),
    again: Annotated[bool, Form()] = False,
) -> Response:
    """Decide without script, and go on to the next card."""
    new = decisions.NewDecision(
        token=token,
        report_id=report,
        decision=decision,
        note=note.replace("\x00", "").strip() or None,
        reasons=tuple(reason) if decision == "exclude" else (),
        questions=() if decision == "exclude" else tuple(question),
        ranking_id=int(ranking) if ranking else None,
        place=int(place) if place else None,
        text_hash=text_hash or None,
    )
    screening.decide(state.store, review.id, person.id, new)
    state.wake()
    further = "?again=true" if again else ""
    return RedirectResponse(f"/reviews/{review.slug}/screen{further}", status_code=303)


@router.post("/reviews/{slug}/screen/undo/{decision_id}")
def undo(
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    decision_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
    token: Annotated[str, Form(min_length=1, max_length=100)],
) -> Response:
    """Undo without script, and show the record again."""
    done, _ = screening.undo(state.store, review.id, person.id, decision_id, token)
    state.wake()
    with state.store.read() as session:
        shown = records.by_reports(session, review.id, [done.report_id])[done.report_id]
    return RedirectResponse(f"/reviews/{review.slug}/records/{shown.id}", status_code=303)
