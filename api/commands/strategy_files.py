"""Strategies in files: read, translated into a source's syntax, matched with records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api.commands.output import Json, Output, command, find_review, opened
from api.services.searching import strategies
from api.services.searching.losses import dump_losses
from api.wording import count_noun
from harvest.errors import ForeignSyntax, UnreadableFile
from harvest.json_text import parse_json
from harvest.render import registry
from harvest.render.losses import Loss
from harvest.strategy.match import Explained, Explainer, create_passage
from harvest.strategy.syntax import NAMES, Syntax
from harvest.strategy.toml import from_dict
from harvest.strategy.tree import Strategy, Thesaurus, expand, leaves

FileArgument = Annotated[
    Path, typer.Argument(help="Strategy: TOML, JSON, or text with PubMed's numbered lines.")
]
LineOption = Annotated[
    str | None, typer.Option("--line", help="Line to run instead of the file's own.")
]


SyntaxOption = Annotated[
    str | None,
    typer.Option("--syntax", help=f"The platform's syntax: {', '.join(NAMES)}; default: found."),
]


def parse_syntax(name: str | None) -> Syntax | None:
    """The syntax of a name.

    Raises:
        typer.BadParameter: there is no such syntax.
    """
    for syntax in NAMES:
        if syntax == name:
            return syntax
    if name is not None:
        raise typer.BadParameter(
            f"choose one of {', '.join(NAMES)}, not {name!r}", param_hint="--syntax"
        )
    return None


def read_strategy(path: Path, line: str | None = None, syntax: Syntax | None = None) -> Strategy:
    """A strategy from a file: TOML or JSON by its extension, else plain text.

    Raises:
        StrategyError: it cannot be read, or is in a syntax that Winnow does not read.
        UnreadableFile: it is not UTF-8 text.
    """
    return from_dict(strategies.read_body(read_text(path), path.suffix, use=line, syntax=syntax))


def read_text(path: Path) -> str:
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


def check(
    file: FileArgument,
    line: LineOption = None,
    syntax: SyntaxOption = None,
    review: Annotated[
        str | None,
        typer.Option("--review", help="Compare its limits with the protocol of this review."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show whose syntax a strategy is in, how Winnow reads it, and what to look at."""
    declared = parse_syntax(syntax)
    with command(as_json, file=file) as output:
        try:
            strategy = read_strategy(file, line, declared)
        except ForeignSyntax as error:
            _show_foreign(output, error)
            return
        limit_warnings = _compare_with_protocol(strategy, review) if review else []
        terms = list(leaves(expand(strategy)))
        headings = sum(isinstance(term.node, Thesaurus) for term in terms)
        result = {
            "syntax": "pubmed",
            "readable": True,
            "title": strategy.title,
            "note": strategy.note,
            "use": strategies.line_name(strategy.use),
            "alternatives": [strategies.line_name(name) for name in strategy.alternatives],
            "lines": [
                {
                    "number": strategies.line_name(item.name),
                    "label": item.label,
                    "text": item.text,
                    "reported": item.reported,
                }
                for item in strategy.lines.values()
            ],
            "leaves": len(terms),
            "thesaurus_leaves": headings,
            "warnings": [*strategy.notices, *limit_warnings],
        }

        def show(console: Console) -> None:
            if strategy.note:
                console.print(strategy.note, markup=False, style="bold")
            for item in strategy.lines.values():
                mark = "→" if item.name == strategy.use else " "
                label = f" ({item.label})" if item.label else ""
                console.print(f"{mark} #{item.name}{label}: {item.text}", markup=False)
            for notice in (*strategy.notices, *limit_warnings):
                console.print(f"Look at: {notice}", markup=False)
            console.print(
                f"Line #{strategy.use} is run: {count_noun(len(terms) - headings, 'term')} and "
                f"{count_noun(headings, 'heading')}.",
                markup=False,
            )

        output.result(result, show)


def _compare_with_protocol(strategy: Strategy, slug: str) -> list[str]:
    """Where the strategy limits otherwise than the protocol of a review."""
    with opened() as store, store.read() as session:
        found = find_review(session, slug)
        return strategies.list_limit_warnings(session, found.id, strategy)


