"""winnow verify: whether stored numbers agree with what they were counted from."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from api.commands.output import Json, command, opened
from api.services.reviews import verifying
from api.wording import count_noun


def verify(
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Correct wrong counts, make missing triggers again, then check."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Count again what is stored, and compare: counts, states, cards, audit trail."""
    with command(as_json) as output, opened() as store:
        repaired = verifying.repair_counts(store) if repair else 0
        with output.progress("Checking") as progress:
            results = verifying.verify(store, progress)
        ok = all(result.ok for result in results)

        def show(screen: Console) -> None:
            if repaired:
                screen.print(f"Corrected {count_noun(repaired, 'problem')}.")
            if ok:
                screen.print(f"All {len(results)} checks passed.")
                return
            for result in results:
                screen.print(f"{'ok  ' if result.ok else 'FAIL'} {result.name}", markup=False)
                for problem in verifying.describe_problems(result):
                    screen.print(f"     {problem}", markup=False)
                if not result.ok:
                    screen.print(f"     What to do: {result.remedy}", markup=False)

        data = {
            "ok": ok,
            "repaired": repaired,
            "checks": [
                {
                    "name": result.name,
                    "ok": result.ok,
                    "problems": list(result.problems),
                    "remedy": None if result.ok else result.remedy,
                }
                for result in results
            ],
        }
        output.result(data, show)
        if not ok:
            raise typer.Exit(1)
