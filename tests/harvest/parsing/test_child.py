"""A file is read in a process of its own, and nothing in the file can hold up or fill another."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from harvest.errors import FileTooLarge, ReadingFailed, UnknownColumns, UnreadableFile
from harvest.files.labels.file_labels import read_labels
from harvest.files.read import read_file
from harvest.limits import DEFAULT, Limits
from harvest.parsing import child
from harvest.parsing.child import Wanted, open_file
from harvest.parsing.request import ABANDONED, OUT_OF_MEMORY, OUT_OF_TIME, REQUEST
from harvest.record import Rejected
from tests.harvest.files import attacks
from tests.project.test_walls import ROOT
from tests.shared import CASES, needs_shared

RIS = b"TY  - JOUR\nTI  - Boots\nAU  - Ross, T\nER  - \n"


@needs_shared
def test_what_comes_back_is_what_reading_here_gives() -> None:
    paths = sorted(path for path in (CASES / "files").iterdir() if path.suffix != ".md")
    assert len(paths) > 25
    for path in paths:
        here = read_file(io.BytesIO(path.read_bytes()))
        with open_file(path, Wanted(name=path.name)) as file:
            assert file.content() == here
            assert list(file.entries()) == list(file.entries()), "it can be walked again"
            assert file.labels == read_labels(here.records, path.name, here.columns)
            assert file.records + file.rejected == here.entries_read


def test_a_stream_is_read_from_its_beginning_and_left_there() -> None:
    stream = io.BytesIO(RIS)
    stream.seek(20)
    with open_file(stream) as file:
        assert file.content() == read_file(io.BytesIO(RIS))
    assert stream.tell() == 0


def test_texts_come_through_whatever_they_hold() -> None:
    odd = 'a\u2028b\ud800c\x85"\\d\u202e'
    lines = json.dumps({"title": odd, "abstract": odd, "x": odd, "authors": [odd]})
    data = f"{lines}\n{json.dumps(odd)}\n".encode()
    with open_file(io.BytesIO(data)) as file:
        assert file.content() == read_file(io.BytesIO(data))


def test_entries_are_found_by_position_and_by_a_field_whatever_texts_hold() -> None:
    rows = (
        '{"title": "One"}',
        '{"title": "Two, which says \\\\\\"label\\\\\\": in its text"}',
        "no JSON",
        '{"title": "Four", "label": "include"}',
        '{"title": "Five"}',
    )
    with open_file(io.BytesIO("\n".join(rows).encode())) as file:
        whole = list(file.entries())
        assert [entry.position for entry in whole] == [1, 2, 3, 4, 5]
        assert list(file.entries(after=3)) == whole[3:]
        found = list(file.find_entries({5}, "label"))
    assert isinstance(found[0], Rejected)
    assert found[1:] == whole[3:]
    assert found[0] == whole[2]


def test_only_the_first_entries_are_read_if_that_is_wanted() -> None:
    with open_file(io.BytesIO(RIS * 10), Wanted(first=4)) as file:
        assert (file.records, file.complete) == (4, False)
        assert [entry.position for entry in file.entries()] == [1, 2, 3, 4]
    with open_file(io.BytesIO(RIS * 4), Wanted(first=4)) as file:
        assert file.complete


def test_progress_is_told() -> None:
    told: list[int] = []
    with open_file(io.BytesIO(RIS * 5_000), progress=told.append) as file:
        assert file.records == 5_000
    assert told == sorted(told)
    assert all(0 < number <= 5_000 for number in told)


def test_columns_that_are_not_recognised_come_with_the_refusal() -> None:
    with pytest.raises(UnknownColumns) as caught, open_file(io.BytesIO(b"x,y\n1,2\n")):
        pass
    assert caught.value.header == ("x", "y")
    assert caught.value.remedy


@pytest.mark.case("service", 7)
@pytest.mark.parametrize(
    ("data", "limits", "says"),
    [
        (gzip.compress(bytes(3_000_000)), Limits(unpacked_mb=1), "unpacks to more than 1 MB"),
        (b"title" + b",x" * 30 + b"\nA\n", Limits(columns=20), "31 columns"),
        (
            b"title,abstract\nA," + b"b " * 1000 + b"\n",
            Limits(field_length=1000),
            "Record 1: abstract has 1,999 characters",
        ),
        (attacks.named("bibtex-dollars.bib"), Limits(seconds_per_mb=1), r"computing .* \(1 s\)"),
        (gzip.compress(RIS * 700_000), Limits(memory_mb=150), r"more memory .* \(3\d MB\)"),
        (attacks.named("csv-long-column-name.csv"), Limits(), "takes more than 82 MB"),
    ],
    ids=["unpacked", "columns", "field", "time", "memory", "output"],
)
def test_a_limit_that_is_exceeded_is_named(data: bytes, limits: Limits, says: str) -> None:
    with (
        pytest.raises(FileTooLarge, match=says) as caught,
        open_file(io.BytesIO(data), limits=limits),
    ):
        pass
    assert caught.value.remedy


def test_the_place_where_time_ran_out_is_said() -> None:
    data = b"title,doi\n" + b"Boots,10.1000/x\n" * 62_000
    with (
        pytest.raises(FileTooLarge, match=r"computing time .* after entry [\d,]+00\."),
        open_file(io.BytesIO(data), limits=Limits(seconds_per_mb=1)),
    ):
        pass


@pytest.mark.case("service", 7)
@pytest.mark.parametrize(
    "name",
    [
        *("doi-of-brackets.csv", "doi-of-closing-brackets.csv", "title-of-accents.ris"),
        *("ris-lines-that-go-on.ris", "csv-a-million-columns.csv", "csv-broken-bytes.csv"),
        *("json-deep-lines.jsonl", "json-deep-eppi.json", "bibtex-deep-braces.bib"),
        *("xml-entities.xml", "xml-deep.xml", "xlsx-false-dimension.xlsx", "xlsx-entities.xlsx"),
        *("gzip-in-gzip.gz", "project-config-deep.asreview"),
    ],
)
def test_an_attack_is_read_or_refused_in_words(name: str) -> None:
    """A share of the files; ``benchmarks.hostile_files`` reads all of them."""
    limits = Limits(seconds_per_mb=4)
    try:
        with open_file(io.BytesIO(attacks.named(name)), Wanted(name=name), limits=limits) as file:
            assert sum(1 for _ in file.entries()) == file.records + file.rejected
    except ReadingFailed as error:
        raise AssertionError(f"{name}: {error.message}") from error
    except UnreadableFile as error:
        assert "computing time" not in error.message
        assert error.remedy


@needs_shared
def test_changed_files_are_read_or_refused_in_words() -> None:
    """A few here; ``benchmarks.hostile_files`` reads thousands."""
    chance = random.Random(20261130)
    paths = sorted(path for path in (CASES / "files").iterdir() if path.suffix != ".md")
    for path in chance.sample(paths, 5):
        data = attacks.mutated(path.read_bytes(), chance)
        try:
            with open_file(io.BytesIO(data), Wanted(name=path.name)) as file:
                file.content()
        except ReadingFailed as error:
            raise AssertionError(f"{path.name}: {error.message}") from error
        except UnreadableFile as error:
            assert error.remedy


def _run(data: bytes, folder: Path, **request: object) -> subprocess.CompletedProcess[bytes]:
    """Start the reading process by hand."""
    path = folder / "file"
    path.write_bytes(data)
    whole = {
        "parent": os.getpid(),
        "limits": asdict(DEFAULT),
        **{"mapping": None, "name": "", "first": None, "file_format": None},
        **request,
    }
    with path.open("rb") as stream, (folder / "lines").open("w+b") as lines:
        return subprocess.run(
            [sys.executable, "-m", "harvest.parsing.reader"],
            stdin=stream,
            stdout=lines,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env={REQUEST: json.dumps(whole)},
        )


def test_a_process_that_nobody_waits_for_ends(tmp_path: Path) -> None:
    data = attacks.named("bibtex-dollars.bib")
    assert _run(data, tmp_path, parent=1).returncode == ABANDONED


def test_limits_hold_where_the_system_does_not_keep_them(tmp_path: Path) -> None:
    data = attacks.named("bibtex-dollars.bib")
    for limits, status in (
        (Limits(memory_mb=150), OUT_OF_MEMORY),
        (Limits(seconds_per_mb=1, memory_mb=50_000), OUT_OF_TIME),
    ):
        request = {"limits": asdict(limits), "watched": True}
        assert _run(data, tmp_path, **request).returncode == status


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
        ("raise SystemExit(3)", "status 3"),
        ("import sys; sys.stderr.write('{\"a\": ')", "cannot be read"),
        ("import sys; sys.stderr.write('{\"summary\": 1, \"judgements_at\": 0, \"judged\": 0}')",
         "cannot be read"),
        ("import sys; sys.stderr.write('{\"crash\": \"ValueError in x\"}')", "ValueError in x"),
        ("import sys; sys.stderr.write('[' * 100000)", "cannot be read"),
    ],
)  # fmt: skip
def test_a_process_that_fails_is_an_error_in_words(
    monkeypatch: pytest.MonkeyPatch, program: str, says: str
) -> None:
    monkeypatch.setattr(child, "_COMMAND", (sys.executable, "-c", program))
    with pytest.raises(ReadingFailed, match=says) as caught, open_file(io.BytesIO(RIS)):
        pass
    assert "Nothing was stored" in caught.value.message


def test_the_process_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_DATABASE_URL", "postgresql://winnow:secret@localhost/winnow")
    program = "import json, os, sys; sys.stderr.write(json.dumps({'crash': str(dict(os.environ))}))"
    monkeypatch.setattr(child, "_COMMAND", (sys.executable, "-c", program))
    with pytest.raises(ReadingFailed) as caught, open_file(io.BytesIO(RIS)):
        pass
    assert "secret" not in str(caught.value)


def test_entries_that_are_no_entries_are_an_error(tmp_path: Path) -> None:
    with open_file(io.BytesIO(RIS)) as file:
        file._lines.seek(0)
        file._lines.write(b'{"x"')
        file._lines.flush()
        with pytest.raises(ReadingFailed):
            list(file.entries())


def test_refused_entries_keep_their_reason_and_line() -> None:
    with open_file(io.BytesIO(b"TY  - JOUR\nER  - \n" + RIS)) as file:
        first = next(file.entries())
    assert isinstance(first, Rejected)
    assert (first.position, first.line) == (1, 1)
