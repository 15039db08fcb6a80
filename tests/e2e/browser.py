"""A real server in its own process, and headless Chromium."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect

from store.core.session import Store
from store.reviews import people
from tests.shared import ROOT

CHROMIUM = next(
    (
        found
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (found := shutil.which(name))
    ),
    None,
)
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


class Site:
    """A running `winnow serve`, and commands on its data folder."""

    def __init__(self, data: Path, *options: str, **environment: str) -> None:
        self.data = data
        self.environment = {**os.environ, "WINNOW_DATA_DIR": str(data), **environment}
        self.options = options
        self.port = "0"
        self.url = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        log = open(Path(self.environment["WINNOW_DATA_DIR"]).with_suffix(".log"), "a")  # noqa: SIM115, PTH123
        command = ["serve", "--port", self.port, "--json", *self.options]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", *command],
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        log.close()
        assert self.process.stdout is not None
        self.url = json.loads(self.process.stdout.readline())["url"]
        # After a restart it has the same address, as a real server would.
        self.port = self.url.rsplit(":", 1)[1]

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=60)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate(timeout=60)

    def store(self) -> Store:
        """The server's store, to prepare data and to look at it."""
        return Store(f"sqlite:///{self.data / 'winnow.db'}")

    def link(self) -> str:
        """A new login link, as `winnow user link` makes it."""
        store = self.store()
        with store.write() as session:
            person = people.get_person_by_name(session, "ada")
            secret = people.create_login_link(session, person.id, valid=dt.timedelta(minutes=15))
        store.close()
        return f"{self.url}/login?link={secret}"


@dataclass(frozen=True, slots=True)
class Visit:
    """A review on a running server."""

    site: Site
    slug: str
    review_id: int

    @property
    def url(self) -> str:
        """The server's front page, without a slash at the end."""
        return self.site.url

    @property
    def path(self) -> str:
        """The review's path."""
        return f"/reviews/{self.slug}"

    @property
    def address(self) -> str:
        return f"{self.url}{self.path}"


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that no page event signals."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


@contextmanager
def site(data: Path, *options: str, **environment: str) -> Iterator[Site]:
    """A server that runs while a block does."""
    made = Site(data, *options, **environment)
    made.start()
    try:
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.stop()


def settle(page: Page) -> None:
    """Wait until no operation goes on that loads the page again when it ends."""
    expect(page.locator("#jobs .job, #runs[data-live]")).to_have_count(0)


def press(page: Page, key: str) -> None:
    """Press a key once the page's script listens to keys."""
    page.locator("html[data-keys=ready]").wait_for(state="attached")
    page.keyboard.press(key)
