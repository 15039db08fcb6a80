"""Read a strategy from a TOML document: lines or blocks, replacements and acceptances."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from harvest.errors import StrategyError
from harvest.strategy.normalise import normalise
from harvest.strategy.parse import check_references, parse_line
from harvest.strategy.readers import PUBMED, Reader
from harvest.strategy.tree import (
    Acceptance,
    Line,
    Node,
    Or,
    Replacement,
    Strategy,
    Text,
    Thesaurus,
    disjunction,
    list_unused_lines,
)

_KEYS = {
    *("title", "note", "use", "alternatives", "text", "lines", "blocks", "combine"),
    *("replace", "accept"),
    *("version", "truncation", "optional", "recommended", "status", "mesh_to_confirm"),
}


def from_dict(
    data: Mapping[str, Any], *, use: str | None = None, reader: Reader = PUBMED
) -> Strategy:
    """Read a strategy from a TOML document's tables, or from JSON of the same shape.

    There are three ways to write one. ``[[lines]]`` have ``number``, ``text`` in PubMed's syntax,
    and optionally ``label``. Or ``[blocks.NAME]`` have lists ``text``, ``mesh`` and ``mesh_noexp``,
    joined by OR, and ``[combine]`` has expressions of block names. Or ``text`` is a plain strategy
    with numbered lines, in the syntax of ``reader``. ``use`` names the line to run.

    ``[[replace]]`` has ``source``, ``leaf``, ``with`` and ``reason``. ``[[accept]]`` has
    ``source``, ``kind``, ``reason``, and optionally ``leaf``.

    Raises:
        StrategyError: a key is unknown or missing, or a line cannot be parsed.
    """
    unknown = set(data) - _KEYS
    if unknown:
        raise _wrong(f"There is no key {sorted(unknown)[0]!r} in a strategy.", sorted(_KEYS))
    for name in ("alternatives", "replace", "accept"):
        if not isinstance(data.get(name, []), list):
            raise _wrong(f"{name!r} is not a list.", [f"[[{name}]]"])
    notices: list[str] = []
    if "text" in data:
        named = use or (str(data["use"]) if "use" in data else None)
        plain = reader.read(str(data["text"]), use=named)
        lines = dict(plain.lines)
        notices.extend(plain.notices)
    elif "lines" in data:
        lines = _lines(data["lines"], notices)
    elif "blocks" in data:
        lines = _blocks(data, notices)
    else:
        raise _wrong("The strategy has neither lines nor blocks.", ["lines", "blocks", "text"])
    strategy = Strategy(
        lines=lines,
        use=use or str(data.get("use") or data.get("recommended") or list(lines)[-1]),
        title=str(data["title"]) if data.get("title") else None,
        note=str(data.get("note") or data.get("status") or "") or None,
        notices=tuple(notices),
        alternatives=tuple(str(name) for name in data.get("alternatives", ())),
        replacements=tuple(_replacement(item) for item in data.get("replace", ())),
        acceptances=tuple(_acceptance(item) for item in data.get("accept", ())),
    )
    check_references(strategy)
    unused = "" if "blocks" in data else ", ".join(f"#{n}" for n in list_unused_lines(strategy))
    if unused:
        warning = f"no line uses {unused}, and #{strategy.use} is the line that is run"
        strategy = replace(strategy, notices=(*strategy.notices, warning))
    return strategy


def get_text(data: Mapping[str, Any]) -> str:
    """The parts of a strategy's document that are in a platform's syntax, one below the other."""
    if "text" in data:
        return str(data["text"])
    lines = data.get("lines")
    items = lines if isinstance(lines, list) else []
    return "\n".join(str(item.get("text", "")) for item in items if isinstance(item, Mapping))


def _wrong(message: str, keys: Iterable[str]) -> StrategyError:
    return StrategyError(message, remedy=f"The keys are: {', '.join(keys)}.")


def _item(
    item: Any, table: str, needed: tuple[str, ...], optional: tuple[str, ...]
) -> dict[str, str]:
    if not isinstance(item, Mapping):
        raise _wrong(f"[[{table}]] is not a table.", (*needed, *optional))
    for key in needed:
        if not str(item.get(key, "")).strip():
            raise _wrong(f"[[{table}]] has no {key!r}.", (*needed, *optional))
    for key in item:
        if key not in (*needed, *optional):
            raise _wrong(f"[[{table}]] has an unknown key {key!r}.", (*needed, *optional))
    return {key: str(value) for key, value in item.items()}


def _read(text: str, where: str, notices: list[str]) -> Node:
    """Parse text within a document; line and column are counted from where the text starts."""
    plain, changes = normalise(text)
    try:
        node, line_notices = parse_line(plain)
    except StrategyError as error:
        # A line of the text is not a line of the file, so the message names it.
        at = f", line {error.line}, column {error.column}" if error.column else ""
        raise StrategyError(f"{where}{at}: {error.message}", remedy=error.remedy) from error
    notices.extend(
        f"{where}: {re.sub(r'^line 1(, |: )', '', notice)}" for notice in (*changes, *line_notices)
    )
    return node


def _lines(items: Any, notices: list[str]) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for item in items if isinstance(items, list) else [items]:
        line = _item(item, "lines", ("number", "text"), ("label",))
        name = line["number"]
        if name in lines:
            raise StrategyError(
                f"There are two lines numbered #{name}.", remedy="Give each line its own number."
            )
        node = _read(line["text"], f"#{name}", notices)
        text = " ".join(normalise(line["text"])[0].split())
        lines[name] = Line(name, node, text, label=line.get("label"))
    return lines


def _blocks(data: Mapping[str, Any], notices: list[str]) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    blocks = data["blocks"]
    if not isinstance(blocks, Mapping) or not isinstance(data.get("combine"), Mapping):
        raise _wrong("Blocks need [blocks.NAME] and [combine].", ["blocks", "combine"])
    for key, block in blocks.items():
        # "A_children_families" is block A with the label "children families".
        name, _, label = str(key).partition("_")
        node = _block(block, str(key))
        lines[name] = Line(name, node, _write(node), label=label.replace("_", " ") or None)
    for name, expression in data["combine"].items():
        names = "|".join(sorted(map(re.escape, lines), key=len, reverse=True))
        text = re.sub(rf"(?<![#\w])({names})(?!\w)", r"#\1", str(expression))
        lines[str(name)] = Line(str(name), _read(text, str(name), notices), str(expression))
    return lines


def _block(block: Any, name: str) -> Node:
    if not isinstance(block, Mapping):
        raise _wrong(f"Block {name} is not a table.", ("text", "mesh", "mesh_noexp"))
    nodes: list[Node] = []
    for key, values in block.items():
        if key not in ("text", "mesh", "mesh_noexp"):
            raise _wrong(
                f"Block {name} has an unknown key {key!r}.", ("text", "mesh", "mesh_noexp")
            )
        if not isinstance(values, list):
            raise _wrong(f"{key!r} of block {name} is not a list.", ("text", "mesh", "mesh_noexp"))
        for value in values:
            term = normalise(str(value))[0].strip()
            if not re.search(r"\w", term) or '"' in term:
                raise StrategyError(
                    f"Block {name}: {value!r} is not a term.", remedy="Write a word or a phrase."
                )
            if key == "text":
                # Parsed, so that truncation is checked as in a line.
                nodes.append(parse_line(f'"{term}"[tiab]')[0])
            else:
                nodes.append(Thesaurus(term, exploded=key == "mesh"))
    if not nodes:
        raise StrategyError(f"Block {name} is empty.", remedy="Write a term, or remove the block.")
    return disjunction(nodes)


def _write(node: Node) -> str:
    leaves = node.children if isinstance(node, Or) else (node,)
    words = (
        leaf.words if isinstance(leaf, Text) else f"{getattr(leaf, 'heading', '')} (heading)"
        for leaf in leaves
    )
    return " OR ".join(words)


def _replacement(item: Any) -> Replacement:
    table = _item(item, "replace", ("source", "leaf", "with"), ("reason",))
    if "#" in table["with"]:
        raise StrategyError(
            f"The replacement of {table['leaf']} refers to a line.",
            remedy="Write out the terms instead.",
        )
    node = _read(table["with"], f"[[replace]] {table['leaf']}", [])
    return Replacement(table["source"], table["leaf"], node, table.get("reason", ""))


def _acceptance(item: Any) -> Acceptance:
    table = _item(item, "accept", ("source", "kind", "reason"), ("leaf",))
    return Acceptance(table["source"], table["kind"], table["reason"], table.get("leaf"))
