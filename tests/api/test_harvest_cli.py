"""`winnow strategy`, `winnow harvest` and the search log by command line, and over the API."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.services import strategies
from api.settings import Settings
from store import runs
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.api.harvests import STRATEGY, Bench, Terminal, bench
from tests.loopback.corpus import corpus
from tests.loopback.server import Fault, Loopback, World

ROOT = Path(__file__).parents[2]


@pytest.fixture
def winnow(tmp_path: Path) -> Iterator[Terminal]:
    server = Loopback(World(corpus(300)))
    terminal = Terminal(tmp_path, server)
    terminal("init", "--name", "ada")
    terminal("review", "add", "r")
    yield terminal
    server.close()


def strategy(folder: Path, text: str = STRATEGY) -> str:
    path = folder / "strategy.txt"
    path.write_text(text)
    return str(path)


def test_a_search_by_command_line(winnow: Terminal) -> None:
    listed = winnow("harvest", "sources")["sources"]
    assert [item["name"] for item in listed] == ["pubmed", "europepmc", "openalex"]
    assert all(item["searchable"] and item["terms"]["attribution"] for item in listed)
    assert listed[2]["needs"]["key_from"].startswith("https://openalex.org")

    assert "no strategy" in winnow("harvest", "run", code=1)["error"]["message"]
    saved = winnow("strategy", "save", strategy(winnow.folder))
    assert (saved["version"], saved["lines"]) == (1, 3)
    assert winnow("strategy", "save", strategy(winnow.folder))["version"] == 1

    counted = winnow("strategy", "hits")["sources"]
    assert [at["source"] for at in counted] == ["pubmed", "europepmc", "openalex"]
    for at in counted:
        assert [line["number"] for line in at["lines"]] == [1, 2, 3]
        assert at["whole"]["hits"] == at["lines"][2]["hits"] > 0
        assert at["whole"]["requests"] > 0
    lost = counted[2]["lost"][0]
    assert (lost["kind"], lost["leaves"], lost["counted_at"]) == ("thesaurus", 1, "pubmed")
    assert lost["hits"] > 0
    assert counted[2]["whole"]["cost_usd"] > 0

    blocked = winnow("harvest", "run", "--source", "openalex", code=1)["error"]
    assert "thesaurus" in blocked["message"]
    assert "winnow strategy accept --source openalex" in blocked["remedy"]
    accepted = winnow(
        *("strategy", "accept", "--source", "openalex", "--kind", "thesaurus", "--reason", "words")
    )
    assert (accepted["accepted"], accepted["blocked"]) == (1, False)
    mapped = winnow(
        *("strategy", "map", '"Child"[mesh]', "--with", "children[tiab]", "--source", "europepmc")
    )
    assert (mapped["version"], mapped["blocked"]) == (2, False)

    ended = winnow("harvest", "run")["runs"]
    assert [run["state"] for run in ended] == ["complete"] * 3
    assert all(run["strategy_version"] == 2 for run in ended)
    assert all(run["reported"] == run["unique"] > 0 for run in ended)
    status = winnow("harvest", "status")["runs"]
    assert status == ended
    assert winnow("harvest", "replay", "1")["mended"] == 0
    sample = winnow("harvest", "filtered", "--sample", "3", "--seed", "1")
    assert sample["filtered"] == sum(run["filtered"] for run in ended)
    assert len(sample["records"]) == min(3, sample["filtered"])
    assert winnow("harvest", "filtered", "--sample", "3", "--seed", "1") == sample

    shown = winnow("strategy", "show")
    assert shown["lines"][2]["hits"]["pubmed"] == ended[0]["reported"]
    path = winnow.folder / "log.md"
    assert winnow("export", "--what", "search-log", "--output", str(path))["format"] == "md"
    screened = path.with_name("screening.md")
    winnow("export", "--what", "screening-report", "--output", str(screened))
    assert "## Records" in screened.read_text()
    assert "PubMed" in path.read_text()
    gone = winnow("withdraw", "--search", "1", "--reason", "wrong")
    # What the other two sources brought as well stays.
    assert 0 < gone["reports_withdrawn"] < ended[0]["unique"]


def test_the_missed_are_told_and_turned_only_with_consent(winnow: Terminal) -> None:
    winnow("strategy", "save", strategy(winnow.folder))
    winnow("harvest", "run", "--source", "pubmed")
    gold = winnow.folder / "gold.csv"
    gold.write_text("title,year,doi,pmid,label\nMissed,2012,10.5555/x,77,1\n")
    winnow("import", str(gold), "--labels", "gold", "--source", "List")
    # A list that is imported as records is among them; take it back, so that it is missed.
    batch = winnow("withdraw", "--search", "2", "--reason", "it is a list")
    assert batch["reports_withdrawn"] == 1
    found = winnow("evaluate", "--search")
    (missed,) = found["missed"]
    assert {item["source"]: item["state"] for item in missed["sources"]} == {
        "pubmed": "not in the source",
        "europepmc": "not in the source",
        "openalex": "not in the source",
    }
    assert missed["text_rejected_by"] == [1, 2]
    changed = strategy(winnow.folder, STRATEGY.replace("families", "family"))
    refused = winnow("strategy", "save", changed, code=1)["error"]
    assert "development" in refused["message"]
    assert "--yes" in refused["remedy"]
    assert winnow("strategy", "save", changed, "--yes")["development"] == 1
    (use,) = winnow("evaluate", "--search", "--no-lookup")["uses"]
    assert use["search_use"] == "development"
    assert "not an estimate" in use["note"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_is_resumed(winnow: Terminal, how: signal.Signals) -> None:
    winnow("strategy", "save", strategy(winnow.folder))
    winnow.server.world.delay = 0.2
    process = winnow.start("harvest", "run", "--source", "pubmed")
    while (
        sum(service == "efetch.fcgi" for service, _ in winnow.server.world.asked.get("pubmed", []))
        < 2
    ):
        time.sleep(0.02)
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode != 0
    (run,) = winnow("harvest", "status")["runs"]
    assert run["state"] == ("stopped" if how == signal.SIGINT else "running")
    winnow.server.world.delay = 0
    (ended,) = winnow("harvest", "resume")["runs"]
    assert (ended["run"], ended["state"]) == (run["run"], "complete")
    assert ended["unique"] == ended["received"] == ended["reported"]
    assert "No run waits" in winnow("harvest", "resume", code=1)["error"]["message"]


def test_an_incomplete_run_is_no_success(winnow: Terminal) -> None:
    winnow("strategy", "save", strategy(winnow.folder))
    winnow.server.world.faults["pubmed"] = [Fault("partial", at=1, service="efetch.fcgi")]
    (run,) = winnow("harvest", "run", "--source", "pubmed", code=1)["runs"]
    assert (run["state"], run["shortfall"], run["missing"]) == ("incomplete", 1, 1)


def test_a_budget_that_is_spent_says_when_to_go_on(winnow: Terminal) -> None:
    winnow("strategy", "save", strategy(winnow.folder, "#1 safeguarding[tiab]"))
    winnow.server.world.faults["openalex"] = [Fault("budget")]
    (run,) = winnow("harvest", "run", "--source", "openalex", code=1)["runs"]
    assert run["state"] == "failed"
    assert "allowance" in run["stop_reason"]
    assert "openalex.org/settings/api" in run["stop_reason"]


def test_addresses_of_this_machine_are_refused_without_leave(winnow: Terminal) -> None:
    winnow("strategy", "save", strategy(winnow.folder))
    winnow.environment["WINNOW_HARVEST__ALLOW_LOOPBACK"] = "false"
    (run,) = winnow("harvest", "run", "--source", "pubmed", code=1)["runs"]
    assert run["state"] == "failed"
    assert "only https" in run["stop_reason"]
    assert "ALLOW_LOOPBACK" in run["stop_reason"]


def test_bad_words_are_refused_with_a_remedy(winnow: Terminal) -> None:
    winnow("strategy", "save", strategy(winnow.folder))
    error = winnow("harvest", "run", "--source", "scopus", code=1)["error"]
    assert "scopus" in error["message"]
    assert "pubmed" in error["remedy"]
    assert "no run 9" in winnow("harvest", "replay", "9", code=1)["error"]["message"]
    assert (
        "needs a reason"
        in winnow("harvest", "release", "1", "--reason", " ", code=1)["error"]["message"]
    )
    assert (
        "md or csv"
        in winnow("export", "--what", "search-log", "--format", "ris", code=1)["error"]["message"]
    )
    assert (
        "search-log or screening-report"
        in winnow("export", "--what", "x", code=1)["error"]["message"]
    )


@pytest.fixture
def at(store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo) -> Iterator[Bench]:
    with bench(store, settings, review, person) as made:
        yield made


def test_strategies_and_runs_over_the_api(client: TestClient, at: Bench) -> None:
    base = "/api/v1/reviews/review"
    assert client.get(f"{base}/strategy").status_code == 404
    saved = client.put(f"{base}/strategy", json={"text": STRATEGY, "reason": "first"})
    assert (saved.json()["version"], len(saved.json()["lines"])) == (1, 3)
    wrong = client.put(f"{base}/strategy", json={"text": "#1 (child*[tiab]"})
    assert wrong.status_code == 422
    assert wrong.json()["error"]["line"] == 1
    assert wrong.json()["error"]["column"]
    rendered = client.get(f"{base}/strategy/rendered/openalex").json()
    assert rendered["blocked"] is True
    assert client.post(f"{base}/runs", json={"source": "openalex"}).status_code == 409
    body = {"source": "openalex", "kind": "thesaurus", "reason": "words"}
    assert client.post(f"{base}/strategy/acceptances", json=body).json()["accepted"] == 1
    started = client.post(f"{base}/runs", json={"source": "openalex"})
    assert (started.status_code, started.json()["state"]) == (201, "waiting")
    run = started.json()["run"]
    assert client.post(f"{base}/runs", json={"source": "openalex"}).status_code == 409
    assert client.post(f"{base}/runs/{run}/stop").json()["state"] == "stopped"
    assert client.post(f"{base}/runs/{run}/resume").json()["state"] == "waiting"
    at.walk(run)
    (listed,) = client.get(f"{base}/runs").json()
    assert listed["state"] == "complete"
    counts = client.get(f"{base}/flow").json()
    assert counts["identified"] == listed["unique"]
    assert len(client.get("/api/v1/sources").json()) == 3
    release = client.post(f"{base}/runs/{run}/release", json={"reason": "x"})
    assert release.status_code == 409
    filtered = client.get(f"{base}/records", params={"standing": "filtered"}).json()
    assert filtered["total"] == listed["filtered"]


def test_the_pages_of_a_search(client: TestClient, at: Bench) -> None:
    base = "/reviews/review"
    assert "no strategy to search with" in client.get(f"{base}/harvest").text
    answer = client.post(f"{base}/strategy", data={"text": "#1 (child*[tiab]"})
    assert answer.status_code == 422
    assert "Line 1, column" in answer.text
    # What was typed stays in the form.
    assert "(child*[tiab]" in answer.text
    client.post(f"{base}/strategy", data={"text": STRATEGY, "peer_review": "PRESS, A. L."})
    page = client.get(f"{base}/strategy").text
    assert "version 1" in page
    assert "PRESS, A. L." in page
    blocked = client.post(f"{base}/harvest", data={"source": ["openalex", "pubmed"]})
    assert blocked.status_code == 409
    assert "would find less" in blocked.text
    mapped = client.post(
        f"{base}/strategy/map",
        data={"source": "openalex", "leaf": '"Child"[mesh]', "other": "child[tiab]"},
    )
    assert "version 2" in mapped.text
    assert (
        client.post(
            f"{base}/strategy/accept",
            data={"source": "europepmc", "kind": "nonsense", "reason": "x"},
        ).status_code
        == 422
    )
    # The text that is edited keeps what was mapped before.
    client.post(f"{base}/strategy", data={"text": STRATEGY + "\n#4 #3", "use": "#3"})
    with at.store.read() as session:
        current = strategies.current(session, at.review.id)
    assert current.info.version == 3
    assert len(current.strategy.replacements) == 1
    assert current.strategy.use == "3"
    with at.store.read() as session:
        (waiting,) = runs.everything(session, at.review.id)
    at.walk(waiting.id)
    text = client.get(f"{base}/harvest").text
    assert "complete" in text
    assert "identified =" in text
    assert client.get(f"{base}/search-log").status_code == 200
    assert client.get(f"{base}/searches/{waiting.search_id}").status_code == 200
    assert client.get(f"{base}/records?standing=filtered").status_code == 200
    assert client.get(f"{base}/evaluation/search").status_code == 200
    again = client.post(f"{base}/runs/{waiting.id}/resume")
    assert again.status_code == 409
    gone = client.post(f"{base}/searches/{waiting.search_id}/withdraw", data={"reason": "wrong"})
    assert "Withdrawn" in gone.text or gone.status_code == 200
