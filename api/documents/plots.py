"""Plots as SVG, drawn by the server: no script, readable without colour."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

from api.services.screening import Point
from model.evaluate import ScreeningRecall


def _svg(draw: Callable[[Any, Any], None], *, width: float, height: float, title: str) -> str:
    # Imported here: it takes a second that no other request should pay. The object interface is
    # used, since pyplot's is global and this runs in threads.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "winnow", "font.size": 10}):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.add_subplot()
        draw(figure, axes)
        axes.spines[["top", "right"]].set_visible(False)
        buffer = io.StringIO()
        figure.savefig(
            buffer, format="svg", transparent=True, metadata={"Date": None, "Title": title}
        )
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def progress(points: Sequence[Point]) -> str:
    """Includes found against records read: counts, never shares of an unknown total."""

    def draw(_figure: Any, axes: Any) -> None:
        axes.step(
            [p.read for p in points], [p.found for p in points], where="post", color="#1f5f8b"
        )
        axes.set_xlabel("records read")
        axes.set_ylabel("includes found")
        axes.set_xlim(0, max(10, points[-1].read))
        axes.set_ylim(0, max(5, points[-1].found * 1.05))

    return _svg(draw, width=6.4, height=3.2, title="Includes found against records read")


def recall(result: ScreeningRecall) -> str:
    """Known relevant records reached against records in screening order, beside a random order."""

    def draw(_figure: Any, axes: Any) -> None:
        n, relevant = result.reports, result.relevant
        axes.step(
            [0, *result.places, n],
            [0, *range(1, relevant + 1), relevant],
            where="post",
            color="#1f5f8b",
            label="screening order",
        )
        axes.plot([0, n], [0, relevant], color="#767676", linestyle="--", label="random order")
        if result.read:
            axes.axvline(result.read, color="#b04a00", linestyle=":", label="read so far")
        axes.set_xlabel("records, in screening order")
        axes.set_ylabel("known relevant records")
        axes.set_xlim(0, max(1, n))
        axes.set_ylim(0, max(1, relevant * 1.05))
        axes.legend(frameon=False, loc="lower right")

    return _svg(draw, width=6.4, height=3.6, title="Known relevant records in screening order")
