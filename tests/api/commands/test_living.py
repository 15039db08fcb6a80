"""`winnow night`, `winnow pool`, `winnow events` and versions by command line."""

from __future__ import annotations

import datetime as dt
import signal
import sqlite3
from zoneinfo import ZoneInfo

import pytest

from tests.api.harvests import STRATEGY, Terminal


def test_a_living_review_can_be_run_on_the_command_line(winnow: Terminal) -> None:
    text = winnow.folder / "strategy.txt"
    text.write_text(STRATEGY)
    winnow("strategy", "save", str(text))
    refused = winnow("harvest", "run", "--source", "openalex", code=1)["error"]
    assert "`winnow strategy accept --source openalex " in refused["remedy"]
    for source, kind in (("openalex", "thesaurus"), ("europepmc", "explosion")):
        winnow(*("strategy", "accept", "--source", source, "--kind", kind, "--reason", "words"))
    refused = winnow("night", "schedule", "--on", "--zone", "Mars", code=1)["error"]
    assert "no time zone 'Mars'" in refused["message"]
    assert "Europe/London" in refused["remedy"]
    refused = winnow("night", "schedule", "--whole-days", "400", code=1)["error"]
    assert refused["message"].startswith("whole_days: ")
    assert "pydantic" not in refused["message"]
    kept = winnow("night", "schedule", "--on", "--zone", "Europe/London", "--source", "pubmed")
    assert kept["schedule"]["next"].endswith(("T02:00:00+00:00", "T02:00:00+01:00"))
    old = winnow.folder / "old.csv"
    old.write_text("title,abstract\nA first study of children,Once\n")
    winnow("import", str(old), "--source", "ASSIA", "--date", "2026-01-02")
    refused = winnow("pool", "rule", "each Monday", code=1)["error"]
    assert "There is no search freeze date" in refused["message"]
    assert "`winnow pool freeze YYYY-MM-DD`" in refused["remedy"]
    winnow("pool", "freeze", "2026-01-05")
    morning = winnow("night", "run")
    assert [run["source"] for run in morning["runs"]] == ["pubmed"]
    assert morning["pooled"]
    assert morning["new"] == morning["waiting_in_pool"] > 0
    listed = winnow("night", "list")
    assert listed["checked"][0]["failing_nights"] == 0
    waiting = winnow("pool", "show")
    assert [each["entries"] for each in waiting["waiting"]] == [morning["new"]]
    made = winnow("pool", "admit")
    today = dt.datetime.now(ZoneInfo("Europe/London")).date()
    assert (made["name"], made["up_to"]) == ("top-up 1", today.isoformat())
    parts = winnow("review", "versions")["parts"]
    assert [part["identified"] for part in parts] == [1, morning["new"]]
    done = winnow("review", "complete", "--unread-reason", "a trial")
    assert done["version"] == 1
    assert winnow("events", "list")["events"] == []
    assert winnow("night", "show")["night"] == morning["night"]
    refused = winnow("events", "act", "1", "kept", "--note", "x", code=1)["error"]
    assert "no event 1" in refused["message"]
    refused = winnow("pool", "admit", "--up-to", "2026-01-31", code=1)["error"]
    assert "no incoming records are waiting" in refused["message"]


@pytest.mark.case("harvest", 4)
def test_a_scheduled_search_whose_process_was_killed_is_gone_on_with(winnow: Terminal) -> None:
    text = winnow.folder / "strategy.txt"
    text.write_text(STRATEGY)
    winnow("strategy", "save", str(text))
    winnow("night", "schedule", "--source", "pubmed")
    second_page = winnow.server.world.hold("efetch.fcgi", at=2)
    process = winnow.start("night", "run")
    second_page.wait_for_request()
    # While it is alive, nobody else begins.
    refused = winnow("night", "run", code=1)["error"]["message"]
    assert "another process searches pubmed for it (run 1)" in refused
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    second_page.open()
    fetched = _count_fetched(winnow)
    said = winnow.say("night", "run")
    assert "Scheduled search 1 of" in said
    assert "was interrupted; going on with it." in said
    (night,) = winnow("night", "list")["nights"]
    assert night["ended_at"] is not None
    (run,) = winnow("harvest", "status")["runs"]
    assert (run["state"], run["received"]) == ("complete", run["reported"])
    # What had come was not asked for again.
    assert _count_fetched(winnow) - fetched <= run["pages"] - fetched + 1
    # The next one is a search of its own.
    assert winnow("night", "run")["night"] == 2


@pytest.mark.case("harvest", 4)
def test_a_scheduled_search_that_only_had_to_be_ended_is_ended(winnow: Terminal) -> None:
    text = winnow.folder / "strategy.txt"
    text.write_text(STRATEGY)
    winnow("strategy", "save", str(text))
    winnow("night", "schedule", "--source", "pubmed")
    winnow("night", "run")
    with sqlite3.connect(winnow.folder / "data" / "winnow.db") as database:
        # As a kill leaves it between the last run's end and its own.
        database.execute("UPDATE night SET ended_at = NULL")
    database.close()
    winnow("night", "run")
    nights = winnow("night", "list")["nights"]
    assert [night["ended_at"] is not None for night in nights] == [True, True]


def _count_fetched(winnow: Terminal) -> int:
    asked = winnow.server.world.asked.get("pubmed", [])
    return sum(service == "efetch.fcgi" for service, _ in asked)
