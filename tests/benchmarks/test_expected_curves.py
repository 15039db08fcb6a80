from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.expected_curves import save, summarise_replays
from model.evaluation.drift import SHARES, load
from model.evaluation.simulate import Plan, Replay, measure
from model.pipeline import Pipeline, View


def test_expectations_come_from_runs_and_survive_their_file(tmp_path: Path) -> None:
    y = np.arange(10) // 2 == 1
    runs = [
        measure(
            "set",
            Pipeline("p", (View("words"),)),
            Plan(0, priors=False),
            y,
            Replay(tuple(order), 1, 0.0),
        )
        for order in ([2, 3], [0, 2, 3])
    ]
    (found,) = summarise_replays(runs)
    assert (found.name, found.records, found.prevalence) == ("set", 10, 0.2)
    assert dict(zip(SHARES, found.recall, strict=True))[0.1] == 0.25
    assert dict(zip(SHARES, found.recall, strict=True))[0.2] == 0.75
    save([found], tmp_path / "e.json")
    assert load(tmp_path / "e.json") == (found,)
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(ValueError, match="no expected curves"):
        load(tmp_path / "bad.json")
