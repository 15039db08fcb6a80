"""Chromium once a session, a page a test, a screenshot when one fails."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from api.protocol import ProtocolBody, Question
from api.services.importing import ImportRequest, import_file
from api.services.ranking import Ranker
from api.services.setup import open_store
from api.settings import load
from store import reviews
from tests.e2e.browser import ARGUMENTS, CHROMIUM, Site, site

CORPUS = "title,abstract,year\n" + "".join(
    f"Record {n} on {'joint social work and health' if n % 3 == 0 else 'steel and corrosion'},"
    f"Abstract {n},{2011 + n % 10}\n"
    for n in range(1, 61)
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a ranked review of 60 records, for each test to copy."""
    folder = tmp_path_factory.mktemp("prepared") / "data"
    settings = load(data_dir=folder, pipeline="elas-u4")
    store = open_store(settings, create=True, first_person="ada").store
    body = ProtocolBody(questions=(Question(text="Joint social work?"),))
    with store.write() as session:
        review = reviews.create(
            session, slug="r", title="A review", protocol=body.stored(), person_id=1
        )
    import_file(
        store,
        review.id,
        io.BytesIO(CORPUS.encode()),
        "records.csv",
        ImportRequest(),
        person_id=1,
    )
    Ranker(store, settings).rank(review.id)
    store.close()
    return folder


@pytest.fixture
def served(prepared: Path, tmp_path: Path) -> Iterator[Site]:
    """A server with that review; words alone rank, which is quick to start."""
    data = tmp_path / "data"
    shutil.copytree(prepared, data)
    with site(data, WINNOW_PIPELINE="elas-u4") as made:
        yield made
        # Nobody looks at what it leaves; how a server ends well is tested with the command line.
        made.kill()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    made = chromium.new_context(viewport={"width": 1200, "height": 900})
    yield made
    made.close()


@pytest.fixture
def page(
    context: BrowserContext, served: Site, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Page]:
    """A page that is signed in; errors in its scripts fail the test."""
    made = context.new_page()
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.goto(served.link())
    made.click("button.primary")
    made.wait_for_url(f"{served.url}/")
    yield made
    made.screenshot(path=tmp_path / "last.png")
    assert errors == []
