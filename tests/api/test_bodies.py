"""Who may send a body, how large and how slowly; over real connections."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
import uvicorn

from api.app import create_app
from api.connections import make_protocol
from api.documents import exports
from api.settings import Settings
from store.core.session import ReadSession, Store
from store.reviews import reviews
from store.reviews.reviews import NewReview
from tests.conftest import token_of

pytestmark = pytest.mark.case("service", 17)
_LENGTH = "content-length: 90000000\r\n"


@pytest.fixture
def port(sqlite_settings: Settings, sqlite_store: Store) -> Iterator[int]:
    """A server that waits half a second for what a client owes it."""
    listening = socket.create_server(("127.0.0.1", 0))
    patient = sqlite_settings.model_copy(update={"stall_seconds": 0.5})
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(patient, sqlite_store), http=make_protocol(0.5, 0.5), log_level="critical"
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join()
    listening.close()


def _ask(port: int, text: str) -> str:
    """What the server sends until it closes the connection, to a client that sends no more."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as connection:
        connection.sendall(text.encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
        return b"".join(parts).decode()


def _post(path: str, *headers: str, body: str = "", length: str = _LENGTH) -> str:
    lines = "".join(f"{line}\r\n" for line in headers)
    return f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{lines}{length}\r\n{body}"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/reviews",
        "/api/v1/reviews/r/files",
        "/reviews/r/uploads",
        "/reviews/r/team/invitations",
        "/new",
        "/account/password",
        "/no/such/page",
    ],
)
@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("authorization: Bearer wnw_wrong",),
        ("cookie: winnow=wrong", "content-type: multipart/form-data; boundary=x"),
    ],
)
def test_nobody_s_body_is_not_read(port: int, path: str, headers: tuple[str, ...]) -> None:
    for length in (_LENGTH, "transfer-encoding: chunked\r\n"):
        answer = _ask(port, _post(path, *headers, length=length))
        assert answer.startswith("HTTP/1.1 401")
        assert "\r\nconnection: close\r\n" in answer
        assert "x-content-type-options: nosniff" in answer
        assert "Sign in" in answer


def test_another_site_s_body_and_one_over_the_limit_are_not_read(
    port: int, sqlite_store: Store
) -> None:
    answer = _ask(port, _post("/login", "origin: https://evil.example"))
    assert answer.startswith("HTTP/1.1 403")
    assert _ask(port, _post("/login")).startswith("HTTP/1.1 413")
    token = f"authorization: Bearer {token_of(sqlite_store, 1)}"
    assert _ask(port, _post("/api/v1/reviews", token)).startswith("HTTP/1.1 413")
    # A body that nothing reads: the answer does not wait for it.
    get = _post("/login", length="content-length: 50\r\n").replace("POST", "GET")
    answer = _ask(port, get)
    assert answer.startswith("HTTP/1.1 200")
    assert "\r\nconnection: close\r\n" in answer


@pytest.mark.parametrize("body", ["", "--x\r\nconten"])
def test_a_body_that_stops_in_the_middle_is_not_waited_for(
    port: int, sqlite_store: Store, body: str
) -> None:
    form = "content-type: application/x-www-form-urlencoded"
    length = "content-length: 50\r\n"
    for path in ("/login", "/login/link", "/invitation"):
        assert _ask(port, _post(path, form, body=body, length=length)).startswith("HTTP/1.1 408")
    token = f"authorization: Bearer {token_of(sqlite_store, 1)}"
    for path, kind in (
        ("/api/v1/reviews", "content-type: application/json"),
        ("/api/v1/reviews/r/files", "content-type: multipart/form-data; boundary=x"),
    ):
        answer = _ask(port, _post(path, token, kind, body=body, length=length))
        assert answer.startswith("HTTP/1.1 408")
        assert "BodyTooSlow" in answer


def test_many_half_sent_bodies_leave_the_server_free(port: int) -> None:
    form = "content-type: application/x-www-form-urlencoded"
    half = _post("/login", form, body="name=", length="content-length: 50\r\n").encode()
    opened = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(100)]
    for connection in opened:
        connection.sendall(half)
    assert _ask(port, "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
    for connection in opened:
        assert connection.recv(65536).startswith(b"HTTP/1.1 408")
        connection.close()


@pytest.mark.parametrize(
    "text", ["", "GET / HT", "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nx: "]
)
def test_headers_that_stop_in_the_middle_are_not_waited_for(port: int, text: str) -> None:
    assert _ask(port, text) == ""
    whole = "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    assert _ask(port, whole + text).count("HTTP/1.1 ") == 1


def test_a_download_ends_when_its_client_stops_reading(
    port: int, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite_store.write() as session:
        reviews.create_review(session, NewReview("r", "A review", {}), person_id=1)
    ended = threading.Event()

    def export(session: ReadSession, *_: object, **_options: object) -> Iterator[bytes]:
        try:
            while True:
                reviews.list_review_ids(session)
                yield bytes(65536)
        finally:
            ended.set()

    monkeypatch.setattr(exports, "export", export)
    token = f"authorization: Bearer {token_of(sqlite_store, 1)}"
    get = f"GET /api/v1/reviews/r/exports/csv HTTP/1.1\r\nhost: 127.0.0.1\r\n{token}\r\n\r\n"
    with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as connection:
        connection.sendall(get.encode())
        assert connection.recv(20).startswith(b"HTTP/1.1 200")
        assert ended.wait(30)
        # What was on its way still comes, and then the end.
        with suppress(ConnectionResetError):
            while connection.recv(1_000_000):
                pass
    assert "200" in _ask(port, "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
