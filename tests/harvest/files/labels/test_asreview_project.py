"""ASReview's project files: labels of every version, and nothing of a hostile file is run."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.errors import FileTooLarge, UnreadableFile
from harvest.file_content import FileContent
from harvest.files.labels.file_labels import FileLabels, read_labels
from harvest.files.labels.judgement import Judgement
from harvest.record import Record
from tests.harvest.files.labels import asreview_projects as made
from tests.harvest.reading import read
from tests.shared import ROOT

PEERS = ROOT / ".venv-peers" / "bin" / "python"


def labels_of(content: FileContent) -> FileLabels:
    return read_labels(content.records, "p.asreview", content.columns)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_labels_times_and_notes_of_every_version_are_read(version: int) -> None:
    content = read(made.project(version))
    assert content.format == "asreview"
    assert [record.title for record in content.records] == list(made.TITLES)
    # Fields that only the data set has; its own column of labels is no decision.
    assert content.records[0].venue == "Invented Health"
    assert [record.label for record in content.records] == ["include", "exclude", None]
    labels = labels_of(content)
    assert labels.tool == "ASReview"
    assert labels.unread == {}
    first, second = labels.by_position[1], labels.by_position[2]
    assert [(one.decision, one.note) for one in (*first, *second)] == [
        ("include", "key paper"),
        ("exclude", None),
    ]
    assert first[0].decided_at == dt.datetime(2025, 3, 1, 10, tzinfo=dt.UTC)
    if version > 1:
        assert (first[0].person, first[0].labels) == ("ASReview user 7", ("RCT",))
    assert 3 not in labels.by_position


def test_copies_have_the_label_of_the_record_that_they_are_copies_of() -> None:
    parts = made.members(3)
    parts["results.db"] = made.database(
        made.RESULTS,
        made.RECORDS,
        rows=[
            (made.insert("results", 11), made.LABELS),
            made.record_rows(),
            ("UPDATE record SET duplicate_of = ? WHERE record_id = ?", [(0, 2)]),
        ],
    )
    labels = labels_of(read(made.packed(parts)))
    assert labels.by_position[3][0].decision == "include"


def test_without_its_data_set_a_project_has_the_fields_of_its_database() -> None:
    parts = made.members(3)
    del parts["data/boots.csv"]
    content = read(made.packed(parts))
    record = content.records[0]
    assert (record.title, record.year, record.keywords) == (made.TITLES[0], 2020, ("boots",))
    assert record.authors[0].name == "Luts, Anna"
    assert labels_of(content).by_position[1][0].decision == "include"


def test_a_label_that_is_no_label_is_counted_by_value() -> None:
    parts = made.members(3)
    parts["results.db"] = made.database(
        made.RESULTS,
        made.RECORDS,
        rows=[
            (made.insert("results", 11), [(0, 5, *[None] * 9), (1, "x", *[None] * 9)]),
            made.record_rows(),
        ],
    )
    labels = labels_of(read(made.packed(parts)))
    assert labels.unread == {"5": 1, "x": 1}
    assert labels.by_position == {}


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil", "data\\evil", "a/../../evil"])
def test_a_path_outside_the_projects_folder_is_refused(name: str) -> None:
    with pytest.raises(UnreadableFile, match="outside its folder"):
        read(made.packed(made.members(3) | {name: "x"}))


def test_a_zip_bomb_is_refused() -> None:
    with pytest.raises(FileTooLarge, match="not credible"):
        read(made.packed(made.members(3) | {"data/zeros.csv": b"0" * 40_000_000}))


def test_too_many_files_are_refused() -> None:
    many: dict[str, bytes | str] = {f"feature_matrices/{at}": b"" for at in range(10_001)}
    with pytest.raises(FileTooLarge, match="10,00"):
        read(made.packed(made.members(3) | many))


def test_a_size_that_the_directory_understates_does_not_help() -> None:
    data = bytearray(made.project(3))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        at = archive.getinfo("results.db")
    # The size in the central directory, 24 bytes into the member's entry.
    entry = data.rindex(b"results.db") - 46
    data[entry + 24 : entry + 28] = struct.pack("<I", at.file_size // 2)
    with pytest.raises(UnreadableFile):
        read(bytes(data))


@pytest.mark.parametrize(
    "statements",
    [
        # A view in place of the table, over something expensive.
        (
            made.RECORDS,
            "CREATE VIEW results AS WITH RECURSIVE t(record_id) AS (SELECT 1 UNION ALL SELECT "
            "record_id + 1 FROM t) SELECT record_id, 1 AS label FROM t",
        ),
        (made.RECORDS, "CREATE VIRTUAL TABLE results USING fts5(record_id, label)"),
        # A generated column: a stranger's expression.
        (
            made.RECORDS,
            "CREATE TABLE results (record_id INTEGER, label INTEGER GENERATED ALWAYS AS "
            "(length(zeroblob(1000000000))))",
        ),
    ],
)
def test_views_virtual_tables_and_generated_columns_are_not_read(
    statements: tuple[str, ...],
) -> None:
    parts = made.members(3)
    parts["results.db"] = made.database(*statements, rows=[made.record_rows()])
    content = read(made.packed(parts))
    assert len(content.records) == 3
    assert labels_of(content).by_position == {}


def test_a_project_without_a_database_says_what_to_do() -> None:
    parts = made.members(3)
    del parts["results.db"]
    with pytest.raises(UnreadableFile, match="no database") as caught:
        read(made.packed(parts))
    assert "export it" in caught.value.remedy


def test_a_project_inside_a_project_is_refused() -> None:
    parts = made.members(1)
    parts["data/boots.csv"] = made.project(3)
    with pytest.raises(UnreadableFile, match="a project itself"):
        read(made.packed(parts))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_project_is_refused_or_read_and_never_fails_otherwise(
    data: st.DataObject,
) -> None:
    content = bytearray(made.project(data.draw(st.sampled_from((1, 2, 3)))))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(UnreadableFile):
        read(bytes(content))


VALUES = st.one_of(
    st.none(), st.integers(-(2**62), 2**62), st.floats(), st.text(max_size=8), st.binary(max_size=8)
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES, VALUES, VALUES, VALUES), max_size=4))
def test_odd_values_in_the_database_invent_no_decision(rows: list[tuple[object, ...]]) -> None:
    parts = made.members(3)
    parts["results.db"] = made.database(
        "CREATE TABLE results (record_id, label, time, tags, user_id)",
        made.RECORDS,
        rows=[(made.insert("results", 5), rows), made.record_rows()],
    )
    labels = labels_of(read(made.packed(parts)))
    understood = {0, 1, "0", "1", "yes", "no", "y", "n"}
    for position, judgements in labels.by_position.items():
        stated = [row[1] for row in rows if row[0] in (position - 1, str(position - 1))]
        assert judgements
        assert any(
            value in understood
            or str(value).strip().lower() in {"1.0", "0.0", *map(str, understood)}
            for value in stated
        )


@pytest.mark.skipif(
    not PEERS.exists(), reason="ASReview is not installed here; `make bench-peers` installs it"
)
def test_a_project_that_asreview_itself_made_is_read(tmp_path: Path) -> None:
    script = f"""
