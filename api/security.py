"""Whether a request can be trusted: passwords, tokens, origins, security headers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore
from typing import TypeVar
from urllib.parse import urlsplit

from fastapi import Request
from pwdlib import PasswordHash
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.refusals import TooManySignIns

_SHORTEST = 12
T = TypeVar("T")
# Passwords that are hashed or wait for it.
_PLACES = 8
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_hasher = PasswordHash.recommended()
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


def check_password(password: str) -> None:
    """Refuse a password that is easy to guess.

    Raises:
        ValueError: it is too short, or has too few different characters.
    """
    if len(password) < _SHORTEST:
        raise ValueError(f"a password needs at least {_SHORTEST} characters")
    if len(set(password)) < 4:
        raise ValueError("a password needs at least 4 different characters")


class PasswordPlace:
    """A place in the short queue of the thread that hashes passwords.

    A hash takes 64 MiB and all of a core on purpose. In a thread of its own, many attempts at once
    take no more memory than one, and no thread from other requests.
    """

    def verify(self, password: str, stored_hash: str | None) -> bool:
        """Whether a password fits a hash; a missing hash takes as long and never fits."""
        fits = self.run(_fits, password, stored_hash)
        return fits and stored_hash is not None

    def run(self, work: Callable[..., T], *values: object) -> T:
        """Wait for the thread, and for the result."""
        return _pool().submit(work, *values).result()


_places = BoundedSemaphore(_PLACES)


@contextmanager
def take_place() -> Iterator[PasswordPlace]:
    """Take a place in the queue, and give it back afterwards.

    Raises:
        TooManySignIns: there is none left.
    """
    if not _places.acquire(blocking=False):
        raise TooManySignIns.at_once()
    try:
        yield PasswordPlace()
    finally:
        _places.release()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="passwords")


def hash_password(password: str) -> str:
    """Argon2id hash of a password.

    Raises:
        TooManySignIns: too many passwords wait to be hashed.
    """
    with take_place() as place:
        return place.run(_hasher.hash, password)


@cache
def _decoy() -> str:
    """The hash of no password in use. Checking it makes an unknown name take as long as a known."""
    return _hasher.hash("no such person")


def _fits(password: str, stored_hash: str | None) -> bool:
    return _hasher.verify(password, stored_hash or _decoy())


def cookie_name(*, secure: bool) -> str:
    """The name of the session cookie; browsers bind ``__Host-`` to https and this exact host."""
    return "__Host-winnow" if secure else "winnow"


def browser_cookie_name(*, secure: bool) -> str:
    """The name of the cookie by which a browser is known in which somebody has signed in before."""
    return "__Host-winnow-browser" if secure else "winnow-browser"


def bearer(request: Request) -> str | None:
    """The API token of a request, or None."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _foreign(headers: dict[str, str], base_url: str) -> bool:
    """Whether another site made the browser send this request.

    This follows OWASP's fetch-metadata defence: ``Sec-Fetch-Site`` if the browser sends it, else
    ``Origin`` compared with our own address and with the host that the request names.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    if origin is None:
        return False
    return urlsplit(origin).netloc not in {headers.get("host"), urlsplit(base_url).netloc}


class Guard:
    """Adds security headers to every answer, and refuses unsafe requests from other sites."""

    def __init__(self, app: ASGIApp, base_url: str) -> None:
        self.app = app
        self._base_url = base_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    sent.setdefault(name, value)
                if not re.match(r"/(static|api/docs)/", scope["path"]):
                    sent.setdefault("cache-control", "no-store")
            await send(message)

        token = headers.get("authorization", "").lower().startswith("bearer ")
        if scope["method"] not in SAFE_METHODS and not token and _foreign(headers, self._base_url):
            refusal = PlainTextResponse("This request came from another site.", status_code=403)
            await refusal(scope, receive, guarded)
            return
        await self.app(scope, receive, guarded)
