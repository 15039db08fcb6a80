"""`winnow strategy`: a strategy checked, translated, explained, saved, its losses settled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api.commands.output import (
    AsOption,
    Json,
    ReviewOption,
    command,
    find_person,
    find_review,
    opened,
    settings,
)
from api.services import counting, sources, strategies
from harvest.errors import UnreadableFile
from harvest.render.losses import Loss
from harvest.render.registry import render as render_for
from harvest.strategy.match import Explained, Explainer, passage
from harvest.strategy.toml import from_dict
from harvest.strategy.tree import Strategy, Thesaurus, leaves, placed
from store import strategies as stored

app = typer.Typer(help="Check, translate and explain a search strategy.", no_args_is_help=True)

FileArgument = Annotated[
    Path, typer.Argument(help="Strategy: TOML, JSON, or text with PubMed's numbered lines.")
]
LineOption = Annotated[
    str | None, typer.Option("--line", help="Line that is the strategy, in place of the file's.")
]


def read_strategy(path: Path, line: str | None = None) -> Strategy:
    """A strategy from a file: TOML or JSON by its extension, else plain text.

    Raises:
        StrategyError: it cannot be read.
        UnreadableFile: it is not UTF-8 text.
    """
    return from_dict(strategies.body_of(_utf8(path), path.suffix, use=line))


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


@app.command("check")
def check(file: FileArgument, line: LineOption = None, as_json: Json = False) -> None:
    """Read a strategy and tell what was normalised or guessed in reading it."""
    with command(as_json, file=file) as output:
        strategy = read_strategy(file, line)
        found = list(leaves(placed(strategy)))
        result = {
            "title": strategy.title,
            "note": strategy.note,
            "use": strategies.line_name(strategy.use),
            "alternatives": [strategies.line_name(name) for name in strategy.alternatives],
            "lines": [
                {"number": strategies.line_name(item.name), "label": item.label, "text": item.text}
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
            "losses": [strategies.loss_json(loss) for loss in rendered.losses],
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
                    "rejected_by": [strategies.line_name(number) for number in told.rejected_by],
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


@app.command("save")
def save(
    file: FileArgument,
    line: LineOption = None,
    reason: Annotated[str | None, typer.Option(help="Why it was changed.")] = None,
    peer_review: Annotated[
        str | None, typer.Option(help="How it was peer reviewed (PRESS): by whom, when.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Turn known relevant records that were shown as missed.")
    ] = False,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Save a strategy as a new version of a review's."""
    with command(as_json, file=file) as output:
        body = strategies.body_of(_utf8(file), file.suffix, use=line)
        with opened() as store, store.write() as session:
            person = find_person(session, actor)
            found = find_review(session, review)
            strategies.unlocked(session, found.id, body, confirm=yes)
            turned = stored.opened_gold(session, found.id)
            version = strategies.save(session, found.id, body, reason=reason, person_id=person.id)
            info = stored.version(session, found.id, version)
            if peer_review is not None:
                stored.set_peer_review(session, found.id, info.id, peer_review, person_id=person.id)
        result = {
            "review": found.slug,
            "version": version,
            "lines": len(from_dict(body).lines),
            "development": len(turned),
            "acceptances_carried": sum(a.carried for a in info.acceptances),
        }
        output.result(
            result,
            lambda console: console.print(
                f"Version {version} of the strategy of {found.slug} is saved"
                + (
                    f"; {len(turned)} known relevant records are development now."
                    if turned
                    else "."
                ),
                markup=False,
            ),
        )


@app.command("show")
def show_saved(
    version: Annotated[int | None, typer.Option(help="Version; default the newest.")] = None,
    review: ReviewOption = None,
    as_json: Json = False,
) -> None:
    """Show a review's saved strategy with what was accepted of it and its hits."""
    with command(as_json) as output, opened() as store, store.read() as session:
        found = find_review(session, review)
        current = strategies.current(session, found.id, version)
        counted = stored.hits(session, current.info.id)
        result = {
            "review": found.slug,
            "version": current.info.version,
            "use": strategies.line_name(current.strategy.use),
            "lines": [
                {
                    "number": strategies.line_name(item.name),
                    "label": item.label,
                    "text": item.text,
                    "hits": {h.source: h.hits for h in counted if h.line == item.name},
                }
                for item in current.strategy.lines.values()
            ],
            "peer_review": current.info.peer_review,
            "acceptances": [
                {"source": a.source, "kind": a.kind, "leaf": a.leaf, "reason": a.reason}
                for a in current.strategy.acceptances
            ],
        }

        def show(console: Console) -> None:
            console.print(f"Version {current.info.version}", style="bold")
            for item in current.strategy.lines.values():
                mark = "→" if item.name == current.strategy.use else " "
                console.print(f"{mark} #{item.name}: {item.text}", markup=False)
                numbers = [
                    f"{h.source} {_hits(h.hits, h.at_most)}" for h in counted if h.line == item.name
                ]
                if numbers:
                    console.print(f"    hits: {', '.join(numbers)}", markup=False)
            for a in current.strategy.acceptances:
                console.print(
                    f"accepted at {a.source}: {a.kind} {a.leaf or '(all)'}: {a.reason}",
                    markup=False,
                )

        output.result(result, show)


