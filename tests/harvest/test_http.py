"""The outbound client against a server on this machine that produces every kind of fault."""

from __future__ import annotations

import datetime as dt
import gzip
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from harvest.errors import (
    AddressRefused,
    AskedToWait,
    BodyTooLarge,
    Interrupted,
    QueryRefused,
    SourceUnavailable,
)
from harvest.http import Client, Limits, Request, Response, masked
from harvest.waits import Waits, retry_after

LIMITS = Limits(interval=0.0, timeout=2.0, attempts=3, backoff=0.01, longest_wait=0.2)
Answer = Callable[[BaseHTTPRequestHandler], None]


class Scripted:
    """A server that gives its answers in turn, and then repeats the last one."""

    def __init__(self, *answers: Answer) -> None:
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        script = list(answers)
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                size = int(self.headers.get("content-length", 0))
                body = self.rfile.read(size).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen.append((self.command, f"{self.path} {body}".strip(), headers))
                (script.pop(0) if len(script) > 1 else script[0])(self)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def answer(
    status: int, body: bytes = b"", headers: dict[str, str] | None = None, *, cut: int = 0
) -> Answer:
    """An answer; ``cut`` bytes of its announced body are never sent."""

    def give(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body) + cut))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return give


def judge(response: Response) -> None:
    """Check an answer as an adapter does: 5xx and 429 may be retried, 4xx may not."""
    if response.status == 429 or response.status >= 500:
        raise SourceUnavailable(
            f"status {response.status}", source="s", retry_after=retry_after(response.headers)
        )
    if response.status >= 400:
        raise QueryRefused(f"status {response.status}", source="s")


@pytest.fixture
def client() -> Iterator[Client]:
    """A client that may connect to this machine."""
    made = Client(agent="Winnow tests", allow_loopback=True)
    yield made
    made.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Scripted]]:
    """Starts scripted servers, and closes them after the test."""
    made: list[Scripted] = []

    def start(*answers: Answer) -> Scripted:
        made.append(Scripted(*answers))
        return made[-1]

    yield start
    for server in made:
        server.close()


def test_a_post_carries_its_form_and_our_name(
    client: Client, serve: Callable[..., Scripted]
) -> None:
    server = serve(answer(200, b"fine"))
    found = client.ask("s", Request(server.url, data={"term": "a b"}), LIMITS, judge)
    assert (found.status, found.body) == (200, b"fine")
    method, said, headers = server.seen[0]
    assert (method, said, headers["user-agent"]) == ("POST", "/ term=a+b", "Winnow tests")


@pytest.mark.parametrize(
    "fault",
    [
        answer(503),
        answer(429, headers={"Retry-After": "0"}),
        answer(200, b"half", cut=10),
        lambda handler: handler.wfile.close(),
    ],
    ids=["503", "429", "cut body", "no answer"],
)
def test_what_may_pass_is_tried_again(
    client: Client, serve: Callable[..., Scripted], fault: Answer
) -> None:
    server = serve(fault, answer(200, b"fine"))
    assert client.ask("s", Request(server.url), LIMITS, judge).body == b"fine"
    assert len(server.seen) == 2


def test_attempts_end_and_a_refusal_is_never_sent_again(
    client: Client, serve: Callable[..., Scripted]
) -> None:
    busy = serve(answer(503))
    with pytest.raises(SourceUnavailable):
        client.ask("s", Request(busy.url), LIMITS, judge)
    assert len(busy.seen) == 3
    wrong = serve(answer(400))
    with pytest.raises(QueryRefused):
        client.ask("s", Request(wrong.url), LIMITS, judge)
    assert len(wrong.seen) == 1


