"""`winnow …`: the program's entry point."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from api import __version__
from api.commands import (
    deduping,
    evaluating,
    events,
    harvesting,
    nights,
    people,
    pooling,
    records,
    reviews,
    screening,
    server,
    simulating,
    strategies,
    team,
)

app = typer.Typer(
    name="winnow",
    help="Screen bibliographic records for an evidence review, ranked, and measure recall.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"winnow-review {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    config: Annotated[
        Path | None, typer.Option(help="Settings file (TOML) over the defaults.")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data folder.")] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command hold for this process and the worker it starts."""
    if config is not None:
        os.environ["WINNOW_CONFIG"] = str(config)
    if data_dir is not None:
        os.environ["WINNOW_DATA_DIR"] = str(data_dir.absolute())


app.command("init")(server.init)
app.command("import")(records.import_records)
app.command("dedupe")(deduping.dedupe)
app.command("dedupe-report")(deduping.dedupe_report)
app.command("withdraw")(records.withdraw)
app.command("rank")(screening.rank)
app.command("explain")(screening.explain)
app.command("queue")(screening.queue)
app.command("decide")(screening.decide)
app.command("simulate")(simulating.simulate_files)
app.command("evaluate")(evaluating.evaluate)
app.command("export")(records.export)
app.command("serve")(server.serve)
app.command("worker")(server.run_worker)
app.command("doctor")(server.doctor)
app.add_typer(people.app, name="user")
app.add_typer(reviews.app, name="review")
app.add_typer(team.app, name="team")
app.add_typer(strategies.app, name="strategy")
app.add_typer(harvesting.app, name="harvest")
reviews.app.command("complete")(pooling.complete)
reviews.app.command("versions")(pooling.list_versions)
app.add_typer(nights.app, name="night")
app.add_typer(pooling.app, name="pool")
app.add_typer(events.app, name="events")


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