def _hits(hits: int | None, at_most: bool) -> str:
    if hits is None:
        return "not countable"
    return f"at most {hits:,}" if at_most else f"{hits:,}"


SourcesOption = Annotated[
    list[str] | None, typer.Option("--source", help="Source; may be repeated; default all.")
]


@app.command("hits")
def hits(
    source: SourcesOption = None,
    review: ReviewOption = None,
    as_json: Json = False,
) -> None:
    """Count each line's hits and the whole's at the sources, and what fetching would cost."""
    with command(as_json) as output:
        chosen = settings()
        with opened(chosen) as store:
            with store.read() as session:
                found = find_review(session, review)
                current = strategies.current(session, found.id)
            names = source or list(chosen.sources)
            asked = []
            with sources.client(chosen) as client:
                for name in names:
                    with output.progress(f"asking {name}") as progress:
                        told = counting.count(
                            store, chosen, client, current, name, progress=progress
                        )
                    asked.append(told)
        result = {"review": found.slug, "version": current.info.version, "sources": asked}

        def show(console: Console) -> None:
            for told in asked:
                _show_hits(console, told)

        output.result(result, show)


def _show_hits(console: Console, told: dict[str, Any]) -> None:
    table = Table("line", "hits", "note", title=told["source"])
    for item in told["lines"]:
        table.add_row(
            f"#{item['number']}", _hits(item["hits"], item["at_most"]), item["problem"] or ""
        )
    console.print(table)
    whole = told["whole"]
    words = (
        f"Line #{whole['line']}: {_hits(whole['hits'], whole['at_most'])} hits; about "
        f"{whole['requests']:,} requests, {whole['minutes']:g} minutes at the source's pace"
    )
    if whole["cost_usd"] is not None:
        words += f", ${whole['cost_usd']:g} of ${whole['budget_usd']:g} a day"
    console.print(f"{words}.", markup=False)
    for lost in told["lost"]:
        state = "accepted" if lost["accepted"] else "blocks"
        console.print(
            f"  {lost['kind']}: {lost['leaves']} leaves, by themselves "
            f"{_hits(lost['hits'], False)} hits at PubMed ({state})",
            markup=False,
        )
    for warning in told["warnings"]:
        console.print(f"  {warning['kind']}: {warning['phrase']}", markup=False)


@app.command("map")
def map_leaf(
    leaf: Annotated[str, typer.Argument(help="The leaf as `winnow strategy render` lists it.")],
    other: Annotated[str, typer.Option("--with", help="What stands for it, in PubMed's syntax.")],
    source: Annotated[str, typer.Option(help="The source at which it is replaced.")],
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Replace a leaf at one source; makes a new version."""
    with command(as_json) as output, opened() as store, store.write() as session:
        person = find_person(session, actor)
        found = find_review(session, review)
        version = strategies.map_leaf(
            session,
            found.id,
            source=source,
            leaf=leaf,
            other=other,
            reason=reason,
            person_id=person.id,
        )
        rendered = strategies.current(session, found.id).rendered(source)
        output.result(
            {"review": found.slug, "version": version, "blocked": rendered.blocked},
            lambda console: console.print(
                f"Version {version}: {leaf} is {other} at {source}.", markup=False
            ),
        )


@app.command("accept")
def accept(
    source: Annotated[str, typer.Option(help="The source.")],
    kind: Annotated[str, typer.Option(help="Kind of loss or warning, as it was listed.")],
    reason: Annotated[str, typer.Option(help="Why it does no harm; it stands in the search log.")],
    leaf: Annotated[
        str | None, typer.Option(help="One leaf or phrase; default all of the kind.")
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Accept in writing what a source loses or changes of the strategy."""
    with command(as_json) as output, opened() as store, store.write() as session:
        person = find_person(session, actor)
        found = find_review(session, review)
        number = strategies.accept(
            session,
            found.id,
            source=source,
            kind=kind,
            leaf=leaf,
            reason=reason,
            person_id=person.id,
        )
        current = strategies.current(session, found.id)
        blocked = current.rendered(source).blocked
        output.result(
            {
                "review": found.slug,
                "version": current.info.version,
                "accepted": number,
                "blocked": blocked,
            },
            lambda console: console.print(
                f"Accepted for version {current.info.version} at {source}: {kind}, {number} "
                f"{'leaf' if number == 1 else 'leaves'}."
                + (" Other losses still block." if blocked else ""),
                markup=False,
            ),
        )
