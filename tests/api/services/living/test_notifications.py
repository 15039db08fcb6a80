"""The morning summary: by mail and by a signed webhook; a failure is reported."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from api.schemas.night_summary import dump_night_summary
from api.services.living import night_runs, notifications
from api.services.living.notifications import NotificationSettings, SendError
from api.services.searching import harvesting
from api.settings import Settings
from store.core.session import Store
from store.reviews import reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.searching.nights import NightInfo, get_night
from store.searching.runs import run_progress
from tests.api.harvests import Bench, bench


@dataclass
class Post:
    """A mail server that speaks just enough SMTP."""

    mails: list[str] = field(default_factory=list)
    port: int = 0
    _socket: Any = None

    def start(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                found, _ = self._socket.accept()
            except OSError:
                return
            self._talk(found)

    def _talk(self, found: socket.socket) -> None:
        with found, found.makefile("rw", newline="\r\n") as line:

            def say(words: str) -> None:
                line.write(f"{words}\n")
                line.flush()

            say("220 here")
            while asked := line.readline().strip():
                word = asked[:4].upper()
                if word == "DATA":
                    say("354 go on")
                    lines = iter(line.readline, ".\r\n")
                    self.mails.append("".join(each.replace("\r\n", "\n") for each in lines))
                say("221 bye" if word == "QUIT" else "250 well")
                if word == "QUIT":
                    return

    def close(self) -> None:
        self._socket.close()


class Hook:
    """A receiver of webhooks."""

    def __init__(self, status: int = 204) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        got = self.got

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["content-length"])
                headers = {name.lower(): value for name, value in self.headers.items()}
                got.append((headers, self.rfile.read(size)))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def post() -> Iterator[Post]:
    made = Post()
    made.start()
    yield made
    made.close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


@pytest.fixture
def at(store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo) -> Iterator[Bench]:
    with bench(store, settings, review, person, size=150) as made:
        made.save()
        yield made


def with_tell(at: Bench, **values: object) -> Settings:
    tell = at.settings.tell.model_copy(
        update={
            "smtp_host": "127.0.0.1",
            "smtp_security": "none",
            "mail_from": "winnow@example.org",
            "webhook_secret": "a secret",
            **values,
        }
    )
    return at.settings.model_copy(update={"tell": tell})


def set_telling(at: Bench, settings: Settings, **values: object) -> None:
    notifications.set_notification_settings(
        at.store, settings, at.review.id, values, person_id=at.person.id
    )


def night(at: Bench, settings: Settings) -> NightInfo:
    """Run a night and send its summary."""
    started = night_runs.start_night(at.store, settings, at.review.id)
    with at.store.read() as session:
        due = list(run_progress.get_due_sources(session))
    for run in due:
        harvesting.walk_run(at.store, settings, run)
    night_runs.end_finished_nights(at.store)
    notifications.send_summaries(at.store, settings, dump_night_summary)
    notifications.send_summaries(at.store, settings, dump_night_summary)
    with at.store.read() as session:
        return get_night(session, started.id)


def test_a_summary_goes_to_each_recipient_once(at: Bench, post: Post, hook: Hook) -> None:
    settings = with_tell(at, smtp_port=post.port)
    set_telling(
        at, settings, team=["team@example.org"], leads=["lead@example.org"], webhook=hook.address
    )
    found = night(at, settings)
    assert found.told_at is not None
    assert found.untold == ()
    assert [("To: team@example.org" in mail, "new" in mail) for mail in post.mails] == [
        (True, True),
        (False, True),
    ]
    assert f"/reviews/{at.review.slug}/nights/{found.id}" in post.mails[0].replace("=\n", "")
    ((headers, body),) = hook.got
    assert headers["x-winnow-signature"] == notifications.sign("a secret", body)
    told = json.loads(body)
    assert told["night"] == found.id
    assert told["new"] > 0
    assert all("score" not in report for report in told["reports"])


def test_a_mail_server_that_is_down_is_reported_and_stops_nothing(at: Bench, hook: Hook) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    settings = with_tell(at, smtp_port=port)
    set_telling(at, settings, team=["team@example.org"], webhook=hook.address)
    found = night(at, settings)
    (words,) = found.untold
    assert words.startswith("mail to team@example.org: ConnectionRefusedError")
    assert len(hook.got) == 1


def test_a_webhook_that_refuses_is_reported(at: Bench) -> None:
    refusing = Hook(410)
    settings = with_tell(at)
    set_telling(at, settings, webhook=refusing.address)
    found = night(at, settings)
    refusing.close()
    (words,) = found.untold
    assert "webhook: it answered 410" in words
    assert len(refusing.got) == 1


@pytest.mark.case("service", 17)
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://10.0.0.7/hook", "10.0.0.7, not a public address"),
        ("https://169.254.169.254/latest", "not a public address"),
        ("https://[64:ff9b::7f00:1]/hook", "not a public address"),
        ("https://[2002:a00:1::1]/hook", "not a public address"),
        ("https://[::127.0.0.1]/hook", "not a public address"),
        ("https://[fec0::1]/hook", "not a public address"),
        ("https://93.184.216.34:22/hook", "a port that is not allowed; allowed: 80 and 443"),
        ("https://93.184.216.34:99999/hook", "a port that is not allowed"),
        ("http://example.org/hook", "needs an https address"),
        ("hook", "needs an https address"),
    ],
)
def test_a_webhook_to_a_private_address_is_refused(at: Bench, address: str, words: str) -> None:
    with pytest.raises(SendError, match=words):
        set_telling(at, with_tell(at), webhook=address)
    with at.store.read() as session:
        assert (
            notifications.get_notification_settings(reviews.get_review(session, at.review.id))
            == NotificationSettings()
        )


def test_a_summary_that_the_installation_cannot_send_says_what_to_set(at: Bench) -> None:
    with pytest.raises(SendError, match="WINNOW_TELL__SMTP_HOST"):
        set_telling(at, at.settings, team=["team@example.org"])
    with pytest.raises(SendError, match="WINNOW_TELL__WEBHOOK_SECRET"):
        set_telling(at, at.settings, webhook="https://example.org/hook")


def test_a_change_keeps_the_recipients_that_it_does_not_name(at: Bench) -> None:
    settings = with_tell(at)
    set_telling(at, settings, team=["team@example.org"])
    set_telling(at, settings, leads=["lead@example.org"], quiet=False)
    with at.store.read() as session:
        kept = notifications.get_notification_settings(reviews.get_review(session, at.review.id))
    assert kept == NotificationSettings(
        team=("team@example.org",), leads=("lead@example.org",), quiet=False
    )


def test_a_night_without_news_is_reported_only_on_request(at: Bench, hook: Hook) -> None:
    settings = with_tell(at)
    set_telling(at, settings, webhook=hook.address, quiet=False)
    night(at, settings)
    night(at, settings)
    assert len(hook.got) == 1
