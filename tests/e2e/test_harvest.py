"""A search in the browser: paste, see what is lost, accept, run, stop, resume, read the log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from api.protocol import ProtocolBody
from api.services.reviews.opening import open_store
from api.settings import load
from store.reviews import reviews
from store.reviews.reviews import NewReview
from store.searching import gold
from tests.e2e.browser import Site, settle, site
from tests.loopback.corpus import corpus
from tests.loopback.server import Loopback, World

pytestmark = pytest.mark.browser

STRATEGY = """#1 child*[tiab] OR families[tiab] OR “Child”[mesh]
#2 "social work*"[tiab] OR safeguarding[tiab]
#3 #1 AND #2"""


@pytest.fixture
def sources() -> Iterator[Loopback]:
    server = Loopback(World(corpus(600)))
    yield server
    server.close()


@pytest.fixture
def searched(tmp_path: Path, sources: Loopback) -> Iterator[Site]:
    """A server with an empty review, one known study and simulated sources."""
    settings = load(data_dir=tmp_path / "data", pipeline="elas-u4")
    store = open_store(settings, create=True, first_person="ada").store
    with store.write() as session:
        review = reviews.create_review(
            session, NewReview("r", "A review", ProtocolBody().stored()), person_id=1
        )
        # It is in every source, but lacks the words that the strategy asks for.
        other = next(
            a
            for a in corpus(600)
            if a.abstract and not re.search("social|safeguarding", f"{a.title} {a.abstract}", re.I)
        )
        known = [gold.NewGold(title="Known and missed", year=other.year, pmid=other.pmid)]
        gold.add_gold(session, review.id, known, list_name="known", person_id=1)
    store.close()
    environment = {"WINNOW_PIPELINE": "elas-u4", **sources.environment()}
    for name in ("PUBMED", "EUROPEPMC", "OPENALEX"):
        environment[f"WINNOW_SOURCES__{name}__INTERVAL"] = "0"
        environment[f"WINNOW_SOURCES__{name}__PAGE_SIZE"] = "20"
    with site(settings.data_dir, **environment) as made:
        yield made


@pytest.fixture
def screen(context: BrowserContext, searched: Site, tmp_path: Path) -> Iterator[Page]:
    made = context.new_page()
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.goto(searched.link())
    made.click("button.primary")
    made.wait_for_url(f"{searched.url}/")
    yield made
    made.screenshot(path=tmp_path / "last.png")
    assert errors == []


def test_a_search_runs_from_strategy_to_log_in_the_browser(
    screen: Page, searched: Site, sources: Loopback
) -> None:
    base = f"{searched.url}/reviews/r"
    screen.goto(f"{base}/strategy")
    screen.fill("[name=text]", STRATEGY.replace("#1 AND #2", "#1 AND #9"))
    screen.click("text=Save as a new version")
    expect(screen.locator(".problem")).to_contain_text("refers to line #9, which does not exist")
    screen.fill("[name=text]", STRATEGY)
    screen.click("text=Save as a new version")
    expect(screen.locator("h1")).to_contain_text("version 1")
    expect(screen.locator("main")).to_contain_text("curly double quote(s) became straight")

    screen.click("text=Count hits at all sources")
    expect(screen.locator("table.lines tr.used td").nth(4)).not_to_have_text("–")
    settle(screen)
    expect(screen.locator("main")).to_contain_text("On its own this term finds")
    for _ in range(2):
        form = screen.locator("form:has(button:text('Accept the loss in writing'))").first
        form.locator("[name=reason]").fill("the words are in line 1")
        form.locator("button").click()
    expect(screen.locator("text=Needs you:")).to_have_count(0)

    # The third page waits until the run has been stopped.
    third_page = sources.world.hold("efetch.fcgi", at=3)
    screen.goto(f"{base}/harvest")
    screen.uncheck("[value=europepmc]")
    screen.uncheck("[value=openalex]")
    screen.click("text=Search with strategy version 1")
    run = screen.locator(".run").first
    expect(run.locator(".counts")).to_contain_text("received 40 on 3 pages")
    run.locator("text=Stop").click()
    expect(run.locator(".state")).to_contain_text("stopped by a person")
    third_page.open()
    run.locator("text=Resume").click()
    expect(run.locator(".word")).to_have_text("complete")
    settle(screen)
    expect(screen.locator(".sum")).to_contain_text("0 duplicates")

    screen.check("[value=europepmc]")
    screen.uncheck("[value=pubmed]")
    screen.uncheck("[value=openalex]")
    screen.click("text=Search with strategy version 1")
    expect(screen.locator(".run")).to_have_count(2)
    expect(run.locator(".word")).to_have_text("complete")
    settle(screen)

    screen.click("text=Search log (PRISMA-S)")
    main = screen.locator("main")
    expect(main).to_contain_text("PubMed, through NCBI E-utilities; Europe PMC")
    expect(main).to_contain_text("16. Deduplication")
    with screen.expect_download() as download:
        screen.click("text=Markdown")
    assert "# Search log: A review" in Path(download.value.path()).read_text()

    screen.goto(f"{base}/evaluation/search")
    expect(main).to_contain_text("1 was missed")
    screen.click("text=Show which were missed")
    screen.click("text=Look them up at the sources")
    expect(main).to_contain_text("pubmed: in it but missed")
    settle(screen)
    # Somebody saw the list, so a new version changes its use; the page says so first.
    screen.goto(f"{base}/strategy")
    screen.fill("[name=text]", STRATEGY.replace("families", "family"))
    screen.click("text=Save as a new version")
    expect(screen.locator("[role=alert]")).to_contain_text("shaped the search")
    screen.check("[name=confirm]")
    screen.click("text=Save as a new version")
    expect(screen.locator("h1")).to_contain_text("version 2")
    screen.goto(f"{base}/evaluation/search")
    expect(main).to_contain_text(
        "used to build the search: not an estimate of what the searches find"
    )
