"""Plots as SVG, drawn by the server: no script, readable without colour."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.services.ranking.comparing import OrderComparison
from api.services.screening.progress import ProgressPoint
from model.evaluation.compare import mean_curve
from model.evaluation.screening_recall import ScreeningRecall
from store.reports.overlap import Overlap


def axes_of(figure: Any, place: Any = 111) -> Any:
    """Axes of a figure, without the box."""
    axes = figure.add_subplot(place)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def svg(
    draw: Callable[[Any], None],
    *,
    width: float,
    height: float,
    title: str,
    margins: Mapping[str, float] | None = None,
) -> str:
    """The SVG of a figure that ``draw`` draws; sizes in inches.

    Args:
        draw: draws into the figure.
        width: of the figure.
        height: of the figure.
        title: what the figure shows, for those who cannot see it.
        margins: where the axes end, as fractions of the figure; None fits them to the texts, which
            takes as long as drawing.
    """
    # Imported here because it takes a second. The object interface, because pyplot's is global and
    # this runs in threads.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "winnow", "font.size": 10}):
        figure = Figure(figsize=(width, height), layout="constrained" if margins is None else None)
        if margins is not None:
            figure.subplots_adjust(**margins)
        draw(figure)
        buffer = io.StringIO()
        figure.savefig(
            buffer, format="svg", transparent=True, metadata={"Date": None, "Title": title}
        )
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def progress(points: Sequence[ProgressPoint]) -> str:
    """Included records against settled ones, as counts: the total is unknown."""

    def draw(figure: Any) -> None:
        axes = axes_of(figure)
        axes.step(
            [p.read for p in points], [p.found for p in points], where="post", color="#1f5f8b"
        )
        axes.set_xlabel("settled records")
        axes.set_ylabel("included records")
        axes.set_xlim(0, max(10, points[-1].read))
        axes.set_ylim(0, max(5, points[-1].found * 1.05))

    return svg(
        draw,
        width=6.4,
        height=3.2,
        title="Included records against settled records",
        margins={"left": 0.12, "right": 0.97, "bottom": 0.16, "top": 0.96},
    )


def recall(result: ScreeningRecall, comparison: OrderComparison | None = None) -> str:
    """Known relevant records reached, against records in screening order and in a random order.

    Args:
        result: the order of this review.
        comparison: what replays would have reached, if somebody asked for them.
    """

    def draw(figure: Any) -> None:
        axes = axes_of(figure)
        n, relevant = result.reports, result.relevant
        axes.step(
            [0, *result.places, n],
            [0, *range(1, relevant + 1), relevant],
            where="post",
            color="#1f5f8b",
            label="screening order",
        )
        for number, (name, places) in enumerate(comparison.orders.items() if comparison else ()):
            axes.step(
                [0, *places, n],
                [0, *range(1, len(places) + 1), len(places)],
                where="post",
                color=_CURVES[1 + number],
                linestyle=_DASHES[2 + number],
                label=f"replay by {name}",
            )
        axes.plot([0, n], [0, relevant], color="#767676", linestyle="--", label="random order")
        if result.read:
            axes.axvline(result.read, color="#b04a00", linestyle=":", label="read so far")
        axes.set_xlabel("records, in screening order")
        axes.set_ylabel("known studies reached")
        axes.set_xlim(0, max(1, n))
        axes.set_ylim(0, max(1, relevant * 1.05))
        axes.legend(frameon=False, loc="lower right")

    return svg(
        draw,
        width=6.4,
        height=3.6,
        title="Known studies reached against records in screening order",
    )


def overlap(counts: Overlap, *, most: int = 15) -> str:
    """Which sources found a report: bars of the largest combinations over a matrix of dots."""
    sources = [source.source for source in counts.sources]
    shown = counts.combinations[:most]

    def draw(figure: Any) -> None:
        grid = figure.add_gridspec(2, 1, height_ratios=[3, max(1.0, 0.45 * len(sources))])
        bars, dots = axes_of(figure, grid[0]), axes_of(figure, grid[1])
        places = range(len(shown))
        bars.bar(places, [number for _, number in shown], color="#1f5f8b", width=0.6)
        for place, (_, number) in enumerate(shown):
            bars.annotate(f"{number:,}", (place, number), ha="center", va="bottom", fontsize=9)
        bars.set_ylabel("reports")
        bars.set_xticks([])
        for place, (key, _) in enumerate(shown):
            rows = [sources.index(source) for source in key]
            dots.scatter([place] * len(sources), range(len(sources)), s=28, color="#c9d0d6")
            dots.scatter([place] * len(rows), rows, s=36, color="#1b1b1b")
            dots.plot([place, place], [min(rows), max(rows)], color="#1b1b1b", linewidth=1.5)
        dots.set_yticks(range(len(sources)), [name[:40] for name in sources])
        dots.set_xticks([])
        dots.set_xlim(bars.get_xlim())
        dots.set_ylim(max(len(sources), 1) - 0.5, -0.5)
        dots.spines[["bottom", "left"]].set_visible(False)

    height = 2.6 + 0.3 * len(sources)
    return svg(draw, width=7.6, height=height, title="Which sources found a report")


_CURVES = ("#1f5f8b", "#b5541c", "#3d7a3d", "#6b4e8f", "#7a6a1f")
_DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1)))


def recall_curves(curves: Mapping[str, Sequence[NDArray[np.bool_]]], *, title: str) -> str:
    """Recall against the share of records read: each pipeline's mean replay, and the range.

    Args:
        curves: for each pipeline, the labels of each replay in screening order.
        title: for people who cannot see the plot.
    """
    shares = np.linspace(0, 1, 501)

    def draw(figure: Any) -> None:
        axes = axes_of(figure)
        for number, (name, orders) in enumerate(curves.items()):
            colour = _CURVES[number % len(_CURVES)]
            dashes = _DASHES[number % len(_DASHES)]
            curve = mean_curve(orders, shares)
            axes.plot(shares, curve["mean"], color=colour, linestyle=dashes, label=name)
            axes.fill_between(
                shares, curve["lowest"], curve["highest"], color=colour, alpha=0.15, linewidth=0
            )
        axes.plot([0, 1], [0, 1], color="#888888", linewidth=0.8, label="random order")
        axes.set_xlabel("share of the records read")
        axes.set_ylabel("share of the relevant records reached")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.legend(frameon=False, loc="lower right")

    return svg(
        draw, width=6.4, height=3.6, title=f"Relevant records reached against records read: {title}"
    )
