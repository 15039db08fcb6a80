"""Every request that Winnow sends to the outside goes through here.

It applies time-outs, a pace for each source that holds across processes, retries by class of error,
and limits on size. It follows redirects itself and checks each address before connecting to it.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from harvest.addresses import AddressNotAllowed, create_adapter, find_port, is_allowed
from harvest.errors import (
    AddressRefused,
    AskedToWait,
    BodyTooLarge,
    BudgetSpent,
    Interrupted,
    MalformedPage,
    SourceUnavailable,
)
from harvest.pace import Pace
from harvest.waits import Waits, format_moment

logger = logging.getLogger(__name__)

_HOPS = 5
_CHUNK = 64 * 1024
_REDIRECTS = {301, 302, 303, 307, 308}
# Parameters whose values must not appear in logs or messages.
_SECRET_NAME = re.compile(r"(?i)^(?:x-)?(?:api[_-]?)?(?:key|token|password)$|^authorization$")
# A shorter value would stand in many bodies by chance.
_SHORTEST_SECRET = 6
_SECRET = re.compile(r"(?i)\b(api[_-]?key|token|email|mailto|password)=([^&\s\"']+)")


@dataclass(frozen=True, slots=True)
class Limits:
    """Pace, patience and size for requests to a source.

    Attributes:
        interval: seconds between two requests to the source, over all processes.
        timeout: seconds to connect, and seconds without a byte.
        attempts: total number of attempts for a request.
        backoff: seconds before the second attempt; doubled each time.
        longest_wait: longest wait in seconds, even if the source asks for more.
        largest_body: largest answer in bytes, unpacked.
    """

    interval: float
    timeout: float = 60.0
    attempts: int = 5
    backoff: float = 2.0
    longest_wait: float = 120.0
    largest_body: int = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a source. Secrets go into ``headers``; ``data`` makes it a POST.

    ``data`` is a form, or the bytes of a body whose type is in the headers.
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


# Checks an answer before it is used, and raises the class of error if it is a failure.
Judge = Callable[[Response], None]


def masked(text: str) -> str:
    """A text with the values of keys, tokens, passwords and e-mail addresses removed."""
    return _SECRET.sub(r"\1=…", text)


@dataclass(slots=True)
class _Call:
    """The next HTTP call of a request; a redirect changes it."""

    method: str
    url: str
    params: Mapping[str, str] | None
    data: Mapping[str, str] | bytes | None
    headers: dict[str, str]

    def redirect(self, status: int, url: str) -> None:
        """Follow a redirect."""
        if urlsplit(url).netloc != urlsplit(self.url).netloc:
            # A key belongs to the host it was given for.
            self.headers, self.params, self.data = {}, None, None
        elif status in (301, 302, 303):
            # The new address has its own parameters, and no body.
            self.params, self.data = None, None
        if status in (301, 302, 303):
            self.method = "GET"
        self.url = url


def _explain(error: BaseException, address: str) -> str:
    """Why there was no answer: the system's own message if there is one."""
    chain: list[BaseException] = [error]
    while (inner := _inner(chain[-1])) is not None and inner not in chain:
        chain.append(inner)
    messages = [link.strerror for link in chain if isinstance(link, OSError) and link.strerror]
    if messages:
        return f"no connection to {urlsplit(address).hostname}: {messages[-1]}"
    return f"{type(error).__name__}: {masked(str(error))[:300]}"


def _inner(error: BaseException) -> BaseException | None:
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__


