"""`winnow night`, `winnow pool`, `winnow events` and versions by command line."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.api.harvests import STRATEGY, Terminal
from tests.loopback.corpus import corpus
from tests.loopback.server import Loopback, World


@pytest.fixture
def winnow(tmp_path: Path) -> Iterator[Terminal]:
    server = Loopback(World(corpus(300)))
    terminal = Terminal(tmp_path, server)
    terminal("init", "--name", "ada")
    terminal("review", "add", "r")
    yield terminal
    server.close()


def test_a_living_review_by_command_line(winnow: Terminal) -> None:
    text = winnow.folder / "strategy.txt"
    text.write_text(STRATEGY)
    winnow("strategy", "save", str(text))
    for source, kind in (("openalex", "thesaurus"), ("europepmc", "explosion")):
        winnow(*("strategy", "accept", "--source", source, "--kind", kind, "--reason", "words"))
    refused = winnow("night", "schedule", "--on", "--zone", "Mars", code=1)["error"]
    assert "no time zone 'Mars'" in refused["message"]
    assert "Europe/London" in refused["remedy"]
    kept = winnow("night", "schedule", "--on", "--zone", "Europe/London", "--source", "pubmed")
    assert kept["schedule"]["next"].endswith(("T02:00:00+00:00", "T02:00:00+01:00"))
    old = winnow.folder / "old.csv"
    old.write_text("title,abstract\nA first study of children,Once\n")
    winnow("import", str(old), "--source", "ASSIA", "--date", "2026-01-02")
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
    assert "nothing waits" in refused["message"]
