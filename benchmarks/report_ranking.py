"""The parts of docs/benchmarks.md about ranking: ELAS u4, calibration and replays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.markdown import circumstances, spread, table


def ranking(data: dict[str, Any]) -> str:
    """The default pipeline and its variants compared with ELAS u4, on every labelled set."""
    figure = lambda value: f"{value:.3f}"  # noqa: E731 - one line
    points = lambda value: f"{100 * value:+.1f}"  # noqa: E731 - one line

    def line(name: str, found: dict[str, Any]) -> list[str]:
        low, high = found["interval"]
        return [
            name,
            f"{figure(found['ratio'])} ({low:.2f} to {high:.2f})",
            figure(found["ratio_above_7_percent"]),
            f"{found['worst']:.2f} ({found['worst_set']})",
            f"{100 * found['no_worse']:.0f} %",
            points(found["wss95"]),
            f"{points(found['work_to_last'])} (highest {points(found['work_to_last_highest'])})",
        ]

    held_out, default = data["held_out"], data["default"]
    known = {each["data_set"]: each for each in default["sets"]}
    names = [
        "pipeline",
        "loss",
        "above 7 % relevant",
        "worst",
        "no worse",
        "WSS@95",
        "work to last",
    ]
    rows = [
        line("**held out**", held_out),
        line("default, study language without the set", data["left_out"]),
        line("default (in-sample)", default),
        line("held out, a fit at each label, 12 smallest sets", data["each_label"]),
        *(line(found["pipeline"], found) for found in data["candidates"]),
    ]
    parts = [
        "## Ranking compared with ELAS u4, all labelled sets",
        circumstances(data),
        f"{data['protocol']['sets']} finished reviews. Start: {data['protocol']['start']}; fit: "
        f"{data['protocol']['refit']}, ELAS u4 on the same schedule; seeds: "
        f"{data['protocol']['seeds']}. Loss is relative to u4's: geometric mean over the sets, "
        "with a 95 % bootstrap interval over the sets; WSS@95 and work to the last relevant record "
        "are mean differences in points.",
        "*Held out*: everything used to score a set comes from the other half of the "
        "sets: the study-language prior and the choice among the candidates below (the lowest "
        "loss among those that lengthen no set's work to the last by more than 10 points, or "
        f"among all if each does). Half A was given *{data['chosen']['for_A']}*, half B "
        f"*{data['chosen']['for_B']}*. *Default* is what ships, with its prior trained on "
        "these same sets: in-sample, and no guide to another review. Twenty axes can "
        "recognise a set that they were learned from, so these figures flatter. *Without the "
        "set* is what ships, but each set gets a study language learned on the others. It is the "
        "closest to what a new review gets, although the constants were chosen on these sets. "
        "The candidates have three seeds and the prior of the other half, but we thought of "
        "them while working on these sets.",
        table(names, rows),
        _bars(held_out, data["left_out"], default),
        "![Loss compared with ELAS u4's, for each set](plots/ranking-loss.svg)",
        "![Recall by share read, median of the sets](plots/ranking-recall.svg)",
        "Lines: median of the sets; shaded: four of five.",
        table(
            [
                *("data set", "half", "relevant", "u4 loss", "held out", "95 % over seeds"),
                *("default", "WSS@95", "work to last"),
            ],
            [
                [
                    each["data_set"],
                    each["half"],
                    f"{each['relevant']} of {each['records']:,}",
                    figure(each["base_loss"]),
                    f"{each['ratio']:.2f}",
                    "{:.2f} to {:.2f}".format(*each["interval"]),
                    f"{known[each['data_set']]['ratio']:.2f}",
                    points(each["wss95"]),
                    points(each["work_to_last"]),
                ]
                for each in sorted(held_out["sets"], key=lambda each: each["records"])
            ],
        ),
    ]
    return "\n\n".join(parts)


# Differences of shares, shown in points.
_IN_POINTS = ("wss95", "work_to_last", "work_to_last_highest")


def _bars(*measured: dict[str, Any]) -> str:
    """Each target, and whether it is met held out, without the set, and as shipped."""
    bars: list[tuple[str, str, Callable[[float], bool], str]] = [
        ("loss at most 0.85 of u4's", "ratio", lambda v: v <= 0.85, "{:.3f}"),
        ("at most 0.92 on sets above 7 %", "ratio_above_7_percent", lambda v: v <= 0.92, "{:.3f}"),
        ("worst set at most 1.05", "worst", lambda v: v <= 1.05, "{:.2f}"),
        ("no worse on 95 % of sets", "no_worse", lambda v: v >= 0.95, "{:.0%}"),
        ("WSS@95 at least 6 points higher", "wss95", lambda v: v >= 0.06, "{:+.1f}"),
        ("work to the last lower", "work_to_last", lambda v: v < 0, "{:+.1f}"),
        ("nowhere 10 points higher", "work_to_last_highest", lambda v: v <= 0.10, "{:+.1f}"),
    ]

    def said(found: dict[str, Any], key: str, met: Callable[[float], bool], show: str) -> str:
        value = found[key]
        shown = show.format(100 * value if key in _IN_POINTS else value)
        return f"{shown}, {'met' if met(value) else '**missed**'}"

    return table(
        ["target", "held out", "default, without the set", "default (in-sample)"],
        [
            [words, *(said(found, key, met, show) for found in measured)]
            for words, key, met, show in bars
        ],
    )


def replay(data: dict[str, Any]) -> str:
    """Three sets, one label at a time, compared with ASReview itself."""
    percent = lambda value: f"{100 * value:.1f} %"  # noqa: E731 - one line
    rows = []
    for row in data["runs"]:
        rows.append(
            [
                f"{row['data_set']} ({row['relevant']} of {row['records']:,})",
                row["pipeline"],
                str(row["seeds"]),
                spread(row["loss"], lambda v: f"{v:.3f}"),
                percent(row["wss95"]["median"]),
                percent(row["recall_at_10"]["median"]),
                percent(row["work_to_last"]["median"]),
                f"{row['seconds']['median']:.1f}" if row["seconds"]["median"] else "–",
            ]
        )
    same = [
        f"{row['data_set']}: {100 * row['same_order_as_elas_u4']:.1f} %"
        for row in data["runs"]
        if "same_order_as_elas_u4" in row
    ]
    kept = {row["data_set"]: row["commit"] for row in data["runs"] if "commit" in row}
    earlier = "".join(f" {name} at commit {commit}." for name, commit in kept.items())
    parts = [
        "## Replay of finished reviews",
        circumstances(data) + earlier,
        "One relevant and one irrelevant prior for each seed, a refit after each label, to "
        "the last relevant record; medians over the seeds, the loss with its range. `elas-u4` "
        "is our version of ASReview 3.0.8's default, with scikit-learn's solver. "
        "`asreview-3.0.8` is ASReview itself; its time is for the whole command, while ours "
        "leaves out only the encoding of texts. ASReview stops at a cell of over 131,072 "
        "characters, so for the comparison both read two abstracts of VIVE_child_ratio cut to "
        "131,000. The study language of the default pipeline was learned on labelled sets, "
        "including these: treat its figures as in-sample, and take only the seconds from here.",
        table(
            [
                *("data set", "pipeline", "seeds", "loss", "WSS@95", "recall @ 10 %"),
                *("work to the last", "seconds"),
            ],
            rows,
        ),
    ]
    if same:
        parts.append(
            "Places at which `elas-u4` and ASReview itself read the same record, same priors: "
            + "; ".join(same)
            + "."
        )
    beside = [row for row in data["runs"] if "default_seconds_alone" in row]
    if beside:
        parts += _speed(beside, data.get("peer_start_seconds"))
    if not data["peer"]:
        parts.append("ASReview was not installed (`make bench-peers`), so its rows are missing.")
    return "\n\n".join(parts)


def _speed(rows: list[dict[str, Any]], start: dict[str, float] | None) -> list[str]:
    seconds = lambda value: f"{value:.1f}"  # noqa: E731 - one line
    begun = start["median"] if start else 0.0
    lines = []
    for row in rows:
        peer, own = row["seconds"]["median"], row["default_seconds_alone"]["median"]
        lines.append(
            [
                row["data_set"],
                str(row["seconds"]["runs"]),
                spread(row["seconds"], seconds),
                spread(row["elas_u4_seconds_alone"], seconds),
                spread(row["default_seconds_alone"], seconds),
                f"{peer / own:.1f}",
                f"{(peer - begun) / own:.1f}",
            ]
        )
    return [
        "Seconds of a replay, the three in turn and each alone on the machine. Target: the "
        "default pipeline, all four views, 12 times as fast as `asreview simulate` on "
        "Nagtegaal_2019. "
        + (
            f"The last column excludes the start-up of ASReview's command ({begun:.1f} s)."
            if start
            else ""
        ),
        table(
            [
                *("data set", "runs", "`asreview simulate`", "`elas-u4`", "default"),
                *("times faster", "without start-up"),
            ],
            lines,
        ),
    ]


def calibration(data: dict[str, Any]) -> str:
    """Relevant records expected among the next ones, and found there."""
    rows = [
        [
            f"next {row['next']}, {row['decisions']} decisions"
            if row["decisions"] != "all"
            else f"**next {row['next']}, all**",
            f"{row['checks']:,}",
            f"{row['expected'] / row['checks']:.2f}",
            f"{row['found'] / row['checks']:.2f}",
            f"{row['expected'] / row['found']:.2f}" if row["found"] else "–",
            f"{row['mean_error']:.2f}",
        ]
        for row in data["figures"]
    ]
    return "\n\n".join(
        [
            "## Relevant records expected among the next ones, and found",
            circumstances(data),
            f"The default pipeline on {data['sets']} finished reviews, {data['seeds']} seeds, "
            "with its study language learned on the other half of them, and reading on past "
            "the last relevant record. Means over the checks; the ratio is of the sums. One "
            "constant (`_REST` in `model/score_calibration.py`) was chosen on these sets.",
            table(
                ["what", "checks", "expected", "found", "ratio", "mean error, records"],
                rows,
            ),
        ]
    )


def noise(data: dict[str, Any]) -> str:
    """Rankings that learn from a single screener's mistakes."""
    rows = [
        [
            name,
            f"{found['loss_right']:.3f}",
            f"{found['loss_mistaken']:.3f}",
            f"{found['loss_mistaken'] / found['loss_right']:.2f}",
            f"{found['work_right']:.1%}",
            f"{found['work_mistaken']:.1%}",
        ]
        for name, found in data["pipelines"].items()
    ]
    return "\n\n".join(
        [
            "## A single screener's mistakes",
            circumstances(data),
            f"{data['sets']} finished reviews, {data['seeds']} seeds each. The ranking gets "
            f"labels as a single screener gives them: {data['recall']:.0%} of the relevant "
            f"records are labelled relevant, and {data['specificity']:.1%} of the others "
            "irrelevant (the median of single screeners in 15 dual-coded social-welfare "
            "reviews). Figures use the true labels, to the last relevant record; loss is a "
            "geometric mean. The study language is learned on the other half of the sets.",
            table(
                [
                    *("pipeline", "loss, right labels", "loss, mistakes", "ratio"),
                    *("work to the last, right", "work to the last, mistakes"),
                ],
                rows,
            ),
            f"With mistakes, the default's loss is {data['default_over_u4_mistaken']:.2f} of "
            "that of `elas-u4`.",
        ]
    )