class Client:
    """Sends requests to sources, within limits; create one for each process.

    Args:
        agent: User-Agent with a contact, which sources ask for.
        pace: spacing of requests.
        waits: until when sources asked us not to ask again.
        allow_loopback: whether it may connect to this machine's own addresses, over plain http.
        ports: the only ports that it may connect to; None allows all. This machine's own addresses
            are left out.
        stop: set it to stop the run; all waits end at once.
    """

    def __init__(
        self,
        *,
        agent: str,
        pace: Pace | None = None,
        waits: Waits | None = None,
        allow_loopback: bool = False,
        ports: Collection[int] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._pace = pace or Pace()
        self._waits = waits or Waits()
        self._loopback = allow_loopback
        self._ports = ports
        self._stop = stop or threading.Event()
        self._session = requests.Session()  # noqa: TID251 - this is the one place
        # A proxy would look hosts up itself, so we could not check their addresses.
        self._session.trust_env = False
        self._session.headers.update({"User-Agent": agent, "Accept-Encoding": "gzip"})
        self._session.mount("https://", create_adapter(loopback=allow_loopback))
        self._session.mount("http://", create_adapter(loopback=allow_loopback))

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def ask(self, source: str, request: Request, limits: Limits, judge: Judge) -> Response:
        """Send a request until it gets a good answer, or until a retry makes no sense.

        Args:
            source: short name, for the pace and for messages.
            request: the request.
            limits: pace, patience and size.
            judge: raises an error for an answer that is a failure. ``SourceUnavailable`` and
                ``MalformedPage`` are retried, all others are not.

        Raises:
            SourceUnavailable: no attempt got a good answer.
            AskedToWait: the source asked for a wait that is not over; nothing was sent.
            SourceRefused: a retry would not help.
            MalformedPage: no answer could be read.
            Interrupted: ``stop`` was set.
        """
        account = f"{urlsplit(request.url).netloc} {next(_secrets(request), '')}"
        self._keep_wait(source, account, limits)
        try:
            return self._try(source, request, limits, judge)
        except (SourceUnavailable, BudgetSpent) as error:
            if error.retry_after:
                self._waits.add(source, account, error.retry_after, masked(error.message))
            raise

    def _keep_wait(self, source: str, account: str, limits: Limits) -> None:
        """Keep a wait that the source asked for earlier, here or in another process."""
        wait = self._waits.find(source, account)
        if wait is None:
            return
        left = (wait.until - dt.datetime.now(dt.UTC)).total_seconds()
        if left > limits.longest_wait:
            raise AskedToWait(
                f"{wait.reason.rstrip('.')}. Nothing more was sent.",
                source=source,
                until=wait.until,
                remedy=f"Resume or try again from {format_moment(wait.until)}.",
            )
        self._wait(source, left)

    def _try(self, source: str, request: Request, limits: Limits, judge: Judge) -> Response:
        wait = limits.backoff
        for attempt in range(1, limits.attempts + 1):
            try:
                response = self._once(source, request, limits)
                judge(response)
            except (SourceUnavailable, MalformedPage) as error:
                asked = error.retry_after if isinstance(error, SourceUnavailable) else None
                if attempt == limits.attempts or (asked or 0) > limits.longest_wait:
                    raise
                pause = min(wait if asked is None else asked, limits.longest_wait)
                logger.info(
                    "%s: %s; try %s of %s in %.1f s",
                    source,
                    masked(error.message),
                    attempt + 1,
                    limits.attempts,
                    pause,
                )
                # Wait a little longer than asked, so that several clients do not retry together.
                self._wait(source, pause * (1 + 0.1 * random.random()))  # noqa: S311 - no secret
                wait *= 2
            else:
                return response
        raise AssertionError("the last attempt returns or raises")

    def check_address(self, source: str, url: str) -> None:
        """Refuse an address that we may not connect to, before it is saved as a setting.

        A host that cannot be looked up now passes; it is checked again at each request.

        Raises:
            AddressRefused: its scheme or its host's address is not allowed.
        """
        self._check(source, url)
        parts = urlsplit(url)
        try:
            hosts = socket.getaddrinfo(parts.hostname, find_port(parts), 0, socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        for _, _, _, _, address in hosts:
            if not is_allowed(str(address[0]), loopback=self._loopback):
                raise AddressRefused(
                    f"{source}: {parts.hostname} is at {address[0]}, not a public address.",
                    source=source,
                    remedy="Give an address that can be reached from outside.",
                )

    def _wait(self, source: str, seconds: float) -> None:
        if self._stop.wait(max(0.0, seconds)):
            raise Interrupted(f"{source}: the search was stopped", source=source)

    def _once(self, source: str, request: Request, limits: Limits) -> Response:
        call = _Call(
            "GET" if request.data is None else "POST",
            request.url,
            request.params,
            request.data,
            dict(request.headers),
        )
        for _ in range(_HOPS):
            try:
                self._check(source, call.url)
                self._wait(source, self._pace.slot(source, limits.interval))
                response = self._send(source, call, limits)
            except AddressRefused as error:
                if call.url == request.url:
                    raise
                raise _refused_redirect(source, request.url, call.url) from error
            if response.status not in _REDIRECTS or "location" not in response.headers:
                return replace(response, body=_without_secrets(response.body, request))
            call.redirect(response.status, urljoin(response.url, response.headers["location"]))
        raise SourceUnavailable(f"{source}: more than {_HOPS} redirects", source=source)

    def _check(self, source: str, url: str) -> None:
        """Refuse any scheme but https, and ports that are not allowed.

        This machine may be asked over http and at any port, if loopback is allowed.
        """
        parts = urlsplit(url)
        local = self._loopback and parts.hostname in ("localhost", "127.0.0.1", "::1")
        secure = parts.scheme == "https" or (parts.scheme == "http" and local)
        if not (secure and parts.hostname):
            raise AddressRefused(
                f"{source}: {masked(url)} is not allowed: only https addresses are.",
                source=source,
                remedy="Set the source's base_url to an https address; for a server on this "
                "machine set WINNOW_HARVEST__ALLOW_LOOPBACK=true.",
            )
        if self._ports is not None and not local and find_port(parts) not in self._ports:
            allowed = " and ".join(str(port) for port in sorted(self._ports)) or "none"
            raise AddressRefused(
                f"{source}: {masked(url)} names a port that is not allowed; allowed: {allowed}.",
                source=source,
                remedy="Leave the port out. The person who runs the server can allow others "
                "(tell.webhook_ports).",
            )

    def _send(self, source: str, call: _Call, limits: Limits) -> Response:
        try:
            with self._session.request(
                call.method,
                call.url,
                params=call.params,
                data=call.data,
                headers=dict(call.headers),
                timeout=limits.timeout,
                allow_redirects=False,
                stream=True,
            ) as answer:
                body = self._body(source, answer, limits)
                return Response(
                    answer.status_code,
                    {name.lower(): value for name, value in answer.headers.items()},
                    body,
                    answer.url,
                )
        except AddressNotAllowed as error:
            raise AddressRefused(
                f"{source}: {error}.",
                source=source,
                remedy="Check its address in the settings.",
            ) from error
        except (requests.RequestException, HTTPError, OSError) as error:
            raise SourceUnavailable(
                f"{source}: {_explain(error, call.url)}", source=source
            ) from error

    def _body(self, source: str, answer: requests.Response, limits: Limits) -> bytes:
        parts: list[bytes] = []
        size = 0
        started = time.monotonic()
        for chunk in answer.raw.stream(_CHUNK, decode_content=True):
            size += len(chunk)
            if size > limits.largest_body:
                raise BodyTooLarge(
                    f"{source}: the answer has more than {limits.largest_body:,} bytes.",
                    source=source,
                    remedy="Set a smaller page_size for the source.",
                )
            # Otherwise a source that sends a byte a minute would hold up the run for ever.
            if time.monotonic() - started > 10 * limits.timeout or self._stop.is_set():
                self._wait(source, 0)
                raise SourceUnavailable(f"{source}: the answer took too long", source=source)
            parts.append(chunk)
        return b"".join(parts)


def _refused_redirect(source: str, asked: str, target: str) -> AddressRefused:
    return AddressRefused(
        f"{source}: {urlsplit(asked).hostname} redirects to {masked(target)}, which Winnow does "
        "not follow: only public https addresses are allowed.",
        source=source,
        remedy="Check the source's base_url in the settings, and whether a proxy or a sign-in page "
        "of your network answers in its place.",
    )


def _without_secrets(body: bytes, request: Request) -> bytes:
    """A body without the keys of its request, which some sources repeat in their answers."""
    for secret in _secrets(request):
        if len(secret) >= _SHORTEST_SECRET:
            for text in {secret, quote(secret, safe="")}:
                body = body.replace(text.encode(), b"***")
    return body


def _secrets(request: Request) -> Iterator[str]:
    """The keys that a request sends along."""
    form = request.data if isinstance(request.data, Mapping) else {}
    for name, value in [*request.params.items(), *form.items(), *request.headers.items()]:
        if _SECRET_NAME.search(name):
            yield value.removeprefix("Bearer ").strip()
