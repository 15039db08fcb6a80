"""ASReview project files built by hand, as its versions 1 to 3 write them."""

from __future__ import annotations

import io
import json
import sqlite3
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

DATA = """record_id,title,abstract,doi,journal,year,included
0,Boots and early hearing loss in recruits,Recruits wear boots.,10.5555/b.1,Invented Health,2020,0
1,Shared meals and attendance at school,Meals were shared.,10.5555/b.2,Invented Schools,2014,1
2,Gait after hip repair,Gait was measured.,,Invented Rheum,2018,
"""
RESULTS = (
    "CREATE TABLE results (record_id INTEGER UNIQUE, label INTEGER, classifier TEXT, querier TEXT, "
    "balancer TEXT, feature_extractor TEXT, training_set INTEGER, time FLOAT, note TEXT, "
    "tags JSON, user_id INTEGER)"
)
RECORDS = (
    "CREATE TABLE record (record_id INTEGER PRIMARY KEY, dataset_row INTEGER, dataset_id TEXT, "
    "duplicate_of INTEGER, group_id INTEGER GENERATED ALWAYS AS (COALESCE(duplicate_of, record_id))"
    ", title TEXT, abstract TEXT, authors JSON, keywords JSON, year INTEGER, doi TEXT, url TEXT, "
    "included INTEGER)"
)
TITLES = (
    "Boots and early hearing loss in recruits",
    "Shared meals and attendance at school",
    "Gait after hip repair",
)
TAGS = json.dumps([{"label": "Design", "values": [{"label": "RCT", "checked": True}]}])
LABELS: Sequence[Sequence[Any]] = (
    (0, 1, "svm", None, "b", "f", None, 1_740_823_200.0, "key paper", TAGS, 7),
    (1, 0, "svm", "max", "b", "f", 2, 1_740_823_260.5, None, "[]", 8),
)


def database(*statements: str, rows: Sequence[tuple[str, Sequence[Sequence[Any]]]] = ()) -> bytes:
    """The bytes of a SQLite file made by these statements, with rows for INSERT statements."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "db"
        with closing(sqlite3.connect(path)) as connection:
            for statement in statements:
                connection.execute(statement)
            for statement, values in rows:
                connection.executemany(statement, values)
            connection.commit()
        return path.read_bytes()


def insert(table: str, width: int) -> str:
    """An INSERT of so many values into a table."""
    return f"INSERT INTO {table} VALUES ({', '.join('?' * width)})"


def record_rows() -> tuple[str, list[tuple[Any, ...]]]:
    """The rows of the table of records."""
    columns = "record_id, dataset_row, dataset_id, title, abstract, authors, keywords, year"
    return (
        f"INSERT INTO record ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (at, at, "d", title, "Text.", '["Luts, Anna"]', '["boots"]', 2020)
            for at, title in enumerate(TITLES)
        ],
    )


def packed(members: dict[str, bytes | str]) -> bytes:
    """A zip archive of these members."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def config(version: int) -> str:
    """``project.json`` of a version."""
    stated: dict[str, Any] = {"id": "x", "name": "boots", "project_file_version": version}
    if version == 1:
        stated |= {"dataset_path": "boots.csv", "reviews": [{"id": "r1"}]}
    else:
        stated["datasets"] = [{"id": "d", "name": "boots.csv"}]
    if version == 2:
        stated["reviews"] = [{"id": "r1", "status": "review"}]
    return json.dumps(stated)


def members(version: int) -> dict[str, bytes | str]:
    """The parts of a project with three records: one include, one exclude, one not labelled."""
    results = (insert("results", 11), LABELS)
    parts: dict[str, bytes | str] = {
        "project.json": config(version),
        "data/boots.csv": DATA,
        "feature_matrices/tfidf.npz": b"\x80\x04cos\nsystem\n(S'false'\ntR.",
    }
    if version == 3:
        parts["results.db"] = database(RESULTS, RECORDS, rows=[results, record_rows()])
    elif version == 2:
        parts["reviews/r1/results.db"] = database(RESULTS, rows=[results])
        parts["data_store.db"] = database(RECORDS, rows=[record_rows()])
    else:
        parts["reviews/r1/results.sql"] = database(
            "CREATE TABLE results (record_id INT, label INT, labeling_time TEXT, notes TEXT)",
            rows=[
                (
                    insert("results", 4),
                    [
                        (0, 1, "2025-03-01 10:00:00", "key paper"),
                        (1, 0, "2025-03-01 10:01:00", None),
                    ],
                )
            ],
        )
    return parts


def project(version: int = 3) -> bytes:
    """A whole project file; see ``members``."""
    return packed(members(version))
