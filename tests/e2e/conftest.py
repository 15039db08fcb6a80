"""One Chromium and one server for all tests, a review for each, and a screenshot of failures."""

from __future__ import annotations

import datetime as dt
import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from api.protocol import ProtocolBody, Question
from api.security import cookie_name
from api.services.ranking.ranker import Ranker
from api.services.reviews.opening import open_store
from api.services.searching.importing import ImportRequest, import_file
from api.settings import load
from store.reviews import people, reviews
from store.reviews.reviews import NewReview
from tests.e2e.browser import ARGUMENTS, CHROMIUM, Site, Visit, site

CORPUS = "title,abstract,year\n" + "".join(
    f"Record {n} on {'joint social work and health' if n % 3 == 0 else 'steel and corrosion'},"
    f"Abstract {n},{2011 + n % 10}\n"
    for n in range(1, 61)
)
# Rank by words alone, because that starts quickly.
PIPELINE = "elas-u4"

# A busy machine may take much longer than playwright's five and thirty seconds.
_LONGEST_WAIT = 60_000
expect.set_options(timeout=_LONGEST_WAIT)

_numbers = itertools.count(1)
_failed = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run a browser test again if it fails, twice at most; the summary names each such test."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call":
        item.stash[_failed] = report.failed
    return report


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def _serve(data: Path) -> Iterator[Site]:
    settings = load(data_dir=data, pipeline=PIPELINE)
    open_store(settings, create=True, first_person="ada").store.close()
    with site(data, WINNOW_PIPELINE=PIPELINE) as running:
        yield running
        # Nothing it leaves matters here; a clean end is tested with the command line.
        running.kill()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that all tests share, with a review for each."""
    yield from _serve(tmp_path_factory.mktemp("server") / "data")


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Site]:
    """A server that a test may kill."""
    yield from _serve(tmp_path / "data")


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Visit:
    """A new ranked review of 60 records on the server, or on the one that the parameter names."""
    running: Site = request.getfixturevalue(getattr(request, "param", "server"))
    store = running.store()
    slug = f"r{next(_numbers)}"
    body = ProtocolBody(questions=(Question(text="Joint social work?"),))
    with store.write() as session:
        review = reviews.create_review(
            session, NewReview(slug, "A review", body.stored()), person_id=1
        )
    file = io.BytesIO(CORPUS.encode())
    import_file(store, review.id, file, "records.csv", ImportRequest(), person_id=1)
    Ranker(store, load(data_dir=running.data, pipeline=PIPELINE)).rank(review.id)
    store.close()
    return Visit(running, slug, review.id)


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    opened = chromium.new_context(viewport={"width": 1200, "height": 900})
    opened.set_default_timeout(_LONGEST_WAIT)
    yield opened
    opened.close()


@pytest.fixture
def page(
    context: BrowserContext, served: Visit, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Page]:
    """A page on which ada is signed in; errors in its scripts fail the test."""
    store = served.site.store()
    with store.write() as session:
        secret = people.create_web_session(session, 1, valid=dt.timedelta(hours=1))
    store.close()
    context.add_cookies([{"name": cookie_name(secure=False), "value": secret, "url": served.url}])
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    if request.node.stash.get(_failed, True):
        opened.screenshot(path=tmp_path / "last.png")
    assert errors == []