def test_a_wait_of_hours_is_kept_and_nothing_is_sent_meanwhile(
    serve: Callable[..., Scripted], tmp_path: Path
) -> None:
    # Fifteen hours, as a spent budget asks for.
    server = serve(answer(429, headers={"Retry-After": "54000"}), answer(200, b"fine"))

    def ask(url: str, **headers: str) -> Response:
        # Each process has its own client; they share the folder.
        client = Client(agent="Winnow tests", allow_loopback=True, waits=Waits(tmp_path))
        try:
            return client.ask("s", Request(url, headers=headers), LIMITS, judge)
        finally:
            client.close()

    with pytest.raises(SourceUnavailable):
        ask(server.url)
    for _ in range(2):
        with pytest.raises(AskedToWait, match=r"status 429\. Nothing more was sent") as caught:
            ask(server.url)
        hours = (caught.value.until - dt.datetime.now(dt.UTC)).total_seconds() / 3600
        assert 14.9 < hours < 15.1
        assert f"{caught.value.until:%Y-%m-%d %H:%M} UTC" in caught.value.remedy
    assert len(server.seen) == 1
    # Another key has its own allowance, and another host its own.
    assert ask(server.url, api_key="sesame-open").body == b"fine"
    assert ask(serve(answer(200, b"fine")).url).body == b"fine"
    assert "sesame" not in " ".join(path.name + path.read_text() for path in tmp_path.iterdir())


def test_a_short_wait_is_waited_for_also_by_the_next_request(
    client: Client, serve: Callable[..., Scripted]
) -> None:
    limits = Limits(interval=0.0, attempts=1, longest_wait=5.0)
    server = serve(answer(503, headers={"Retry-After": "1"}), answer(200, b"fine"))
    with pytest.raises(SourceUnavailable):
        client.ask("s", Request(server.url), limits, judge)
    assert client.ask("s", Request(server.url), limits, judge).body == b"fine"
    assert len(server.seen) == 2


@pytest.mark.parametrize("seconds", ["1e400", "99999999999", "inf"])
def test_no_source_can_keep_us_waiting_for_ever(seconds: str) -> None:
    asked = retry_after({"retry-after": seconds})
    assert asked is not None
    waits = Waits()
    until = waits.add("s", "host", asked, "busy").until
    assert (until - dt.datetime.now(dt.UTC)).total_seconds() < 48.1 * 3600


@pytest.mark.parametrize("shared", [True, False])
def test_a_shorter_wait_never_ends_a_longer_one(tmp_path: Path, shared: bool) -> None:
    waits = Waits(tmp_path) if shared else Waits()
    day = waits.add("s", "host", 86_400, "the day's allowance is used")
    assert waits.add("s", "host", 5, "busy") == day
    assert waits.find("s", "host") == day
    longer = waits.add("s", "host", 100_000, "closed")
    assert waits.find("s", "host") == longer
    assert waits.find("s", "another key") is None


def test_a_damaged_note_of_a_wait_is_no_wait(tmp_path: Path) -> None:
    waits = Waits(tmp_path)
    waits.add("s", "host", 3600, "busy")
    (path,) = tmp_path.glob("*.wait")
    path.write_text("{")
    assert waits.find("s", "host") is None


def test_a_silent_source_times_out(client: Client, serve: Callable[..., Scripted]) -> None:
    server = serve(lambda _: time.sleep(1.5))
    limits = Limits(interval=0.0, timeout=0.2, attempts=1)
    with pytest.raises(SourceUnavailable, match="Timeout"):
        client.ask("s", Request(server.url), limits, judge)


def test_what_is_not_reached_is_said_in_the_systems_words(client: Client) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        client.ask("pubmed", Request("http://127.0.0.1:9/x"), LIMITS, judge)
    assert "pubmed: no connection to 127.0.0.1: " in str(caught.value)
    assert "Pool" not in str(caught.value)


@pytest.mark.case("harvest", 5)
def test_bodies_over_the_limit_are_refused_packed_or_not(
    client: Client, serve: Callable[..., Scripted]
) -> None:
    limits = Limits(interval=0.0, largest_body=100_000)
    bomb = gzip.compress(b"0" * 50_000_000)
    assert len(bomb) < limits.largest_body
    for give in (
        answer(200, b"0" * 200_000),
        answer(200, bomb, {"Content-Encoding": "gzip"}),
    ):
        with pytest.raises(BodyTooLarge):
            client.ask("s", Request(serve(give).url), limits, judge)


