"""What routes and pages depend on: the server's state, the person, the review."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool

from api.errors import SignInNeeded
from api.protocol import Stage
from api.security import bearer, cookie_name
from api.state import State
from store.core.errors import NotAllowed, NotFound
from store.core.session import Store
from store.reviews import access
from store.reviews.access import Access
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo, require_readable
from store.rules import roles
from store.rules.roles import Action


def get_state(request: Request) -> State:
    """The server's state."""
    state: State = request.app.state.winnow
    return state


async def _state(request: Request) -> State:
    # FastAPI would call a dependency that is not a coroutine in another thread, which costs time.
    return get_state(request)


# The id of the person whose page sends a request.
PERSON_HEADER: Final = "x-winnow-person"


async def _take_turn(request: Request) -> AsyncIterator[None]:
    async with get_state(request).turns.take():
        yield


# A page takes this if strangers can make it hash a password.
TurnDep = Annotated[None, Depends(_take_turn)]

# The key under which a request keeps who sent it, once that has been found.
ACCESS: Final = "winnow.access"
_SLUG: Final = re.compile(r"/reviews/([^/\x00]{1,80})/")

StateDep = Annotated[State, Depends(_state)]


def find_signed_in_person(request: Request, state: State) -> PersonInfo | None:
    """The person behind an API token or a session cookie; None if neither is valid.

    A page says in a header whose it is, so that what one person left in a browser is not sent as
    another's who has signed in since: then nobody is signed in as far as that page goes.
    """
    found = find_access(request, state)
    expected = request.headers.get(PERSON_HEADER)
    if found is None or expected not in (None, str(found.person.id)):
        return None
    return found.person


def find_access(request: Request, state: State) -> Access | None:
    """Who sends a request, and their role in the review that its path names; found once."""
    if ACCESS not in request.scope:
        request.scope[ACCESS] = _find_access(request, state)
    found: Access | None = request.scope[ACCESS]
    return found


def _find_access(request: Request, state: State) -> Access | None:
    token = bearer(request)
    cookie = request.cookies.get(cookie_name(secure=state.settings.secure))
    if token is None and not cookie:
        return None
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    named = _SLUG.search(f"{path}/")
    slug = named.group(1) if named else None
    with state.store.read_singly() as session:
        if token is not None:
            return access.find_access_by_token(session, token, slug)
        return access.find_access_by_session(session, cookie or "", slug)


async def _find_signed_in_person(request: Request, state: StateDep) -> PersonInfo | None:
    if ACCESS not in request.scope:
        await run_in_threadpool(find_access, request, state)
    return find_signed_in_person(request, state)


MaybePersonDep = Annotated[PersonInfo | None, Depends(_find_signed_in_person)]


async def get_signed_in_person(person: MaybePersonDep) -> PersonInfo:
    """The person who sent the request.

    Raises:
        SignInNeeded: nobody is signed in.
    """
    if person is None:
        raise SignInNeeded
    return person


PersonDep = Annotated[PersonInfo, Depends(get_signed_in_person)]


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """A request in a review, by a person whose role allows it."""

    request: Request
    state: State
    person: PersonInfo
    review: ReviewInfo

    @property
    def store(self) -> Store:
        """The server's database."""
        return self.state.store


def may(action: Action) -> Callable[..., Awaitable[ReviewRequest]]:
    """A dependency: a request in the review in the path, by people whose role allows an action.

    Routes take one of the types below. The function that is returned has the rule as ``action``, so
    that a test can read the rule of every route. It is one function, since each dependency costs
    time.
    """

    async def review_request(
        request: Request, slug: Annotated[str, Path(max_length=80)]
    ) -> ReviewRequest:
        state = get_state(request)
        person = await get_signed_in_person(await _find_signed_in_person(request, state))
        found: Access = request.scope[ACCESS]
        if found.review is None or found.review.slug != slug or found.role is None:
            # People outside a review cannot see that it exists.
            raise NotFound(f"there is no review {slug!r}")
        if not roles.role_allows(found.role, action):
            raise NotAllowed(roles.explain_refusal(found.role))
        return ReviewRequest(request, state, person, require_readable(found.review))

    review_request.action = action  # type: ignore[attr-defined] # read by the test of every route
    return review_request


# Most routes and pages take one of these, by what the person's role must allow.
ReadRequest = Annotated[ReviewRequest, Depends(may("read"))]
ScreenRequest = Annotated[ReviewRequest, Depends(may("screen"))]
LeadRequest = Annotated[ReviewRequest, Depends(may("lead"))]
# The stage of a review: only title and abstract so far; full text follows.
StageQuery = Annotated[Stage, Query(description="The stage that is screened.")]