def cold_start(data: dict[str, Any]) -> str:
    """Starts from a question, from two records and from a protocol."""
    starts, sample = data["starts"], data["sample"]
    rows = [
        [
            kind,
            f"{found['loss']:.3f}",
            f"{found['first']:.1f}",
            *(f"{found[f'recall_{n}']:.1%}" for n in (10, 20, 50, 100)),
        ]
        for kind, found in starts.items()
    ]
    any_start = starts["default, question"]
    rows.append(
        [
            "random order",
            "–",
            f"{any_start['first_at_random']:.1f}",
            *(f"{any_start[f'random_{n}']:.1%}" for n in (10, 20, 50, 100)),
        ]
    )
    own = [
        [
            kind,
            f"{found['loss']:.3f}",
            str(found["first"]),
            *(f"{found[f'precision_{n}']:.0%}" for n in (10, 20, 50, 100)),
        ]
        for kind, found in sample.items()
        if isinstance(found, dict)
    ]
    share = sample["protocol"]["share_relevant"]
    return "\n\n".join(
        [
            "## Starts without a decision",
            circumstances(data),
            f"{data['sets']} finished reviews with a one-line question, written from their "
            "titles. *Question*: at first nothing else is known. *Priors*: one relevant and "
            f"one irrelevant record, {data['seeds']} seeds. *Both*: both of these. *Without "
            "question*: the question is dropped after the first fit. Loss is a geometric mean, "
            "the place of the first relevant record a median over the sets, recall after 10 to 100 "
            "reads a mean. All figures leave the priors out, so starts with and without them "
            "differ by a relevant record.",
            table(
                [
                    *("start", "loss", "first relevant", "recall @ 10", "@ 20", "@ 50", "@ 100"),
                ],
                rows,
            ),
            f"The sample review ({sample['relevant']} of {sample['records']} relevant: no evidence "
            "of work saved), from its protocol; shares of relevant records among the first reads, "
            f"in a random order {share:.0%}:",
            table(["start", "loss", "first relevant", "first 10", "20", "50", "100"], own),
        ]
    )
