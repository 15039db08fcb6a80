"""The one way out: every request of the product goes through here.

Time-outs, a pace for each source that holds across processes, retries by class of error, limits on
size, redirects followed by hand, and a socket that connects to the very address that was checked.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import ipaddress
import logging
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from filelock import FileLock
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from harvest.errors import (
    AddressRefused,
    BodyTooLarge,
    Interrupted,
    MalformedPage,
    SourceUnavailable,
)

logger = logging.getLogger(__name__)

_HOPS = 5
_CHUNK = 64 * 1024
_REDIRECTS = {301, 302, 303, 307, 308}
# Parameters whose values never stand in a log or a message.
_SECRET = re.compile(r"(?i)\b(api[_-]?key|token|email|mailto|password)=([^&\s\"']+)")


@dataclass(frozen=True, slots=True)
class Limits:
    """How patiently and how much a source is asked.

    Attributes:
        interval: seconds between two requests to the source, over all processes.
        timeout: seconds to connect, and seconds without a byte.
        attempts: how often a request is tried in all.
        backoff: seconds before the second try; doubled each time.
        longest_wait: the most seconds that are waited for, whatever the source asks.
        largest_body: bytes of an answer, unpacked.
    """

    interval: float
    timeout: float = 60.0
    attempts: int = 5
    backoff: float = 2.0
    longest_wait: float = 120.0
    largest_body: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a source. ``headers`` is the place for secrets; ``data`` makes it a POST.

    ``data`` is a form, or the bytes of a body whose type the headers name.
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


# Looks at an answer before it is used: raises what kind of failure it is, if it is one.
Judge = Callable[[Response], None]


def masked(text: str) -> str:
    """A text without the values of keys, tokens and addresses."""
    return _SECRET.sub(r"\1=…", text)


class Pace:
    """Spaces requests to a source, also between processes that share a folder.

    Args:
        folder: where the time of the next free slot is kept; None keeps it in this process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._own: dict[str, float] = {}
        self._lock = threading.Lock()

    def slot(self, source: str, interval: float) -> float:
        """Take the next free slot; gives the seconds until it comes."""
        if self._folder is None:
            with self._lock:
                return self._take(source, interval, self._own.get(source, 0.0))
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{source}.next"
        with FileLock(f"{path}.lock"):
            try:
                known = float(path.read_text())
            except (OSError, ValueError):
                known = 0.0
            wait = self._take(source, interval, known)
            path.write_text(repr(self._own[source]))
            return wait

    def _take(self, source: str, interval: float, known: float) -> float:
        now = time.time()
        # A clock that was set back must not stop the source for hours.
        at = max(now, known) if known - now < 100 * max(interval, 1.0) else now
        self._own[source] = at + interval
        return at - now


def allowed(address: str, *, loopback: bool) -> bool:
    """Whether an address may be connected to: public ones, and loopback where it is allowed."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    if found.is_loopback:
        return loopback
    return found.is_global and not found.is_multicast


class _Refused(Exception):
    """Raised within urllib3, which passes it on: the host's address may not be connected to."""


def _connected(host: str, port: int, timeout: Any, *, loopback: bool) -> socket.socket:
    """Look a host up once, check what came back, and connect to that and to nothing else."""
    failure: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        if not allowed(str(address[0]), loopback=loopback):
            raise _Refused(f"{host} is at {address[0]}, which is not a public address")
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(timeout if isinstance(timeout, int | float) else None)
            made.connect(address)
        except OSError as error:
            made.close()
            failure = error
        else:
            return made
    raise failure or OSError(f"{host} has no address")


def _adapter(*, loopback: bool) -> HTTPAdapter:
    def connect(connection: HTTPConnection) -> socket.socket:
        try:
            return _connected(
                connection.host, connection.port or 0, connection.timeout, loopback=loopback
            )
        except TimeoutError as error:
            raise urllib3.exceptions.ConnectTimeoutError(str(error)) from error
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(connection, str(error)) from error

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    class Checked(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **options: Any) -> None:
            super().init_poolmanager(*args, **options)
            self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    return Checked(max_retries=0)


def _in_words(error: BaseException, address: str) -> str:
    """Why there was no answer: what the system said, where it said something."""
    chain: list[BaseException] = [error]
    while (inner := _inner(chain[-1])) is not None and inner not in chain:
        chain.append(inner)
    said = [each.strerror for each in chain if isinstance(each, OSError) and each.strerror]
    if said:
        return f"no connection to {urlsplit(address).hostname}: {said[-1]}"
    return f"{type(error).__name__}: {masked(str(error))[:300]}"


def _inner(error: BaseException) -> BaseException | None:
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__