def test_a_key_does_not_follow_to_another_host(
    client: Client, serve: Callable[..., Scripted]
) -> None:
    other = serve(answer(200, b"there"))
    first = serve(answer(302, headers={"Location": f"{other.url}/new"}))
    request = Request(first.url, params={"api_key": "k"}, headers={"x-api-key": "secret"})
    assert client.ask("s", request, LIMITS, judge).body == b"there"
    assert first.seen[0][2]["x-api-key"] == "secret"
    assert "x-api-key" not in other.seen[0][2]
    assert other.seen[0][1] == "/new"


@pytest.mark.parametrize(
    "sent",
    [
        {"params": {"api_key": "s3cr3t+key"}},
        {"data": {"api_key": "s3cr3t+key", "db": "pubmed"}},
        {"headers": {"Authorization": "Bearer s3cr3t+key"}},
    ],
)
@pytest.mark.case("harvest", 7)
def test_a_key_that_a_source_repeats_is_masked_in_the_body(
    client: Client, serve: Callable[..., Scripted], sent: dict[str, Any]
) -> None:
    server = serve(answer(200, b"you sent s3cr3t+key, that is s3cr3t%2Bkey, to pubmed"))
    body = client.ask("s", Request(server.url, **sent), LIMITS, judge).body
    assert body == b"you sent ***, that is ***, to pubmed"


@pytest.mark.case("harvest", 11)
def test_every_hop_is_checked(client: Client, serve: Callable[..., Scripted]) -> None:
    for target in ("http://example.org/", "file:///etc/passwd", "https://10.0.0.1/"):
        server = serve(answer(302, headers={"Location": target}))
        with pytest.raises(AddressRefused) as refused:
            client.ask("s", Request(server.url), LIMITS, judge)
        # It says to whom, and does not advise to allow addresses on this machine.
        assert f"redirects to {target}" in str(refused.value)
        assert "LOOPBACK" not in refused.value.remedy
    server = serve(answer(302, headers={"Location": "/again"}))
    with pytest.raises(SourceUnavailable, match="redirects"):
        client.ask("s", Request(server.url), Limits(interval=0.0, attempts=1), judge)


@pytest.mark.case("service", 17)
def test_only_the_allowed_ports_are_asked_by_a_redirect_too(
    serve: Callable[..., Scripted],
) -> None:
    elsewhere = serve(answer(302, headers={"Location": "https://93.184.216.34:22/"}))
    client = Client(agent="test", allow_loopback=True, ports={80, 443})
    with pytest.raises(AddressRefused, match=r"redirects to https://93\.184\.216\.34:22/"):
        client.ask("webhook", Request(elsewhere.url), LIMITS, judge)
    for url in ("https://93.184.216.34:22/", "https://93.184.216.34:0/", "https://x.org:99999/"):
        with pytest.raises(AddressRefused, match="port that is not allowed"):
            client.check_address("webhook", url)
    client.check_address("webhook", "https://93.184.216.34/")
    client.close()


def test_loopback_is_asked_only_where_it_is_allowed(serve: Callable[..., Scripted]) -> None:
    server = serve(answer(200))
    strict = Client(agent="x")
    for url in (server.url, server.url.replace("http:", "https:")):
        with pytest.raises(AddressRefused):
            strict.ask("s", Request(url), LIMITS, judge)
    strict.close()
    assert not server.seen


def test_stopping_ends_a_wait_at_once(serve: Callable[..., Scripted]) -> None:
    stop = threading.Event()
    client = Client(agent="x", allow_loopback=True, stop=stop)
    server = serve(answer(503))
    limits = Limits(interval=0.0, backoff=600.0, longest_wait=600.0)
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(Interrupted):
        client.ask("s", Request(server.url), limits, judge)
    client.close()
    assert len(server.seen) == 1


def test_secrets_are_masked() -> None:
    assert masked("https://x/?term=a&api_key=abc&email=me@x.org") == (
        "https://x/?term=a&api_key=…&email=…"
    )


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after({"retry-after": "7"}) == 7
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None
