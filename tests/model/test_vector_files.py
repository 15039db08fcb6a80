"""Vectors on disk: what damage and kills leave behind."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Thread, Timer

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from model.encoder_process import EncoderChoice, EncoderDied, EncoderProcess
from model.vector_files import VectorFiles, list_set_aside, text_hash
from tests.model.corpora import hashed
from tests.project.test_walls import ROOT

TEXTS = [f"text number {number} on {'steel' if number % 2 else 'children'}" for number in range(40)]
KEYS = [text_hash(text) for text in TEXTS]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two files of twenty vectors."""
    folder = tmp_path_factory.mktemp("vectors") / "letters"
    files = VectorFiles(folder)
    for start in (0, 20):
        files.write(KEYS[start : start + 20], hashed(TEXTS[start : start + 20]))
    return folder


@pytest.mark.case("service", 15)
@given(data=st.data())
@hypothesis_settings(max_examples=60)
def test_a_file_cut_or_changed_anywhere_is_right_or_set_aside(
    written: Path, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top) / "letters"
        shutil.copytree(written, folder)
        path = sorted(folder.glob("*.npz"))[0]
        content = bytearray(path.read_bytes())
        if data.draw(st.booleans(), label="cut off"):
            content = content[: data.draw(st.integers(0, len(content) - 1), label="size")]
        else:
            for _ in range(data.draw(st.integers(1, 4), label="changes")):
                at = data.draw(st.integers(0, len(content) - 1), label="at")
                content[at] ^= data.draw(st.integers(1, 255), label="bits")
        path.write_bytes(content)
        files = VectorFiles(folder)
        files.refresh()
        found = files.find(KEYS)
        missing = np.isnan(found).any(axis=1)
        assert (found[~missing] == hashed(TEXTS)[~missing]).all()
        assert missing.sum() in (0, 20)
        aside = list_set_aside(Path(top))
        assert len(aside) == (1 if missing.any() else 0)
        # What is missing can be made again, beside what was set aside.
        again = [at for at in range(40) if missing[at]]
        if again:
            files.write([KEYS[at] for at in again], hashed([TEXTS[at] for at in again]))
        assert (files.find(KEYS) == hashed(TEXTS)).all()


@pytest.mark.case("service", 15)
def test_damage_that_appears_while_a_process_runs_is_found_when_it_reads(
    written: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "letters"
    shutil.copytree(written, folder)
    files = VectorFiles(folder)
    files.refresh()
    for path in folder.glob("*.npz"):
        path.write_bytes(path.read_bytes()[:-40])
    assert np.isnan(files.find(KEYS)).all()
    assert KEYS[0] not in files
    assert len(list_set_aside(tmp_path)) == 2


@pytest.mark.case("service", 15)
def test_a_file_that_may_not_be_read_is_not_taken_for_damaged(
    written: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "letters"
    shutil.copytree(written, folder)
    (folder / "strange.npz").mkdir()
    with pytest.raises(IsADirectoryError):
        VectorFiles(folder).refresh()
    assert not list_set_aside(tmp_path)


def test_files_of_before_without_a_checksum_are_read(tmp_path: Path) -> None:
    keys = np.frombuffer(b"".join(KEYS), np.uint8).reshape(40, 32)
    np.savez(tmp_path / "old.npz", keys=keys, vectors=hashed(TEXTS))
    files = VectorFiles(tmp_path)
    files.refresh()
    assert (files.find(KEYS) == hashed(TEXTS)).all()


@pytest.fixture
def process(tmp_path: Path, quick_encoder: None) -> EncoderProcess:
    return EncoderProcess(EncoderChoice(tmp_path, "embedded", None, None))


def test_a_process_is_started_for_texts_and_ends_when_it_rests(
    process: EncoderProcess, tmp_path: Path
) -> None:
    assert process.pid is None
    process.encode(TEXTS[:5])
    first = process.pid
    assert first is not None
    process.encode(TEXTS[:5])
    assert process.pid == first
    assert len(list(tmp_path.glob("letters/*.npz"))) == 1
    process.rest()
    assert process.pid is None
    process.encode(TEXTS[5:])
    assert process.pid not in (None, first)
    process.rest()
    files = VectorFiles(tmp_path / "letters")
    files.refresh()
    assert (files.find(KEYS) == hashed(TEXTS)).all()


def test_ctrl_c_does_not_reach_the_process(process: EncoderProcess) -> None:
    process.encode(TEXTS[:5])
    first = process.pid
    assert first is not None
    os.kill(first, signal.SIGINT)
    process.encode(TEXTS[5:])
    assert process.pid == first
    process.rest()


def test_the_process_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    how = {"folder": str(tmp_path), "name": "embedded", "sha256": None, "device": None}
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.model.quick_child"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdin
    assert child.stdout
    child.stdin.write(f"{json.dumps(how)}\n{json.dumps(TEXTS)}\n".encode())
    child.stdin.flush()
    assert json.loads(child.stdout.readline()) == {"stored": True}
    # The system closes a pipe when the process at its other end dies.
    child.stdin.close()
    assert child.wait(60) == 0
    child.stdout.close()


@pytest.mark.case("service", 15)
def test_a_process_killed_at_any_moment_loses_nothing_that_it_had_stored(
    process: EncoderProcess, tmp_path: Path
) -> None:
    draw = random.Random(15)
    stored: list[str] = []
    kills = 0
    while len(stored) < len(TEXTS):
        piece = TEXTS[len(stored) : len(stored) + 4]
        pid = process.pid if kills < 4 else None
        moment = Timer(draw.uniform(0, 0.02), kill, [pid])
        moment.start()
        try:
            process.encode(piece)
            stored += piece
        except EncoderDied:
            kills += 1
        moment.join()
        files = VectorFiles(tmp_path / "letters")
        files.refresh()
        assert all(text_hash(text) in files for text in stored)
    process.rest()
    assert kills
    files = VectorFiles(tmp_path / "letters")
    files.refresh()
    assert (files.find(KEYS) == hashed(TEXTS)).all()
    assert not list_set_aside(tmp_path)


def kill(pid: int | None) -> None:
    with suppress(ProcessLookupError):
        if pid is not None:
            os.kill(pid, signal.SIGKILL)


def test_two_processes_of_one_folder_encode_a_text_once(
    tmp_path: Path, quick_encoder: None
) -> None:
    choice = EncoderChoice(tmp_path, "embedded", None, None)
    both = [EncoderProcess(choice), EncoderProcess(choice)]

    def work(process: EncoderProcess) -> None:
        for start in range(0, 40, 4):
            process.encode(TEXTS[start : start + 4])

    threads = [Thread(target=work, args=(process,)) for process in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in both:
        process.rest()
    rows = 0
    for path in tmp_path.glob("letters/*.npz"):
        with np.load(path) as arrays:
            rows += len(arrays["keys"])
    assert rows == 40
