"""A strategy from a TOML document: numbered lines or blocks, replacements and acceptances."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from harvest.errors import StrategyError
from harvest.strategy.normal import normalised
from harvest.strategy.parse import check, line_of, parse
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
)

_KEYS = {
    *("title", "note", "use", "alternatives", "text", "lines", "blocks", "combine"),
    *("replace", "accept"),
    *("version", "truncation", "optional", "recommended", "status", "mesh_to_confirm"),
}


def from_dict(data: Mapping[str, Any], *, use: str | None = None) -> Strategy:
    """A strategy from a TOML document's tables (JSON of the same shape does as well).

    ``[[lines]]`` have ``number``, ``text`` in PubMed's syntax and perhaps ``label``. Or
    ``[blocks.NAME]`` have lists ``text``, ``mesh`` and ``mesh_noexp``, joined by OR, and
    ``[combine]`` gives expressions in block names. Or ``text`` is a plain strategy with numbered
    lines. ``use`` names the strategy line.
    ``[[replace]]``: ``source``, ``leaf``, ``with``, ``reason``. ``[[accept]]``: ``source``,
    ``kind``, ``reason`` and perhaps ``leaf``.

    Raises:
        StrategyError: a key is unknown or missing, or a line cannot be read.
    """
    unknown = set(data) - _KEYS
    if unknown:
        raise _wrong(f"There is no key {sorted(unknown)[0]!r} in a strategy.", sorted(_KEYS))
    for name in ("alternatives", "replace", "accept"):
        if not isinstance(data.get(name, []), list):
            raise _wrong(f"{name!r} is no list.", [f"[[{name}]]"])
    notices: list[str] = []
    if "text" in data:
        plain = parse(str(data["text"]), use=use or (str(data["use"]) if "use" in data else None))
        lines = dict(plain.lines)
        notices.extend(plain.notices)
    elif "lines" in data:
        lines = _lines(data["lines"], notices)
    elif "blocks" in data:
        lines = _blocks(data, notices)
    else:
        raise _wrong("The strategy has neither lines nor blocks.", ["lines", "blocks", "text"])
    chosen = use or str(data.get("use") or data.get("recommended") or list(lines)[-1])
    strategy = Strategy(
        lines=lines,
        use=chosen,
        title=str(data["title"]) if data.get("title") else None,
        note=str(data.get("note") or data.get("status") or "") or None,
        notices=tuple(notices),
        alternatives=tuple(str(name) for name in data.get("alternatives", ())),
        replacements=tuple(_replacement(item) for item in data.get("replace", ())),
        acceptances=tuple(_acceptance(item) for item in data.get("accept", ())),
    )
    check(strategy)
    return strategy


def _wrong(message: str, known: Iterable[str]) -> StrategyError:
    return StrategyError(message, remedy=f"Keys are: {', '.join(known)}.")


def _item(
    item: Any, what: str, needed: tuple[str, ...], allowed: tuple[str, ...]
) -> dict[str, str]:
    if not isinstance(item, Mapping):
        raise _wrong(f"[[{what}]] is not a table.", (*needed, *allowed))
    for key in needed:
        if not str(item.get(key, "")).strip():
            raise _wrong(f"[[{what}]] has no {key!r}.", (*needed, *allowed))
    for key in item:
        if key not in (*needed, *allowed):
            raise _wrong(f"[[{what}]] has an unknown key {key!r}.", (*needed, *allowed))
    return {key: str(value) for key, value in item.items()}


def _read(text: str, where: str, notices: list[str]) -> Node:
    """A tree from text within a document: places count from the text's own beginning."""
    plain, changed = normalised(text)
    try:
        node, said = line_of(plain)
    except StrategyError as error:
        # Lines of a text within the document are not lines of the file.
        at = f", line {error.line}, column {error.column}" if error.column else ""
        raise StrategyError(f"{where}{at}: {error.message}", remedy=error.remedy) from error
    notices.extend(f"{where}: {re.sub(r'^line 1(, |: )', '', note)}" for note in (*changed, *said))
    return node


def _lines(items: Any, notices: list[str]) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for item in items if isinstance(items, list) else [items]:
        line = _item(item, "lines", ("number", "text"), ("label",))
        name = line["number"]
        if name in lines:
            raise StrategyError(
                f"There are two lines #{name}.", remedy="Give each line a number of its own."
            )
        node = _read(line["text"], f"#{name}", notices)
        text = " ".join(normalised(line["text"])[0].split())
        lines[name] = Line(name, node, text, label=line.get("label"))
    return lines


def _blocks(data: Mapping[str, Any], notices: list[str]) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    blocks = data["blocks"]
    if not isinstance(blocks, Mapping) or not isinstance(data.get("combine"), Mapping):
        raise _wrong("Blocks need [blocks.NAME] and [combine].", ["blocks", "combine"])
    for key, block in blocks.items():
        # "A_children_families" is block A with a label.
        name, _, label = str(key).partition("_")
        node = _block(block, str(key))
        lines[name] = Line(name, node, _written(node), label=label.replace("_", " ") or None)
    for name, expression in data["combine"].items():
        known = "|".join(sorted(map(re.escape, lines), key=len, reverse=True))
        text = re.sub(rf"(?<![#\w])({known})(?!\w)", r"#\1", str(expression))
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
            raise _wrong(f"{key!r} of block {name} is no list.", ("text", "mesh", "mesh_noexp"))
        for value in values:
            word = normalised(str(value))[0].strip()
            if not re.search(r"\w", word) or '"' in word:
                raise StrategyError(
                    f"Block {name}: {value!r} is no term.", remedy="Write a word or a phrase."
                )
            if key == "text":
                # The same checks as for a line: cut words, empty words.
                nodes.append(line_of(f'"{word}"[tiab]')[0])
            else:
                nodes.append(Thesaurus(word, exploded=key == "mesh"))
    if not nodes:
        raise StrategyError(f"Block {name} is empty.", remedy="Write a term, or take it out.")
    return disjunction(nodes)


def _written(node: Node) -> str:
    leaves = node.children if isinstance(node, Or) else (node,)
    words = (
        leaf.words if isinstance(leaf, Text) else f"{getattr(leaf, 'heading', '')} (heading)"
        for leaf in leaves
    )
    return " OR ".join(words)


def _replacement(item: Any) -> Replacement:
    found = _item(item, "replace", ("source", "leaf", "with"), ("reason",))
    if "#" in found["with"]:
        raise StrategyError(
            f"The replacement of {found['leaf']} refers to a line.",
            remedy="Write it out; it stands for itself.",
        )
    node = _read(found["with"], f"[[replace]] {found['leaf']}", [])
    return Replacement(found["source"], found["leaf"], node, found.get("reason", ""))


def _acceptance(item: Any) -> Acceptance:
    found = _item(item, "accept", ("source", "kind", "reason"), ("leaf",))
    return Acceptance(found["source"], found["kind"], found["reason"], found.get("leaf"))
