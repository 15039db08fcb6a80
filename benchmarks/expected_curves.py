"""Write model/evaluation/expected_curves.json: mean recall of replays of finished reviews."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model.evaluation.compare import mean_curve
from model.evaluation.drift import SHARES, Replayed
from model.evaluation.simulate import Run


def summarise_replays(runs: Sequence[Run]) -> list[Replayed]:
    """Mean recall of each data set's replays."""
    by_set: dict[str, list[Run]] = {}
    for run in runs:
        by_set.setdefault(run.data_set, []).append(run)
    shares = np.array(SHARES)
    return [
        Replayed(
            name,
            own[0].records,
            own[0].relevant / own[0].records,
            tuple(
                round(float(v), 4) for v in mean_curve([run.labels for run in own], shares)["mean"]
            ),
        )
        for name, own in sorted(by_set.items())
    ]


def save(replayed: Sequence[Replayed], path: Path) -> None:
    """Write expected curves to a file that ``model.evaluation.drift.load`` reads."""
    body = {
        "what": "mean recall of replays after shares of the records; made by benchmarks/ranking.py",
        "shares": list(SHARES),
        "sets": [
            {
                "name": review.name,
                "records": review.records,
                "prevalence": round(review.prevalence, 5),
                "recall": list(review.recall),
            }
            for review in replayed
        ],
    }
    path.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
