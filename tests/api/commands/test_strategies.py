"""`winnow strategy`: what it prints, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.resources import SAMPLE, configs

STRATEGY = configs() / "reviews" / SAMPLE / "strategy.toml"


def run(*arguments: str, code: int = 0) -> dict[str, Any]:
    """The one JSON object that a command prints."""
    answer = CliRunner().invoke(app, ["strategy", *arguments, "--json"])
    assert answer.exit_code == code, answer.output
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def test_check_shows_how_a_strategy_is_read() -> None:
    found = run("check", str(STRATEGY))
    assert (found["use"], found["alternatives"]) == (8, [9])
    assert [line["number"] for line in found["lines"]] == list(range(1, 10))
    assert found["note"].startswith("Draft written by the developers")
    assert run("check", str(STRATEGY), "--line", "9")["use"] == 9


def test_render_gives_one_query_or_several_with_losses() -> None:
    found = run("render", str(STRATEGY), "--source", "openalex")
    assert found["blocked"] is True
    assert len(found["queries"]) > 1
    assert {"leaf", "kind", "direction", "places"} <= found["losses"][0].keys()
    assert "query" in run("render", str(STRATEGY), "--source", "pubmed")


def test_explain_gives_one_result_per_line_in_order(tmp_path: Path) -> None:
    strategy = tmp_path / "s.txt"
    strategy.write_text("#1 child*[tiab]\n#2 care[tiab]\n#3 #1 AND #2\n")
    records = tmp_path / "r.jsonl"
    lines = [
        {"id": 7, "title": "Child care"},
        {"id": "b", "title": "Child"},
        {"id": 7, "title": ""},
    ]
    records.write_text("\n".join(map(json.dumps, lines)))
    assert run("explain", str(strategy), "--records", str(records))["records"] == [
        {"id": 7, "matched": True, "text_matched": True, "rejected_by": []},
        {"id": "b", "matched": None, "text_matched": False, "rejected_by": [2]},
        {"id": 7, "matched": None, "text_matched": False, "rejected_by": [1, 2]},
    ]


@pytest.mark.parametrize(
    ("name", "text", "place", "words"),
    [
        ("s.txt", "#1 aa[tiab]\n#2 #1 AND (bb[tiab]", (2, 11), "not closed"),
        ("s.toml", "use = 1\nlines = [", (2, 10), "not TOML"),
        ("s.json", '{\n"lines": [}', (2, 11), "not JSON"),
        # In a document the place is described, because it is not a line of the file.
        ("s.toml", '[[lines]]\nnumber = 3\ntext = "aa[foo]"', (None, None), "#3, line 1, column 3"),
    ],
)
def test_a_malformed_strategy_is_refused_with_file_place_and_remedy(
    tmp_path: Path, name: str, text: str, place: tuple[int | None, int | None], words: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    error = run("check", str(path), code=1)["error"]
    assert (error["file"], error["line"], error["column"]) == (str(path), *place)
    assert words in error["message"]
    assert error["remedy"]


def test_other_bad_input_is_refused(tmp_path: Path) -> None:
    assert "no source" in run("render", str(STRATEGY), "--source", "x", code=1)["error"]["message"]
    assert "#10" in run("check", str(STRATEGY), "--line", "10", code=1)["error"]["message"]
    assert "no such file" in run("check", "absent.txt", code=1)["error"]["message"]
    records = tmp_path / "r.jsonl"
    records.write_text('{"id": 1}\n{')
    error = run("explain", str(STRATEGY), "--records", str(records), code=1)["error"]
    assert (error["file"], error["line"]) == (str(records), 2)
    records.write_bytes(b'{"title": "caf\xe9"}')
    error = run("explain", str(STRATEGY), "--records", str(records), code=1)["error"]
    assert (error["file"], "UTF-8" in error["message"]) == (str(records), True)
