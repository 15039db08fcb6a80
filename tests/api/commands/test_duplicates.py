"""`winnow dedupe` as a person or a script uses it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app

_BARE = """record_id,title,cluster_id,source
7,Home visiting for families with young children in two cities,x,PubMed
a b,Home visiting for families with young children in two cities.,y,ERIC
9,Editorial,x,PubMed
10,,x,PubMed
"""


def _run(*arguments: str) -> tuple[int, dict[str, object]]:
    result = CliRunner().invoke(app, ["dedupe", *arguments, "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_a_bare_table_needs_no_store_and_every_record_is_in_the_clusters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINNOW_DATA_DIR", str(tmp_path / "none"))
    (tmp_path / "bare.csv").write_text(_BARE, encoding="utf-8")
    code, found = _run(str(tmp_path / "bare.csv"), "--clusters", str(tmp_path / "out.csv"))
    assert code == 0
    assert (found["records"], found["reports"], found["duplicates"]) == (4, 3, 1)
    assert found["groups"] == [["7", "a b"]]
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["record_id"] for row in rows] == ["7", "a b", "9", "10"]
    assert len({row["cluster_id"] for row in rows}) == 3
    assert not (tmp_path / "none").exists()


def test_pairs_say_their_rule_and_reason(tmp_path: Path) -> None:
    place = "AU  - Wu, L\nPY  - 2014\nJO  - BMJ\nVL  - 3\nSP  - 9\nER  - \n"
    titles = ("A study of schools", "Erratum: A study of schools")
    (tmp_path / "two.ris").write_text(
        "".join(f"TY  - JOUR\nTI  - {title}\n{place}" for title in titles), encoding="utf-8"
    )
    code, found = _run(str(tmp_path / "two.ris"))
    assert code == 0
    assert found["reports"] == 2
    (pair,) = found["pairs"]  # type: ignore[misc] # JSON
    assert (pair["a"], pair["b"], pair["label"], pair["rule"]) == (
        "1",
        "2",
        "related",
        "is-erratum",
    )
    assert pair["guard"] == "one is an article, the other an erratum"


def test_an_id_given_twice_is_refused_and_an_older_result_stays(tmp_path: Path) -> None:
    (tmp_path / "twice.csv").write_text("record_id,title\n1,One\n1,Two\n", encoding="utf-8")
    out = tmp_path / "out.csv"
    out.write_text("old", encoding="utf-8")
    code, found = _run(str(tmp_path / "twice.csv"), "--clusters", str(out))
    assert code == 1
    assert "given to records 1 and 2" in found["error"]["message"]  # type: ignore[index] # JSON
    assert out.read_text(encoding="utf-8") == "old"


def test_a_missing_folder_or_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("record_id,title\n1,One\n", encoding="utf-8")
    code, found = _run(str(tmp_path / "one.csv"), "--clusters", str(tmp_path / "no" / "out.csv"))
    assert code == 1
    assert "There is no folder" in found["error"]["message"]  # type: ignore[index] # JSON
    code, found = _run(str(tmp_path / "none.csv"))
    assert (code, found["error"]["message"]) == (1, "there is no such file")  # type: ignore[index] # JSON
