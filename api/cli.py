"""`winnow …`: the program's entry point."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from api import __version__

# Where each command stands: its module under api/commands, and its function or its group there.
_WHERE: dict[str, tuple[str, str]] = {
    "init": ("server", "init"),
    "import": ("records", "import_records"),
    "dedupe": ("deduping", "dedupe"),
    "dedupe-report": ("deduping", "dedupe_report"),
    "withdraw": ("records", "withdraw"),
    "rank": ("screening", "rank"),
    "explain": ("screening", "explain"),
    "queue": ("screening", "queue"),
    "decide": ("screening", "decide"),
    "simulate": ("simulating", "simulate_files"),
    "evaluate": ("evaluating", "evaluate"),
    "export": ("records", "export"),
    "serve": ("server", "serve"),
    "worker": ("server", "run_worker"),
    "doctor": ("server", "doctor"),
    "user": ("people", "app"),
    "review": ("reviews", "app"),
    "team": ("team", "app"),
    "strategy": ("strategies", "app"),
    "harvest": ("harvesting", "app"),
    "night": ("nights", "app"),
    "pool": ("pooling", "app"),
    "events": ("events", "app"),
}


class Commands(TyperGroup):
    """Loads a command when it is asked for, so that each waits for its own imports alone."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Typer looks here for what a misspelt name may mean.
        self.commands = dict.fromkeys(_WHERE)  # type: ignore[assignment] # loaded below

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all commands, in the order of the help."""
        return [*_WHERE]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by its name; None where there is none. Typer keeps its types to itself."""
        if cmd_name not in _WHERE:
            return None
        module, name = _WHERE[cmd_name]
        found = getattr(import_module(f"api.commands.{module}"), name)
        if isinstance(found, typer.Typer):
            command: Any = get_group(found)
        else:
            alone = typer.Typer(add_completion=False)
            alone.command(cmd_name)(found)
            command = get_command(alone)
        command.name = cmd_name
        return command


app = typer.Typer(
    name="winnow",
    cls=Commands,
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


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
