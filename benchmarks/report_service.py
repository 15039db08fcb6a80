"""How much one user notices strangers and large imports, in docs/benchmarks.md."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import circumstances, table


def login_flood(data: dict[str, Any]) -> str:
    """How long answers take, and what memory the server uses, during a flood of sign-ins."""
    answers = ", ".join(
        f"{number:,} with {kind}" for kind, number in sorted(data["answers"].items())
    )
    sign_in = data["sign_in"]
    got_in = (
        f"got in after {sign_in['seconds']:.0f} s"
        if sign_in["seconds"] is not None
        else "did not get in"
    )
    return "\n\n".join(
        [
            "## Strangers who post passwords",
            circumstances(data),
            f"A real server on SQLite. For {data['seconds']:.0f} s, {data['connections']} "
            "connections post wrong passwords one after the other, each from another address and "
            "for another name, so that nothing but the queue of passwords slows them down. One "
            f"person screens meanwhile ({data['requests']:,} requests). Answered: {answers}. A "
            f"person with the right password, who tried again each second, {got_in} "
            f"(tries: {sign_in['tries']}).",
            table(
                ["of the person who screens, or the server", "before", "during", "bar"],
                [
                    [
                        "time of a card or a decision, p95",
                        f"{data['p95_before_ms']:,.0f} ms",
                        f"{data['p95_ms']:,.0f} ms",
                        f"{data['bar_ms']:,.0f} ms",
                    ],
                    ["errors", "", f"{sum(data['errors'].values()):,}", "0"],
                    [
                        "memory, most",
                        f"{data['memory_before_mb']:,} MB",
                        f"{data['memory_mb']:,} MB",
                        "",
                    ],
                ],
            ),
        ]
    )


def encoding_beside(data: dict[str, Any]) -> str:
    """How long a new order takes beside a large import, and memory at rest."""
    seconds = lambda value: f"{value:.2f} s"  # noqa: E731 - one line
    rest = data["rest"]
    return "\n\n".join(
        [
            "## A large import beside a small review",
            circumstances(data),
            f"A real server with its worker and encoder, on SQLite. One review has "
            f"{data['small']:,} records; {data['records']:,} are imported into another "
            f"({data['import_s']:.0f} s), then prepared, ordered by words and encoded. "
            f"{data['decisions']:,} decisions are made in the small review from the end of the "
            f"import on; by the last, {data['encoded']:,} of {data['to_encode']:,} texts were "
            "encoded. The large review has its first order, by words, "
            f"{data['first_order_s']:.0f} s after the import.",
            table(
                ["decision to new order in the small review", "median", "p95", "bar"],
                [
                    [
                        "before the import",
                        seconds(data["before_p50_s"]),
                        seconds(data["before_p95_s"]),
                        "",
                    ],
                    [
                        "from its end on",
                        seconds(data["p50_s"]),
                        seconds(data["p95_s"]),
                        seconds(data["bar_s"]),
                    ],
                    [
                        "until the large review's first order",
                        "",
                        seconds(data["until_first_p95_s"]),
                        "",
                    ],
                ],
            ),
            "Memory at rest, with the sample review in order and the encoder ended (proportional "
            "set size):",
            table(
                ["process", "memory", "bar"],
                [
                    [name, f"{rest[f'{name}_mb']:,} MB", f"{rest[f'{name}_bar_mb']:,} MB"]
                    for name in ("worker", "server")
                ],
            ),
        ]
    )
