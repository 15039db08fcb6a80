"""The command line, `winnow`."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from api import __version__

# The module of each command under api/commands, and its function or group there.
_COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("server", "init"),
    "import": ("imports", "import_records"),
    "dedupe": ("duplicates", "dedupe"),
    "dedupe-report": ("duplicates", "dedupe_report"),
    "withdraw": ("records", "withdraw"),
    "rank": ("screening", "rank"),
    "explain": ("screening", "explain"),
    "queue": ("screening", "queue"),
    "decide": ("screening", "decide"),
    "simulate": ("simulation", "simulate_files"),
    "known": ("gold_lists", "app"),
    "evaluate": ("evaluation", "evaluate"),
    "export": ("records", "export"),
    "search-log": ("search_log", "search_log"),
    "serve": ("server", "serve"),
    "worker": ("server", "run_worker"),
    "doctor": ("doctor", "doctor"),
    "verify": ("verify", "verify"),
    "user": ("people", "app"),
    "review": ("reviews", "app"),
    "team": ("team", "app"),
    "strategy": ("strategies", "app"),
    "harvest": ("harvests", "app"),
    "night": ("schedules", "app"),
    "pool": ("pool", "app"),
    "events": ("record_events", "app"),
}


class Commands(TyperGroup):
    """Loads a command when it is called, so that it waits for its own imports only."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Typer suggests one of these for a misspelt name.
        self.commands = dict.fromkeys(_COMMANDS)  # type: ignore[assignment] # each is loaded later

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all commands, in the order of the help."""
        return [*_COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command by its name, or None. Typer does not export its types."""
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        loaded = getattr(import_module(f"api.commands.{module}"), name)
        if isinstance(loaded, typer.Typer):
            command: Any = get_group(loaded)
        else:
            single = typer.Typer(add_completion=False)
            single.command(cmd_name)(loaded)
            command = get_command(single)
        command.name = cmd_name
        return command


app = typer.Typer(
    name="winnow",
    cls=Commands,
    help="Rank and screen records for an evidence review, and measure recall.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(asked_for: bool) -> None:
    if asked_for:
        print(f"winnow-review {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    config: Annotated[
        Path | None, typer.Option(help="Settings file (TOML); its values replace the defaults.")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data folder.")] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Options before the command apply to this process and to the worker that it starts."""
    if config is not None:
        os.environ["WINNOW_CONFIG"] = str(config)
    if data_dir is not None:
        os.environ["WINNOW_DATA_DIR"] = str(data_dir.absolute())


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