class Client:
    """Asks sources, patiently and within limits; keep one for a process's life.

    Args:
        agent: User-Agent with a contact, as sources ask for.
        pace: spacing of requests.
        allow_loopback: whether this machine's own addresses may be asked, and by plain http.
        stop: set by whoever wants the harvest to end; waiting ends at once.
    """

    def __init__(
        self,
        *,
        agent: str,
        pace: Pace | None = None,
        allow_loopback: bool = False,
        stop: threading.Event | None = None,
    ) -> None:
        self._pace = pace or Pace()
        self._loopback = allow_loopback
        self._stop = stop or threading.Event()
        self._session = requests.Session()  # noqa: TID251 - this is the one place
        # A proxy would look hosts up by itself, out of our sight.
        self._session.trust_env = False
        self._session.headers.update({"User-Agent": agent, "Accept-Encoding": "gzip"})
        self._session.mount("https://", _adapter(loopback=allow_loopback))
        self._session.mount("http://", _adapter(loopback=allow_loopback))

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def ask(self, source: str, request: Request, limits: Limits, judge: Judge) -> Response:
        """Send a request until it is answered well, or until trying again makes no sense.

        Args:
            source: short name, for the pace and for messages.
            request: what is asked.
            limits: pace, patience and size.
            judge: raises the class of failure that an answer is; ``SourceUnavailable`` and
                ``MalformedPage`` are tried again, all others are not.

        Raises:
            SourceUnavailable: it was not answered well in all attempts.
            SourceRefused: asking again would not help.
            MalformedPage: the judge could not read any of the answers.
            Interrupted: ``stop`` was set.
        """
        wait = limits.backoff
        for attempt in range(1, limits.attempts + 1):
            try:
                response = self._once(source, request, limits)
                judge(response)
            except (SourceUnavailable, MalformedPage) as error:
                if attempt == limits.attempts:
                    raise
                asked = error.retry_after if isinstance(error, SourceUnavailable) else None
                pause = min(wait if asked is None else asked, limits.longest_wait)
                logger.info(
                    "%s: %s; try %s of %s in %.1f s",
                    source,
                    masked(error.message),
                    attempt + 1,
                    limits.attempts,
                    pause,
                )
                # A little more than asked, so that several clients do not come back as one.
                self._wait(source, pause * (1 + 0.1 * random.random()))  # noqa: S311 - no secret
                wait *= 2
            else:
                return response
        raise AssertionError("the last attempt returns or raises")

    def check_address(self, source: str, url: str) -> None:
        """Refuse an address that may not be asked, before anybody relies on it.

        A host that cannot be looked up now is not refused: it is checked again at each request.

        Raises:
            AddressRefused: its scheme, or where its host is, is not allowed.
        """
        self._check(source, url)
        parts = urlsplit(url)
        try:
            found = socket.getaddrinfo(parts.hostname, parts.port or 443, 0, socket.SOCK_STREAM)
        except OSError:
            return
        for _, _, _, _, address in found:
            if not allowed(str(address[0]), loopback=self._loopback):
                raise AddressRefused(
                    f"{source}: {parts.hostname} is at {address[0]}, no public address.",
                    source=source,
                    remedy="Name an address that can be reached from outside.",
                )

    def _wait(self, source: str, seconds: float) -> None:
        if self._stop.wait(max(0.0, seconds)):
            raise Interrupted(f"{source}: the harvest was stopped", source=source)

    def _once(self, source: str, request: Request, limits: Limits) -> Response:
        url, method = request.url, "GET" if request.data is None else "POST"
        data: Mapping[str, str] | bytes | None = request.data
        params: Mapping[str, str] | None = request.params
        headers = dict(request.headers)
        for _ in range(_HOPS):
            self._check(source, url)
            self._wait(source, self._pace.slot(source, limits.interval))
            response = self._send(source, method, url, params, data, headers, limits)
            if response.status not in _REDIRECTS or "location" not in response.headers:
                return response
            target = urljoin(response.url, response.headers["location"])
            if urlsplit(target).netloc != urlsplit(url).netloc:
                # A key is for the host it was given for.
                headers, params, data = {}, None, None
            elif response.status in (301, 302, 303):
                # The address that is sent on carries its own parameters, and no body.
                params, data = None, None
            if response.status in (301, 302, 303):
                method = "GET"
            url = target
        raise SourceUnavailable(f"{source}: more than {_HOPS} redirects", source=source)

    def _check(self, source: str, url: str) -> None:
        """Refuse schemes but https; plain http reaches this machine only, where that is allowed."""
        parts = urlsplit(url)
        if parts.scheme == "https" and parts.hostname:
            return
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme == "http" and self._loopback and local:
            return
        raise AddressRefused(
            f"{source}: {masked(url)} may not be asked: only https is.",
            source=source,
            remedy="Set the source's base_url to an https address; for a server on this machine "
            "set WINNOW_HARVEST__ALLOW_LOOPBACK=true.",
        )

    def _send(
        self,
        source: str,
        method: str,
        url: str,
        params: Mapping[str, str] | None,
        data: Mapping[str, str] | bytes | None,
        headers: Mapping[str, str],
        limits: Limits,
    ) -> Response:
        try:
            with self._session.request(
                method,
                url,
                params=params,
                data=data,
                headers=dict(headers),
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
        except _Refused as error:
            raise AddressRefused(
                f"{source}: {error}.",
                source=source,
                remedy="Check its address in the settings.",
            ) from error
        except (requests.RequestException, HTTPError, OSError) as error:
            raise SourceUnavailable(f"{source}: {_in_words(error, url)}", source=source) from error

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
                    remedy="Ask for smaller pages (page_size of the source).",
                )
            # A source that sends a byte a minute would else hold the harvest for ever.
            if time.monotonic() - started > 10 * limits.timeout or self._stop.is_set():
                self._wait(source, 0)
                raise SourceUnavailable(f"{source}: the answer did not end", source=source)
            parts.append(chunk)
        return b"".join(parts)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a source asks to wait, from a number or a date; None where it does not."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds())
