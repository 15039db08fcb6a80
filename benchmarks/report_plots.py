"""Plots of docs/benchmarks.md, drawn from the committed JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from api.documents.plots import axes_of, svg
from benchmarks.measuring import RESULTS


def loss(data: dict[str, Any]) -> str:
    """Each set's loss relative to ELAS u4's: held out, with its interval, and as shipped."""
    sets = sorted(data["held_out"]["sets"], key=lambda each: -float(each["ratio"]))
    beside = {each["data_set"]: each["ratio"] for each in data["left_out"]["sets"]}
    words = "default, study language without the set"

    def draw(figure: Any) -> None:
        axes = axes_of(figure)
        places = np.arange(len(sets))
        ratios = np.array([each["ratio"] for each in sets])
        low, high = np.array([each["interval"] for each in sets]).T
        axes.hlines(places, low, high, color="#1f5f8b", linewidth=1)
        axes.plot(ratios, places, "o", color="#1f5f8b", markersize=4, label="held out")
        shipped = [beside[each["data_set"]] for each in sets]
        axes.plot(shipped, places, "x", color="#b3541e", markersize=4, label=words)
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_yticks(places, [each["data_set"] for each in sets], fontsize=7)
        axes.set_ylim(-1, len(sets))
        axes.set_xlabel("loss over that of ELAS u4 (left of 1: better)")
        axes.legend(frameon=False, loc="upper right")

    return svg(draw, width=7, height=8, title="Loss beside ELAS u4, each set")


def recall(data: dict[str, Any]) -> str:
    """Recall by share read, held out and u4: median and middle four fifths of the sets."""
    curves = data["curves"]
    shares = 100 * np.array(curves["shares"])

    def draw(figure: Any) -> None:
        axes = axes_of(figure)
        for name, words, color, line in (
            ("held_out", "Winnow, held out", "#1f5f8b", "-"),
            ("u4", "ELAS u4", "#b3541e", "--"),
        ):
            rows = 100 * np.array([*curves[name].values()])
            low, middle, high = np.percentile(rows, [10, 50, 90], axis=0)
            axes.fill_between(shares, low, high, color=color, alpha=0.15, linewidth=0)
            axes.plot(shares, middle, line, color=color, label=words)
        axes.plot([0, 100], [0, 100], ":", color="black", linewidth=0.8, label="random order")
        axes.set_xlim(0, 60)
        axes.set_ylim(0, 101)
        axes.set_xlabel("records read, %")
        axes.set_ylabel("relevant records found, %")
        axes.legend(frameon=False, loc="lower right")

    return svg(draw, width=6.4, height=4, title="Recall by share of records read")


def write(folder: Path) -> None:
    """Draw the plots that there are results for, into a folder."""
    path = RESULTS / "ranking.json"
    if not path.is_file():
        return
    data = json.loads(path.read_text(encoding="utf-8"))
    folder.mkdir(exist_ok=True)
    (folder / "ranking-loss.svg").write_text(loss(data), encoding="utf-8")
    (folder / "ranking-recall.svg").write_text(recall(data), encoding="utf-8")