from asreview.project.api import Project
project = Project.create({str(tmp_path / "p")!r}, project_id="p", project_name="boots")
project.add_dataset({str(tmp_path / "boots.csv")!r})
with project.db as db:
    db.label_record(0, 1, tags=[], user_id=4)
    db.label_record(1, 0, tags=[], user_id=4)
model = {{"name": "x", "current_value": {{}}}}
project.update_config(review={{"status": "review", "model": model}})
project.export({str(tmp_path / "boots.asreview")!r})
"""
    (tmp_path / "boots.csv").write_text(made.DATA, encoding="utf-8")
    done = subprocess.run(
        [str(PEERS), "-c", script], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    content = read((tmp_path / "boots.asreview").read_bytes())
    assert [record.venue for record in content.records][:1] == ["Invented Health"]
    labels = labels_of(content)
    decisions = {at: one[0].decision for at, one in labels.by_position.items()}
    assert decisions == {1: "include", 2: "exclude"}
    assert labels.people == ("ASReview user 4",)
    assert all(
        isinstance(one[0], Judgement) and one[0].decided_at for one in labels.by_position.values()
    )


def test_the_config_of_a_project_may_be_anything() -> None:
    for config in ("[]", "null", json.dumps({"datasets": 3, "reviews": "x"}), "[" * 100_000, "{"):
        parts = made.members(3) | {"project.json": config}
        try:
            content = read(made.packed(parts))
        except UnreadableFile:
            continue
        assert all(isinstance(record, Record) for record in content.records)
