"""`winnow strategy`: strategies in files, and the saved strategy of a review."""

from __future__ import annotations

import typer

from api.commands import saved_strategies, strategy_files

app = typer.Typer(
    help="Check, translate, save and explain a search strategy.", no_args_is_help=True
)

app.command("check")(strategy_files.check)
app.command("render")(strategy_files.render)
app.command("explain")(strategy_files.explain)
app.command("save")(saved_strategies.save)
app.command("show")(saved_strategies.show)
app.command("hits")(saved_strategies.hits)
app.command("map")(saved_strategies.replace_leaf)
app.command("accept")(saved_strategies.accept)
