from __future__ import annotations

from pathlib import Path

import pytest

from harvest.pace import Pace


@pytest.mark.parametrize("shared", [True, False])
def test_slots_are_spaced_also_between_processes(tmp_path: Path, shared: bool) -> None:
    # Two of them on one folder stand for two processes: nothing else is shared.
    folder = tmp_path if shared else None
    first = Pace(folder)
    second = Pace(folder) if shared else first
    waits = [pace.slot("s", 10.0) for pace in (first, second, first, second)]
    assert [round(wait) for wait in waits] == [0, 10, 20, 30]
    assert first.slot("other", 10.0) == 0
