"""The command line as a person or a script calls it: its output and its exit code."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from api.cli import app
from harvest.files.columns import FIELDS
from tests.api.command_line import CSV, Run, result
from tests.shared import ROOT


def test_records_are_imported_ranked_screened_and_exported_on_the_command_line(
    here: Run, apart: Run, tmp_path: Path
) -> None:
    file = tmp_path / "records.csv"
    file.write_text(CSV)
    assert result(apart("init", "--name", "ada", "--json"))["created"] is True
    assert result(here("init", "--json"))["created"] is False
    assert result(here("review", "add", "r", "--question", "Joint working?", "--json"))
    imported = result(apart("import", file, "--source", "PsycINFO", "--reported", "4", "--json"))
    assert (imported["entries"], imported["new"], imported["rejected"]) == (3, 3, [])
    assert (imported["labels"], imported["labelled"]) == ("ignore", 3)
    assert "platform" in imported["not_stated"]
    assert result(here("import", file, "--json"))["repeated"] is True
    ranked = result(here("rank", "--json", WINNOW_PIPELINE="elas-u4"))
    assert (ranked["reports"], ranked["cold_start"]) == (3, True)
    cards = result(here("queue", "--n", "2", "--json"))["cards"]
    assert cards[0]["title"] == "One"
    report = str(cards[0]["report"])
    decided = result(here("decide", report, "include", "--token", "t1", "--json"))
    assert (decided["stored"], decided["active"]) == (True, True)
    again = result(here("decide", report, "include", "--token", "t1", "--json"))
    assert again["stored"] is False
    evaluated = result(here("evaluate", "--gold", file, "--plot", tmp_path / "p.svg", "--json"))
    assert evaluated["screening"]["relevant"] == 2
    assert evaluated["screening"]["found"] == 1
    assert "not an estimate" in evaluated["search"]["note"]
    assert (tmp_path / "p.svg").read_text().startswith("<svg")
    out = tmp_path / "out.csv"
    result(here("export", "--output", out, "--json"))
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8-sig"))))
    assert [row["decision"] for row in rows].count("include") == 1
    undone = result(here("decide", report, "undo", "--json"))
    assert undone["decision"] == "undo"
    withdrawn = result(here("withdraw", str(imported["file"]), "--reason", "wrong", "--json"))
    assert withdrawn["reports_withdrawn"] == 3
    late = result(here("decide", report, "include", "--json"))
    assert late["active"] is False, "it is kept and does not count"


def test_a_command_that_cannot_run_says_what_to_do(here: Run, apart: Run, tmp_path: Path) -> None:
    assert "winnow init" in result(here("rank", "--json"), code=1)["error"]["remedy"]
    here("init", "--name", "ada")
    no_review = result(here("rank", "--json"), code=1)["error"]
    assert "winnow review add" in no_review["remedy"]
    here("review", "add", "one")
    here("review", "add", "two")
    assert "--review" in result(here("rank", "--json"), code=1)["error"]["remedy"]
    unknown = result(here("rank", "--review", "three", "--json"), code=1)["error"]
    assert "one, two" in unknown["message"]
    here("user", "add", "bo")
    missing = result(here("queue", "--review", "one", "--json"), code=1)["error"]
    assert "--as" in missing["remedy"]
    stranger = result(here("queue", "--review", "one", "--as", "bo", "--json"), code=1)["error"]
    assert "not, or are no longer, in this review" in stranger["message"]
    here("team", "set", "bo", "--review", "one")
    assert result(here("queue", "--review", "one", "--as", "bo", "--json"))["cards"] == []
    absent = result(here("import", tmp_path / "no.csv", "--review", "one", "--json"), code=1)
    assert absent["error"]["file"].endswith("no.csv")
    setting = result(here("rank", "--json", WINNOW_PROT="1"), code=1)["error"]
    assert "WINNOW_PROT" in setting["message"]
    assert apart("rank", "--nonsense").returncode == 2
    assert here("decide", "x", "include").returncode == 2


def test_every_command_is_documented() -> None:
    documented = (ROOT / "docs" / "commands.md").read_text()
    group: Any = get_command(app)
    context = typer.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command.help, f"winnow {name} has no help"
        assert f"winnow {name}" in documented, f"winnow {name} is not in docs/commands.md"
        for inner in getattr(command, "commands", {}):
            assert f"winnow {name} {inner}" in documented
    assert all(f"`{field}`" in documented for field in FIELDS)
