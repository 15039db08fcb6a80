"""What routes ask for: the server's state, the person, the review."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from api.errors import SignInNeeded
from api.security import bearer, cookie_name
from api.state import State
from store import people, reviews
from store.errors import NotFound
from store.people import PersonInfo
from store.reviews import ReviewInfo


def get_state(request: Request) -> State:
    """The server's state."""
    state: State = request.app.state.winnow
    return state


StateDep = Annotated[State, Depends(get_state)]


def known_person(request: Request, state: StateDep) -> PersonInfo | None:
    """Who asks, by API token or session cookie; None where neither is valid."""
    token = bearer(request)
    cookie = request.cookies.get(cookie_name(secure=state.settings.secure))
    with state.store.read() as session:
        if token is not None:
            return people.by_token(session, token)
        return people.by_session(session, cookie) if cookie else None


def person(found: Annotated[PersonInfo | None, Depends(known_person)]) -> PersonInfo:
    """Who asks.

    Raises:
        SignInNeeded: nobody is signed in.
    """
    if found is None:
        raise SignInNeeded
    return found


PersonDep = Annotated[PersonInfo, Depends(person)]


def review(
    state: StateDep, _person: PersonDep, slug: Annotated[str, Path(max_length=80)]
) -> ReviewInfo:
    """The review that the path names; until there are roles, every person sees every review.

    Raises:
        NotFound: there is none of that short name.
    """
    if "\x00" in slug:
        raise NotFound(f"there is no review {slug!r}")
    with state.store.read() as session:
        return reviews.by_slug(session, slug)


ReviewDep = Annotated[ReviewInfo, Depends(review)]
