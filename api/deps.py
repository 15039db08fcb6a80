"""What routes ask for: the server's state, the person, the review."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from api.errors import SignInNeeded
from api.protocol import Stage
from api.security import bearer, cookie_name
from api.state import State
from store import members, people, reviews, roles
from store.errors import NotAllowed, NotFound
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.roles import Action


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


def may(action: Action) -> Callable[..., ReviewInfo]:
    """A dependency: the review that the path names, for whoever's role allows an action.

    Routes take one of the types below. The rule stands in the function, as ``action``, so that a
    test can ask every route for its own.
    """

    def review(
        state: StateDep, person: PersonDep, slug: Annotated[str, Path(max_length=80)]
    ) -> ReviewInfo:
        if "\x00" in slug:
            raise NotFound(f"there is no review {slug!r}")
        with state.store.read() as session:
            found = reviews.by_slug(session, slug)
            role = members.role_of(session, found.id, person.id)
        if role is None:
            # Who is not of a review is not told that there is one.
            raise NotFound(f"there is no review {slug!r}")
        if not roles.may(role, action):
            raise NotAllowed(roles.refusal(role, action))
        return found

    review.action = action  # type: ignore[attr-defined] # read by the test of every route
    return review


ReviewDep = Annotated[ReviewInfo, Depends(may("read"))]
ScreenDep = Annotated[ReviewInfo, Depends(may("screen"))]
LeadDep = Annotated[ReviewInfo, Depends(may("lead"))]
# Which stage of a review is meant: there is one so far; full text follows.
StageQuery = Annotated[Stage, Query(description="The stage that is screened.")]
