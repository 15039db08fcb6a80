"""`winnow import`: what it reads and refuses, and what a kill leaves behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from api.commands import imports
from api.commands.output import Output
from api.services.searching.importing import ImportRequest
from benchmarks.children import Child, command
from tests.api.command_line import CSV, Run, result


def test_a_dry_run_needs_no_store_and_shows_what_would_be_read(here: Run, tmp_path: Path) -> None:
    file = tmp_path / "x.bin"
    file.write_text("TY  - JOUR\nTI  - One\nER  -\nTY  - GEN\nER  -\n")
    found = result(here("import", file, "--dry-run", "--json"))
    assert (found["format"], found["records"]) == ("ris", 1)
    (rejected,) = found["rejected"]
    assert rejected["position"] == 2
    assert rejected["reason"]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02\x03" * 500, "binary"),
        (b"kolumne,spalte\na,b\nc,d\n", "kolumne"),
        (b"<?xml version='1.0'?>\n<!DOCTYPE x [<!ENTITY a 'b'>]><xml/>", "entities"),
    ],
)
def test_a_refused_file_is_named_with_a_remedy_and_exit_1(
    here: Run, tmp_path: Path, content: bytes, words: str
) -> None:
    file = tmp_path / "bad.csv"
    file.write_bytes(content)
    here("init")
    here("review", "add", "r")
    for options in ((), ("--dry-run",)):
        error = result(here("import", file, "--json", *options), code=1)["error"]
        assert set(error) == {"message", "file", "line", "remedy"}
        assert words in error["message"]
        assert error["file"] == str(file)
        assert error["remedy"]
        assert ("--map title=" in error["remedy"]) == (words == "kolumne")
    assert result(here("review", "list", "--json"))["reviews"][0]["records"] == 0


def test_an_import_without_a_review_creates_one_and_shows_what_is_not_stated(
    here: Run, tmp_path: Path
) -> None:
    file = tmp_path / "My records.csv"
    file.write_text(CSV)
    here("init")
    done = here("import", file)
    assert done.returncode == 0
    assert "Not stated for this search: --source" in done.stdout
    assert "3 entries = 3 new + 0 changed + 0 known already + 0 unreadable" in done.stdout
    assert result(here("review", "list", "--json"))["reviews"][0]["slug"] == "my-records"


def test_a_file_whose_records_are_all_unreadable_is_stored(here: Run, tmp_path: Path) -> None:
    file = tmp_path / "r.ris"
    file.write_text("TY  - GEN\nER  -\n")
    here("init")
    done = result(here("import", file, "--json"))
    assert (done["entries"], done["records"], len(done["rejected"])) == (1, 0, 1)


@pytest.mark.parametrize("after", [0.05, pytest.param(0.3, marks=pytest.mark.soak), 0.8])
def test_an_import_killed_at_any_moment_is_all_or_nothing(
    here: Run, tmp_path: Path, after: float
) -> None:
    file = tmp_path / "many.csv"
    rows = "".join(f"Title {n},Abstract {n} of many words\n" for n in range(2000))
    file.write_text(f"title,abstract\n{rows}")
    here("init")
    here("review", "add", "r")
    environment = {**os.environ, "WINNOW_DATA_DIR": str(tmp_path / "data")}
    process = Child(command, "import", str(file), "--json", environment=environment)
    time.sleep(after)
    process.kill()
    before = result(here("review", "list", "--json"))["reviews"][0]["records"]
    assert before in {0, 2000}
    again = result(here("import", file, "--json"))
    # One that was killed after its records could be seen is gone on with, and is no repetition.
    assert before or not again["repeated"]
    assert result(here("review", "list", "--json"))["reviews"][0]["records"] == 2000


RAYYAN = """key,title,abstract,notes
rayyan-1,Boots,Boots.,"RAYYAN-INCLUSION: {""Ann""=>""Included"", ""Ben""=>""Included""}"
rayyan-2,Meals,Meals.,"RAYYAN-INCLUSION: {""Ann""=>""Included"", ""Ben""=>""Excluded""}"
rayyan-3,Gait,Gait.,"RAYYAN-INCLUSION: {""Ben""=>""Unsure""}"
"""


def test_decisions_of_another_tool_are_counted_and_what_is_not_understood_is_said(
    here: Run, tmp_path: Path
) -> None:
    file = tmp_path / "articles.csv"
    file.write_text(RAYYAN)
    found = result(here("import", file, "--dry-run", "--json"))["labels"]
    assert (found["tool"], found["conflicts"], found["people"]) == ("Rayyan", 1, ["Ann", "Ben"])
    assert found["title_abstract"] == {"include": 1, "exclude": 0, "maybe": 0}
    assert found["not_understood"] == {"Unsure": 1}
    here("init")
    done = here("import", file, "--labels", "decisions")
    assert done.returncode == 0
    said = " ".join(done.stdout.split())
    assert "(1 decision added)" in said
    assert "1 record on which people of the file disagree: no decision was taken over" in said
    assert "people named in the file, who cannot sign in: Ann, Ben" in said
    assert "not understood: 1 record: 'Unsure'" in said
    repeated = " ".join(here("import", file, "--labels", "decisions").stdout.split())
    # It was the same file that decided it, not the team.
    assert "decided already" not in repeated
    again = result(here("import", file, "--labels", "decisions", "--json"))
    assert (again["repeated"], again["decisions_added"]) == (True, 0)
    assert again["not_understood"] == {"Unsure": 1}
    assert again["taken_over"]["kept"] == 0


@pytest.mark.parametrize("after", [pytest.param(0.3, marks=pytest.mark.soak), 1.0])
def test_an_import_with_decisions_killed_at_any_moment_keeps_each_decision_once_or_none(
    here: Run, tmp_path: Path, after: float
) -> None:
    file = tmp_path / "articles.csv"
    note = '"RAYYAN-INCLUSION: {""Ann""=>""Included""}"'
    rows = "".join(f"rayyan-{n},Title {n},Abstract {n},{note}\n" for n in range(1000))
    file.write_text(f"key,title,abstract,notes\n{rows}")
    here("init")
    here("review", "add", "r")
    environment = {**os.environ, "WINNOW_DATA_DIR": str(tmp_path / "data")}
    process = Child(
        command, "import", str(file), "--labels", "decisions", "--json", environment=environment
    )
    time.sleep(after)
    process.kill()
    records = result(here("review", "list", "--json"))["reviews"][0]["records"]
    kept = sum(each["decisions"] for each in result(here("team", "imported", "--json"))["people"])
    # The decisions follow in pieces once the records are in.
    assert records in (0, 1000)
    assert kept <= records
    result(here("import", file, "--labels", "decisions", "--json"))
    (ann,) = result(here("team", "imported", "--json"))["people"]
    assert (ann["name"], ann["decisions"]) == ("Ann", 1000)


def test_an_imported_person_is_mapped_and_taken_back_on_the_command_line(
    here: Run, tmp_path: Path
) -> None:
    file = tmp_path / "articles.csv"
    file.write_text(RAYYAN)
    here("init")
    here("import", file, "--labels", "decisions")
    listed = result(here("team", "imported", "--json"))["people"]
    assert [(each["name"], each["decisions"], each["member"]) for each in listed] == [
        ("Ann", 2, None),
        ("Ben", 2, None),
    ]
    (owner,) = result(here("team", "list", "--json"))["people"]
    assert result(here("team", "map", "Ann", owner["name"], "--json"))["member"] == owner["name"]
    assert f"Ann (Rayyan): 2 decisions, is {owner['name']}" in here("team", "imported").stdout
    assert "Ann is not in the team." in here("team", "map", "Ann").stdout
    assert result(here("team", "map", "Ann", "--json"))["member"] is None
    refused = result(here("team", "map", "Nobody", "--json"), code=1)["error"]["message"]
    assert "the names are: Ann, Ben" in refused


def test_searches_and_files_have_the_numbers_within_their_review(here: Run, tmp_path: Path) -> None:
    here("init")
    names = ["a.csv", "b.csv", "c.csv"]
    for name in names:
        (tmp_path / name).write_text(CSV.replace("One", name))
    first, second, third = (tmp_path / name for name in names)
    for review in ("one", "two"):
        here("review", "add", review)
    result(here("import", first, "--review", "one", "--json"))
    shown = here("import", second, "--review", "two")
    assert "into search 1 of two" in shown.stdout
    added = result(here("import", third, "--review", "two", "--search", "1", "--json"))
    assert (added["search"], added["file"]) == (1, 2)
    assert (added["search_id"], added["file_id"]) == (2, 3)
    assert "(file 2)" in here("import", third, "--review", "two").stdout
    refused = here("import", first, "--review", "two", "--search", "2")
    assert refused.returncode == 1
    assert "Error: there is no search 2 in this review" in refused.stderr
    assert str(first) not in refused.stderr
    why = ("--review", "two", "--reason", "wrong", "--json")
    assert result(here("withdraw", "2", *why))["name"] == "c.csv"
    assert "no imported file 3" in result(here("withdraw", "3", *why), code=1)["error"]["message"]
    gone = result(here("withdraw", "--search", "1", *why))
    assert gone["name"] == "search 1"
    again = ("--reason", "wrong", "--to", "review", "--review", "two", "--json")
    assert "no search 2" in result(here("pool", "assign", "2", *again), code=1)["error"]["message"]
    assert result(here("pool", "assign", "1", *again))["search"] == 1


def test_labels_that_are_ignored_are_said_with_how_to_take_them_over(
    here: Run, tmp_path: Path
) -> None:
    file = tmp_path / "articles.csv"
    file.write_text(RAYYAN)
    here("init")
    words = "2 records have a decision or relevance label, which Winnow ignores."
    for options in (("--dry-run",), ()):
        said = " ".join(here("import", file, *options).stdout.split())
        assert f"{words} To take them over, import the file with --labels decisions" in said
    for options in (("--dry-run",), ()):
        assert "ignores" not in here("import", file, "--labels", "decisions", *options).stdout


def test_questions_about_a_search_are_announced_only_if_there_are_any(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    given = {"source": "PsycINFO", "platform": "Ovid", "run_on": "2026-03-01", "reported": 4}
    asked = imports._ask_for_fields(ImportRequest(search_fields=given), Output(as_json=False))
    assert asked.search_fields == given
    assert "About the search" not in capsys.readouterr().err
