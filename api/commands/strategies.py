"""`winnow strategy`: a search strategy checked, translated, and explained on records."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api.commands.output import Json, command
from harvest.errors import StrategyError, UnreadableFile
from harvest.render.losses import Loss
from harvest.render.registry import render as render_for
from harvest.strategy.match import Explained, Explainer, passage
from harvest.strategy.parse import parse
from harvest.strategy.toml import from_dict
from harvest.strategy.tree import Strategy, Thesaurus, leaves, placed

app = typer.Typer(help="Check, translate and explain a search strategy.", no_args_is_help=True)

FileArgument = Annotated[
    Path, typer.Argument(help="Strategy: TOML, JSON, or text with PubMed's numbered lines.")
]
LineOption = Annotated[
    str | None, typer.Option("--line", help="Line that is the strategy, in place of the file's.")
]


_DOCUMENTS: Mapping[str, Callable[[str], Any]] = {".toml": tomllib.loads, ".json": json.loads}


def read_strategy(path: Path, line: str | None = None) -> Strategy:
    """A strategy from a file: TOML or JSON by its extension, else plain text.

    Raises:
        StrategyError: it cannot be read.
        UnreadableFile: it is not UTF-8 text.
    """
    text = _utf8(path)
    if path.suffix in _DOCUMENTS:
        try:
            return from_dict(_DOCUMENTS[path.suffix](text), use=line)
        except ValueError as error:
            # Both libraries end their message with the place, or with "at end of document".
            place = re.search(r"line (\d+),? column (\d+)", str(error))
            end = text.rstrip().split("\n")
            raise StrategyError(
                f"The file is not {path.suffix[1:].upper()}: {error}.",
                remedy="Mend it there.",
                line=int(place.group(1)) if place else len(end),
                column=int(place.group(2)) if place else len(end[-1]) + 1,
            ) from error
    return parse(text, use=line)


def _utf8(path: Path) -> str:
    """A file's text.

    Raises:
        UnreadableFile: it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise UnreadableFile(
            "The file is not UTF-8 text.", remedy="Save it as plain text in UTF-8.", line=line
        ) from error


def _line(name: str) -> int | str:
    return int(name) if name.isdigit() else name


@app.command("check")
def check(file: FileArgument, line: LineOption = None, as_json: Json = False) -> None:
    """Read a strategy and tell what was normalised or guessed in reading it."""
    with command(as_json, file=file) as output:
        strategy = read_strategy(file, line)
        found = list(leaves(placed(strategy)))
        result = {
            "title": strategy.title,
            "note": strategy.note,
            "use": _line(strategy.use),
            "alternatives": [_line(name) for name in strategy.alternatives],
            "lines": [
                {"number": _line(item.name), "label": item.label, "text": item.text}
                for item in strategy.lines.values()
            ],
            "leaves": len(found),
            "thesaurus_leaves": sum(isinstance(leaf.node, Thesaurus) for leaf in found),
            "notices": list(strategy.notices),
        }

        def show(console: Console) -> None:
            if strategy.note:
                console.print(strategy.note, markup=False, style="bold")
            for item in strategy.lines.values():
                mark = "→" if item.name == strategy.use else " "
                label = f" ({item.label})" if item.label else ""
                console.print(f"{mark} #{item.name}{label}: {item.text}", markup=False)
            for notice in strategy.notices:
                console.print(f"Note: {notice}", markup=False)
            console.print(
                f"Line #{strategy.use} is the strategy: {result['leaves']} terms and headings, "
                f"{result['thesaurus_leaves']} of them headings.",
                markup=False,
            )

        output.result(result, show)


def loss_of(loss: Loss) -> dict[str, Any]:
    """A loss as JSON."""
    return {
        "leaf": loss.leaf,
        "kind": loss.kind,
        "direction": loss.direction,
        "places": list(loss.places),
        "accepted": loss.accepted,
    }


@app.command("render")
def render(
    file: FileArgument,
    source: Annotated[str, typer.Option(help="pubmed, europepmc or openalex.")],
    line: LineOption = None,
    as_json: Json = False,
) -> None:
    """Write a strategy in a source's syntax and tell what the translation loses."""
    with command(as_json, file=file) as output:
        rendered = render_for(read_strategy(file, line), source)
        one = len(rendered.queries) == 1
        result: dict[str, Any] = {
            "source": source,
            **({"query": rendered.queries[0]} if one else {"queries": list(rendered.queries)}),
            "losses": [loss_of(loss) for loss in rendered.losses],
            "blocked": rendered.blocked,
        }

        def show(console: Console) -> None:
            for query in rendered.queries:
                console.print(query, markup=False, soft_wrap=True)
            _show_losses(console, rendered.losses)
            if rendered.blocked:
                console.print(
                    "\nBlocked: replace each narrowing loss, or accept it in writing "
                    "([[replace]] and [[accept]] in the strategy's file).",
                    markup=False,
                )

        output.result(result, show)


def _show_losses(console: Console, losses: tuple[Loss, ...]) -> None:
    if not losses:
        console.print("\nNothing is lost.")
        return
    groups: dict[tuple[bool, str, str, str], list[str]] = {}
    for loss in losses:
        key = (not loss.blocks, loss.direction, loss.kind, loss.accepted or "")
        groups.setdefault(key, []).append(loss.leaf)
    for (_, direction, kind, reason), found in sorted(groups.items()):
        words = f"{direction}, {kind}, {len(found)} leaves: {', '.join(found)}"
        console.print(f"\n{words}", markup=False)
        if reason:
            console.print(f"  accepted: {reason}", markup=False)


@app.command("explain")
def explain(
    file: FileArgument,
    records: Annotated[Path, typer.Option(help="JSON Lines: id, title, abstract, keywords.")],
    line: LineOption = None,
    as_json: Json = False,
) -> None:
    """Tell for each record whether the strategy finds it, and which lines keep it out."""
    with command(as_json, file=file) as output:
        strategy = read_strategy(file, line)
        with command(as_json, file=records):
            found = _explained(Explainer(strategy), records)
        result = {
            "records": [
                {
                    "id": name,
                    "matched": told.matched,
                    "text_matched": told.text_matched,
                    "rejected_by": [_line(number) for number in told.rejected_by],
                }
                for name, told in found
            ]
        }

        def show(console: Console) -> None:
            table = Table("record", "found by its text", "lines that keep it out")
            for name, told in found:
                lines = ", ".join(f"#{number}" for number in told.rejected_by)
                table.add_row(str(name), "yes" if told.text_matched else "no", lines)
            console.print(table)
            yes = sum(told.text_matched for _, told in found)
            console.print(f"{yes} of {len(found)} records are found by their text.")

        output.result(result, show)


def _explained(explainer: Explainer, path: Path) -> list[tuple[Any, Explained]]:
    """One result a line, in the order of the lines.

    Raises:
        UnreadableFile: a line is no record.
    """
    found = []
    for number, text in enumerate(_utf8(path).split("\n"), 1):
        if not text.strip():
            continue
        try:
            data = json.loads(text)
        except ValueError as error:
            raise UnreadableFile(
                f"The line is not JSON: {error}.", remedy="Mend it.", line=number
            ) from error
        if not isinstance(data, dict):
            raise UnreadableFile(
                "The line is no JSON object.", remedy="Write one record a line.", line=number
            )
        keywords = data.get("keywords") or []
        text_of = passage(
            str(data.get("title") or ""),
            str(data.get("abstract") or ""),
            map(str, keywords) if isinstance(keywords, list) else [str(keywords)],
            str(data.get("language") or ""),
        )
        found.append((data.get("id", number), explainer.explain(text_of)))
    return found
