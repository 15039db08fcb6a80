"""Signing in: by a login link, or by name and password."""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
from dataclasses import dataclass
from typing import Final

from api.refusals import TooManySignIns
from api.security import PasswordPlace, take_place
from api.wording import count_noun
from store.core.errors import NotFound
from store.core.session import ReadSession, Store
from store.reviews import login_attempts, people
from store.reviews.login_attempts import hash_key
from store.reviews.people import PersonInfo
from store.rules.login_delays import DelayRule
from store.rules.person_names import make_name_key

# A name is slowed down for one address, so that a stranger elsewhere locks nobody out. An address
# is slowed down for all names, mildly, since a whole team may share it. A browser that the person
# has used before is counted by itself: not even somebody in the same office can lock it out.
_BY_NAME: Final = DelayRule(free=5, longest=300.0)
_BY_ADDRESS: Final = DelayRule(free=50, longest=30.0)
_BY_BROWSER: Final = DelayRule(free=10, longest=60.0)
# How long a browser is known after a person has signed in with it; browsers keep no cookie longer.
KNOWN_FOR: Final = dt.timedelta(days=400)


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """A name and a password, and where they come from.

    Attributes:
        address: the IP address; "" if it is not known.
        browser: the secret by which a browser shows that somebody has signed in with it before.
    """

    name: str
    password: str
    address: str = ""
    browser: str = ""


def create_login_link(store: Store, person_id: int, *, valid: dt.timedelta) -> str:
    """Create a login link for one use, and return its secret."""
    with store.write() as session:
        return people.create_login_link(session, person_id, valid=valid)


def redeem_login_link(store: Store, secret: str) -> PersonInfo:
    """Use up a login link, and return the person it is for.

    Raises:
        NotFound: the link is unknown, used or expired; which of these is not said.
    """
    with store.write() as session:
        return people.redeem_login_link(session, secret)


def find_by_password(store: Store, attempt: SignInAttempt) -> PersonInfo | None:
    """The person with this name and password; None if either is wrong.

    An unknown name takes as long as a wrong password, and is slowed down in the same way.

    Raises:
        TooManySignIns: it comes too soon after others, or too many wait; then it is not counted.
    """
    with take_place() as place:
        return _check_password(store, attempt, place)


def _check_password(
    store: Store, attempt: SignInAttempt, place: PasswordPlace
) -> PersonInfo | None:
    person: PersonInfo | None = None
    password_hash = None
    with store.read() as session:
        try:
            person = people.get_person_by_name(session, attempt.name)
            password_hash = people.get_password_hash(session, person.id)
        except NotFound:
            person = None
        rules = _get_rules(session, attempt, person)
        _require_no_wait(login_attempts.find_wait(session, list(rules)))
    with store.write() as session:
        wait = login_attempts.count_attempt(session, rules)
    _require_no_wait(wait)
    if not place.verify(attempt.password, password_hash):
        return None
    with store.write() as session:
        shared = [key for key, rule in rules.items() if rule == _BY_ADDRESS]
        own = [key for key in rules if key not in shared]
        login_attempts.forget_attempts(session, own, shared)
    return person


def _get_rules(
    session: ReadSession, attempt: SignInAttempt, person: PersonInfo | None
) -> dict[str, DelayRule]:
    """What the attempt counts for, and how each is slowed down."""
    if (
        person is not None
        and attempt.browser
        and people.is_known_browser(session, attempt.browser, person.id)
    ):
        return {hash_key("browser", attempt.browser): _BY_BROWSER}
    network = _network_of(attempt.address)
    return {
        hash_key("name", make_name_key(attempt.name), network): _BY_NAME,
        hash_key("address", network): _BY_ADDRESS,
    }


def _network_of(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 address, which one machine has for itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        if mapped is not None:
            return str(mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _require_no_wait(wait: float) -> None:
    if wait > 0:
        seconds = math.ceil(wait)
        raise TooManySignIns(
            f"Too many attempts to sign in. Try again in {count_noun(seconds, 'second')}.",
            wait=seconds,
        )


@dataclass(frozen=True, slots=True)
class StartedSession:
    """A session of a browser.

    Attributes:
        secret: for the session's cookie.
        browser: for the cookie by which the browser is known next time; None if it is known.
    """

    secret: str
    browser: str | None


def start_session(
    store: Store, person_id: int, *, valid: dt.timedelta, browser: str = ""
) -> StartedSession:
    """Sign a person in with a browser.

    Args:
        store: the database.
        person_id: the person.
        valid: how long the session lasts.
        browser: the secret by which the browser is known; "" if it has none.
    """
    with store.write() as session:
        secret = people.create_web_session(session, person_id, valid=valid)
        if browser and people.is_known_browser(session, browser, person_id):
            return StartedSession(secret, None)
        known = people.create_known_browser(session, person_id, valid=KNOWN_FOR)
        return StartedSession(secret, known)


def end_session(store: Store, secret: str) -> None:
    """Sign a browser out; an unknown secret is not an error."""
    with store.write() as session:
        people.end_web_session(session, secret)
