"""What routes and pages depend on: the server's state, the person, the review."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Path, Query, Request

from api.errors import SignInNeeded
from api.protocol import Stage
from api.security import bearer, cookie_name
from api.state import State
from store.core.errors import NotAllowed, NotFound
from store.core.session import Store
from store.reviews import members, people, reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.rules import roles
from store.rules.roles import Action


def get_state(request: Request) -> State:
    """The server's state."""
    state: State = request.app.state.winnow
    return state


# The id of the person whose page sends a request.
PERSON_HEADER: Final = "x-winnow-person"

StateDep = Annotated[State, Depends(get_state)]


def find_signed_in_person(request: Request, state: StateDep) -> PersonInfo | None:
    """The person behind an API token or a session cookie; None if neither is valid.

    A page says in a header whose it is, so that what one person left in a browser is not sent as
    another's who has signed in since: then nobody is signed in as far as that page goes.
    """
    person = _find_person(request, state)
    expected = request.headers.get(PERSON_HEADER)
    return person if person is None or expected in (None, str(person.id)) else None


def _find_person(request: Request, state: State) -> PersonInfo | None:
    token = bearer(request)
    cookie = request.cookies.get(cookie_name(secure=state.settings.secure))
    if token is None and not cookie:
        return None
    with state.store.read() as session:
        if token is not None:
            return people.find_person_by_token(session, token)
        return people.find_person_by_session(session, cookie) if cookie else None


MaybePersonDep = Annotated[PersonInfo | None, Depends(find_signed_in_person)]


def get_signed_in_person(person: MaybePersonDep) -> PersonInfo:
    """The person who sent the request.

    Raises:
        SignInNeeded: nobody is signed in.
    """
    if person is None:
        raise SignInNeeded
    return person


PersonDep = Annotated[PersonInfo, Depends(get_signed_in_person)]


def may(action: Action) -> Callable[..., ReviewInfo]:
    """A dependency: the review in the path, for people whose role allows an action.

    Routes take one of the types below. The function that is returned has the rule as ``action``, so
    that a test can read the rule of every route.
    """

    def get_review(
        state: StateDep, person: PersonDep, slug: Annotated[str, Path(max_length=80)]
    ) -> ReviewInfo:
        if "\x00" in slug:
            raise NotFound(f"there is no review {slug!r}")
        with state.store.read() as session:
            review = reviews.get_review_by_slug(session, slug)
            role = members.get_role(session, review.id, person.id)
        if role is None:
            # People outside a review cannot see that it exists.
            raise NotFound(f"there is no review {slug!r}")
        if not roles.role_allows(role, action):
            raise NotAllowed(roles.explain_refusal(role))
        return review

    get_review.action = action  # type: ignore[attr-defined] # read by the test of every route
    return get_review


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


def _review_request(action: Action) -> Callable[..., ReviewRequest]:
    # A default, since an annotation would not find ``action`` when FastAPI reads it.
    allowed = Depends(may(action))

    def review_request(
        request: Request, state: StateDep, person: PersonDep, review: ReviewInfo = allowed
    ) -> ReviewRequest:
        return ReviewRequest(request, state, person, review)

    return review_request


# Most routes and pages take one of these, by what the person's role must allow.
ReadRequest = Annotated[ReviewRequest, Depends(_review_request("read"))]
ScreenRequest = Annotated[ReviewRequest, Depends(_review_request("screen"))]
LeadRequest = Annotated[ReviewRequest, Depends(_review_request("lead"))]
# The stage of a review: only title and abstract so far; full text follows.
StageQuery = Annotated[Stage, Query(description="The stage that is screened.")]
