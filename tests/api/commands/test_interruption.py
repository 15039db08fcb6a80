"""Ctrl-C in a command: nothing stays locked, whenever it is pressed, and it ends soon."""

from __future__ import annotations

import io
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from rich.console import Console

from api.commands.output import Output
from api.interruption import CODE, stopping_in_order
from store.core.engine import CONNECTIONS
from store.core.session import Store
from store.reviews import people
from tests.api.command_line import Run, result

_MANY = "title,abstract\n" + "".join(f"Title {n},Abstract {n} of many words\n" for n in range(3000))


class _Press:
    """Presses Ctrl-C at one of the steps of what this thread runs; 0 for none."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.steps = 0

    def __call__(self, _frame: FrameType, _event: str, _arg: Any) -> _Press | None:
        self.steps += 1
        if self.steps == self.at:
            sys.settrace(None)
            signal.raise_signal(signal.SIGINT)
            return None
        return self


def _write(store: Store, at: int) -> int:
    press = _Press(at)
    sys.settrace(press)
    try:
        with store.write() as session:
            people.create_person(session, f"person {at}")
    finally:
        sys.settrace(None)
    return press.steps


@pytest.mark.skipif(sys.gettrace() is not None, reason="something else traces")
def test_whenever_ctrl_c_is_pressed_in_a_transaction_others_can_write_at_once(
    here: Run, tmp_path: Path
) -> None:
    here("init")
    path = tmp_path / "data" / "winnow.db"
    locked = []
    with closing(Store(f"sqlite:///{path}", connections=CONNECTIONS)) as store:
        _write(store, 0)
        steps = _write(store, -1)
        assert steps > 300
        for at in range(1, steps, max(1, steps // 400)):
            # What holds the exception holds the frames that it has passed through.
            with pytest.raises(KeyboardInterrupt) as held, stopping_in_order():
                _write(store, at)
            with closing(sqlite3.connect(path, timeout=0)) as other:
                try:
                    other.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    locked.append(at)
            del held
    assert locked == []


def test_a_second_ctrl_c_ends_the_process_at_once(tmp_path: Path) -> None:
    script = (
        "import time\n"
        "from api.interruption import stopping_in_order\n"
        "with stopping_in_order():\n"
        "    try:\n"
        "        print('one', flush=True); time.sleep(60)\n"
        "    except KeyboardInterrupt:\n"
        "        time.sleep(0.5); print('two', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for word in ("one", "two"):
            assert process.stdout.readline().strip() == word
            process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == CODE
    assert "Stopped." in said


@pytest.mark.parametrize("stored", [1, 1500])
def test_an_import_ends_soon_after_ctrl_c_and_the_same_command_goes_on_with_it(
    here: Run, tmp_path: Path, stored: int
) -> None:
    file = tmp_path / "many.csv"
    file.write_text(_MANY)
    here("init")
    here("review", "add", "r")
    environment = {**os.environ, "WINNOW_DATA_DIR": str(tmp_path / "data")}
    with (
        closing(sqlite3.connect(tmp_path / "data" / "winnow.db", timeout=30)) as database,
        subprocess.Popen(
            [sys.executable, "-m", "api.cli", "import", str(file)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        asked = "SELECT count(*) FROM intake WHERE stage = 'entries' AND position >= ?"
        while process.poll() is None and not database.execute(asked, (stored,)).fetchone()[0]:
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, said = process.communicate(timeout=60)
        took = time.monotonic() - began
        database.execute("BEGIN IMMEDIATE")
    # Of 3,000 entries at least half were still to be stored.
    assert process.returncode == CODE
    assert (
        "Interrupted. The import is not complete. A Winnow server that is running goes on with it "
        "by itself; so does the same command. To cancel it while none of it is in the review, open "
        "Imports in the browser and choose “Cancel this import”."
    ) in said.replace("\n", " ")
    assert "database is locked" not in said
    assert took < 10
    again = result(here("import", file, "--json"))
    assert again["entries"] == 3000
    assert result(here("review", "list", "--json"))["reviews"][0]["records"] == 3000


def test_a_bar_names_its_step_and_how_many_of_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    output = Output(as_json=False)
    output.console = Console(file=io.StringIO(), force_terminal=True, color_system=None)
    shown = []
    with output.progress_of_steps("reading") as report:
        for step in (("reading", 8911, None), ("storing", 7617, 8911), ("comparing", 500, 8911)):
            report(*step)
            before = len(output.console.file.getvalue())  # type: ignore[attr-defined]
            time.sleep(0.3)
            shown.append(output.console.file.getvalue()[before:])  # type: ignore[attr-defined]
    assert "reading 8,911 " in shown[0]
    assert "storing 7,617 of 8,911 " in shown[1]
    assert "comparing 500 of 8,911 " in shown[2]