def _show_foreign(output: Output, error: ForeignSyntax) -> None:
    """Say in whose syntax a strategy is that Winnow does not read, and what to do."""
    words = f"{error.message} {error.remedy}"
    result = {"syntax": error.syntax, "readable": False, "lines": [], "warnings": [words]}
    output.result(result, lambda console: console.print(words, markup=False))


def render(
    file: FileArgument,
    source: Annotated[str, typer.Option(help="pubmed, europepmc or openalex.")],
    line: LineOption = None,
    syntax: SyntaxOption = None,
    as_json: Json = False,
) -> None:
    """Translate a strategy into a source's syntax, and list what is lost."""
    declared = parse_syntax(syntax)
    with command(as_json, file=file) as output:
        rendered = registry.render(read_strategy(file, line, declared), source)
        one = len(rendered.queries) == 1
        result: dict[str, Any] = {
            "source": source,
            **({"query": rendered.queries[0]} if one else {"queries": list(rendered.queries)}),
            "losses": dump_losses(rendered.losses),
            "blocked": rendered.blocked,
        }

        def show(console: Console) -> None:
            for query in rendered.queries:
                console.print(query, markup=False, soft_wrap=True)
            _show_losses(console, rendered.losses)
            if rendered.blocked:
                console.print(
                    "\nBlocked: replace each term that would find less, or accept the loss in "
                    "writing ([[replace]] and [[accept]] in the strategy's file).",
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
    for (_, direction, kind, reason), terms in sorted(groups.items()):
        number = count_noun(len(terms), "term")
        console.print(f"\n{direction}, {kind}, {number}: {', '.join(terms)}", markup=False)
        if reason:
            console.print(f"  accepted: {reason}", markup=False)


def explain(
    file: FileArgument,
    records: Annotated[Path, typer.Option(help="JSON Lines: id, title, abstract, keywords.")],
    line: LineOption = None,
    as_json: Json = False,
) -> None:
    """Say which records the strategy finds, and which lines keep the others out."""
    with command(as_json, file=file) as output:
        strategy = read_strategy(file, line)
        with command(as_json, file=records):
            explained = _explained(Explainer(strategy), records)
        result = {
            "records": [
                {
                    "id": name,
                    "matched": record.matched,
                    "text_matched": record.text_matched,
                    "rejected_by": [strategies.line_name(number) for number in record.rejected_by],
                }
                for name, record in explained
            ]
        }

        def show(console: Console) -> None:
            table = Table("record", "found by its text", "lines that keep it out")
            for name, record in explained:
                lines = ", ".join(f"#{number}" for number in record.rejected_by)
                table.add_row(str(name), "yes" if record.text_matched else "no", lines)
            console.print(table)
            matched = sum(record.text_matched for _, record in explained)
            records = count_noun(len(explained), "record")
            verb = "is" if matched == 1 else "are"
            console.print(f"{matched} of {records} {verb} found by the text alone.")

        output.result(result, show)


def _explained(explainer: Explainer, path: Path) -> list[tuple[Any, Explained]]:
    """Each record of a file with its explanation, in the order of the lines.

    Raises:
        UnreadableFile: a line is no record.
    """
    explained = []
    for number, text in enumerate(read_text(path).split("\n"), 1):
        if not text.strip():
            continue
        record = _record(text, number)
        keywords = record.get("keywords") or []
        passed = create_passage(
            str(record.get("title") or ""),
            str(record.get("abstract") or ""),
            map(str, keywords) if isinstance(keywords, list) else [str(keywords)],
            str(record.get("language") or ""),
        )
        explained.append((record.get("id", number), explainer.explain(passed)))
    return explained


def _record(text: str, line: int) -> dict[str, Any]:
    """A record from a line of JSON."""
    try:
        record = parse_json(text)
    except ValueError as error:
        raise UnreadableFile(
            f"The line is not JSON: {error}.", remedy="Correct it.", line=line
        ) from error
    if not isinstance(record, dict):
        raise UnreadableFile(
            "The line is not a JSON object.", remedy="Write one record per line.", line=line
        )
    return record
