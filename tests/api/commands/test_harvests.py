"""`winnow strategy`, `winnow harvest` and the search log on the command line."""

from __future__ import annotations

import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.api.harvests import STRATEGY, Terminal
from tests.loopback.server import Fault


def strategy(folder: Path, text: str = STRATEGY) -> str:
    path = folder / "strategy.txt"
    path.write_text(text)
    return str(path)


def test_a_search_runs_from_strategy_to_log_on_the_command_line(winnow: Terminal) -> None:
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
    # Records that the other two sources also found stay.
    assert 0 < gone["reports_withdrawn"] < ended[0]["unique"]


def test_missed_records_are_listed_and_become_development_records_only_with_consent(
    winnow: Terminal,
) -> None:
    winnow("strategy", "save", strategy(winnow.folder))
    winnow("harvest", "run", "--source", "pubmed")
    gold = winnow.folder / "gold.csv"
    gold.write_text("title,year,doi,pmid,label\nMissed,2012,10.5555/x,77,1\n")
    assert winnow("known", "add", str(gold))["added"] == 1
    assert winnow("known", "add", str(gold))["added"] == 0
    (listed,) = winnow("known", "list")["lists"]
    assert (listed["studies"], listed["from_own_searches"]) == (1, 0)
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
    assert "shaped the search" in refused["message"]
    assert "--yes" in refused["remedy"]
    assert winnow("strategy", "save", changed, "--yes")["development"] == 1
    (use,) = winnow("evaluate", "--search", "--no-lookup")["uses"]
    assert use["search_use"] == "development"
    assert "not an estimate" in use["note"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_is_resumed(winnow: Terminal, how: signal.Signals) -> None:
    winnow("strategy", "save", strategy(winnow.folder))
    pages = [winnow.server.world.hold("efetch.fcgi", at=at, times=1) for at in range(2, 9)]
    process = winnow.start("harvest", "run", "--source", "pubmed")
    pages[0].wait_for_request()
    process.send_signal(how)
    # An interrupted command first takes the answer that it has asked for. On a busy machine the
    # signal arrives late, so each later page waits as well.
    for page in pages:
        page.open()
        with suppress(subprocess.TimeoutExpired):
            process.wait(3)
    process.communicate(timeout=60)
    assert process.returncode != 0
    (run,) = winnow("harvest", "status")["runs"]
    assert run["state"] == ("stopped" if how == signal.SIGINT else "running")
    (ended,) = winnow("harvest", "resume")["runs"]
    assert (ended["run"], ended["state"]) == (run["run"], "complete")
    assert ended["unique"] == ended["received"] == ended["reported"]
    assert "No run can be resumed" in winnow("harvest", "resume", code=1)["error"]["message"]


def test_an_incomplete_run_exits_with_an_error(winnow: Terminal) -> None:
    winnow("strategy", "save", strategy(winnow.folder))
    winnow.server.world.faults["pubmed"] = [Fault("partial", service="efetch.fcgi")]
    (run,) = winnow("harvest", "run", "--source", "pubmed", code=1)["runs"]
    assert (run["state"], run["shortfall"], run["missing"]) == ("incomplete", 1, 1)


def test_a_spent_allowance_says_when_to_continue(winnow: Terminal) -> None:
    winnow("strategy", "save", strategy(winnow.folder, "#1 safeguarding[tiab]"))
    winnow.server.world.faults["openalex"] = [Fault("budget")]
    (run,) = winnow("harvest", "run", "--source", "openalex", code=1)["runs"]
    assert run["state"] == "failed"
    assert "allowance" in run["stop_reason"]
    assert "openalex.org/settings/api" in run["stop_reason"]


@pytest.mark.case("harvest", 6)
def test_a_spent_allowance_hides_no_other_counts_and_is_not_asked_for_again(
    winnow: Terminal,
) -> None:
    winnow("strategy", "save", strategy(winnow.folder))
    winnow.server.world.faults["openalex"] = [Fault("budget")]
    for asked in (1, 1):
        counted = winnow("strategy", "hits", code=1)
        assert [at["source"] for at in counted["sources"]] == ["pubmed", "europepmc"]
        assert all(at["whole"]["hits"] > 0 for at in counted["sources"])
        (problem,) = counted["problems"]
        assert problem["source"] == "openalex"
        assert "allowance" in problem["message"]
        assert "UTC" in problem["message"]
        assert len(winnow.server.world.asked["openalex"]) == asked
    # Its lines are not stored as lines that cannot be counted.
    assert "openalex" not in winnow("strategy", "show")["lines"][0]["hits"]
    # An API key has its own allowance.
    winnow.server.world.faults.clear()
    winnow.environment["WINNOW_SOURCES__OPENALEX__API_KEY"] = "sesame-open"
    assert len(winnow("strategy", "hits")["sources"]) == 3


@pytest.mark.case("harvest", 3)
def test_a_missing_key_is_said_before_a_search(winnow: Terminal) -> None:
    winnow("strategy", "save", strategy(winnow.folder, "#1 safeguarding[tiab]"))
    checks = {check["name"]: check["found"] for check in winnow("doctor")["checks"]}
    assert "the first 10,000 hits" in checks["OpenAlex key"]
    assert "https://openalex.org/settings/api" in checks["OpenAlex key"]
    winnow.environment["WINNOW_SOURCES__OPENALEX__LARGEST_WITHOUT_KEY"] = "10"
    (counted,) = winnow("strategy", "hits", "--source", "openalex")["sources"]
    assert "the first 10 hits" in counted["key_needed"]
    assert "WINNOW_SOURCES__OPENALEX__API_KEY" in counted["key_needed"]
    said = winnow.say("harvest", "run", "--source", "openalex", code=1)
    assert "OpenAlex: no API key is set." in said
    assert "when they were last counted, so a run needs a key" in said
    winnow.environment["WINNOW_SOURCES__OPENALEX__API_KEY"] = "sesame-open"
    checks = {check["name"]: check["found"] for check in winnow("doctor")["checks"]}
    assert checks["OpenAlex key"] == "set"
    assert winnow("harvest", "resume")["runs"][0]["state"] == "complete"


@pytest.mark.case("harvest", 1)
def test_a_place_that_expired_is_said_in_the_log(winnow: Terminal) -> None:
    winnow("strategy", "save", strategy(winnow.folder, "#1 safeguarding[tiab] OR child*[tiab]"))
    winnow.server.world.faults["europepmc"] = [Fault("expired", at=5)]
    said = winnow.say("harvest", "run", "--source", "europepmc")
    assert "the source no longer knew the place to continue from" in said
    (run,) = winnow("harvest", "status")["runs"]
    assert (run["state"], run["shortfall"]) == ("complete", 0)
    assert "Invalid cursorMark: it has expired" in run["log"][0]


def test_addresses_of_this_machine_are_refused_unless_allowed(winnow: Terminal) -> None:
    winnow("strategy", "save", strategy(winnow.folder))
    winnow.environment["WINNOW_HARVEST__ALLOW_LOOPBACK"] = "false"
    (run,) = winnow("harvest", "run", "--source", "pubmed", code=1)["runs"]
    assert run["state"] == "failed"
    assert "only https" in run["stop_reason"]
    assert "ALLOW_LOOPBACK" in run["stop_reason"]


def test_bad_arguments_are_refused_with_a_remedy(winnow: Terminal) -> None:
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


@pytest.mark.case("harvest", 8)
def test_a_missing_contact_address_is_said_at_init_by_doctor_and_before_a_run(
    winnow: Terminal,
) -> None:
    winnow("strategy", "save", strategy(winnow.folder))
    commands = (("init",), ("doctor",), ("harvest", "run", "--source", "pubmed"))
    winnow.environment["WINNOW_HARVEST__CONTACT"] = ""
    for each in commands:
        assert "none; sources ask for one" in winnow.say(*each)
    winnow.environment["WINNOW_HARVEST__CONTACT"] = "ada@example.org"
    for each in commands:
        assert "sources ask for one" not in winnow.say(*each)
