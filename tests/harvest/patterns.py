"""Find every regular expression of ``harvest``, make hostile inputs for it, and measure them.

Run as ``python -m tests.harvest.patterns``, it prints each expression and input before it tries it,
so that whoever started it knows which one was being tried when a limit of time ended it.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, TypeGuard

import harvest
from harvest.files import ovid_source
from harvest.strategy import match, syntax

ROOT = Path(next(iter(harvest.__path__)))
METHODS = ("search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer")
# Characters that stand for classes, and those that often end one.
_POOL = " \n\ta1Aé<>{}[]()\"'.,;:-_/\\=@#%&|$~*+!?^`\x00"
# Expressions that are made from what a function is given, with what they are made of here.
MADE: dict[str, tuple[str, ...]] = {
    "harvest/strategy/syntax.py": (*syntax._SURE.values(), *syntax._SHARED),
    "harvest/strategy/match.py": tuple(
        map(match._pattern, ("boot", "boot*", "care proceedings", "a* b* c*", "f*t"))
    ),
    "harvest/strategy/toml.py": (r"(?<![#\w])(A|AB|B_c)(?!\w)",),
}
# Expressions that only see texts of so many characters.
BOUNDED = {
    "harvest/files/ovid_source.py": ovid_source._LONGEST,
    # Pages are cut at sixty characters before.
    "harvest/dedupe/prepare.py:_PAGE": 60,
}
# An input of SIZE characters may take SLOW seconds, or else no more than GROWTH times as long as
# one of a quarter of its size: twice what is linear, half of what is quadratic.
SIZE, SLOW, GROWTH = 8_000, 0.03, 8
# One that is cubic takes so many times as long on four times the text: what is quicker than this
# share of SLOW on a quarter of the size is not tried on the whole.
CUBIC = 64
_FIRST_SIZE = 30
# A class of more characters than this is tried with so many of them.
_TRIED = 5


@dataclass(frozen=True)
class Use:
    """A regular expression and how it is applied.

    Attributes:
        place: file and line.
        pattern: the expression, compiled; None if it is made from what a function is given.
        methods: names of the methods that are called on it.
        longest: the most characters that it is applied to.
    """

    place: str
    pattern: re.Pattern[Any] | None
    methods: tuple[str, ...]
    longest: int = 1_000_000


def list_uses() -> list[Use]:
    """Every call of ``re`` in the package, with the expression as the module has it."""
    found: list[Use] = []
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(("harvest", *path.relative_to(ROOT).with_suffix("").parts))
        found += _uses_of(path, importlib.import_module(name.removesuffix(".__init__")))
    return found


def _uses_of(path: Path, module: Any) -> Iterator[Use]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = _called_methods(tree)
    names = {
        id(node.value): target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    made = list(_compiled(vars(module).values()))
    file = str(path.relative_to(ROOT.parent))
    calls = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if _is_compile(node) and id(node) not in calls:
            # As in map(re.compile, …).
            for one in made:
                yield Use(f"{file}:{node.lineno}", one, ("match", "sub"), BOUNDED[file])
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if not isinstance(node.func.value, ast.Name) or node.func.value.id != "re":
            continue
        place = f"{file}:{node.lineno}"
        method = node.func.attr
        if method == "escape":
            continue
        assert method == "compile" or method in METHODS, f"{place}: re.{method} is not known here"
        pattern = _evaluated(node, method, module)
        # One without a name of its own is called by the names of loops.
        name = names.get(id(node), "")
        methods = called.get(name, called[""])
        longest = BOUNDED.get(f"{file}:{name}", BOUNDED.get(file, 1_000_000))
        if method != "compile":
            yield Use(place, pattern, (method,), longest)
        elif pattern is not None:
            yield Use(place, pattern, tuple(sorted(methods)), longest)
        elif made and _in_comprehension(tree, node):
            for one in made:
                yield Use(place, one, tuple(sorted(methods)))
        else:
            yield Use(place, None, ())


def _is_compile(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in ("compile", *METHODS)
        and isinstance(node.value, ast.Name)
        and node.value.id == "re"
    )


def _called_methods(tree: ast.AST) -> dict[str, set[str]]:
    """Methods of expressions by the constant that they are called on, "" for other names."""
    called: dict[str, set[str]] = {"": set()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in METHODS:
            name = node.value.id if isinstance(node.value, ast.Name) else ""
            if name != "re":
                called.setdefault(name if name.isupper() else "", set()).add(node.attr)
    if not called[""]:
        called[""] = {"search"}
    return called


def _in_comprehension(tree: ast.AST, call: ast.Call) -> bool:
    """Whether a call stands in a comprehension at the top of the module."""
    assert isinstance(tree, ast.Module)
    return any(
        call in list(ast.walk(statement))
        for statement in tree.body
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef)
    )


def _compiled(values: Iterable[Any]) -> Iterator[re.Pattern[Any]]:
    for value in values:
        if isinstance(value, re.Pattern):
            yield value
        elif isinstance(value, tuple | list | dict):
            yield from _compiled(value.values() if isinstance(value, dict) else value)


def _evaluated(call: ast.Call, method: str, module: Any) -> re.Pattern[Any] | None:
    """The expression of a call; None if it needs a variable of a function."""

    def value(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), "<pattern>", "eval"), vars(module))

    place = {"sub": 4, "subn": 4, "split": 3}.get(method, 1 if method == "compile" else 2)
    flags = [word.value for word in call.keywords if word.arg == "flags"]
    flags += call.args[place : place + 1]
    try:
        pattern = value(call.args[0])
        return re.compile(pattern, value(flags[0]) if flags else 0)
    except NameError:
        return None


class _Samples:
    """Short texts that an expression, or the beginning of one, matches."""

    def __init__(self, pattern: re.Pattern[Any]) -> None:
        text = pattern.pattern
        self.is_bytes = isinstance(text, bytes)
        self.tree = parser.parse(
            text, pattern.flags & ~re.UNICODE if self.is_bytes else pattern.flags
        )
        self.pool = "".join(dict.fromkeys((*_literals(self.tree), *_POOL)))

    def chars(self, op: Any, value: Any) -> str:
        """Characters of the pool that an item for one character matches."""
        if op is ops.LITERAL:
            return chr(value)
        if op is ops.NOT_LITERAL:
            return "".join(char for char in self.pool if ord(char) != value)
        if op is ops.ANY:
            return self.pool.replace("\n", "")
        if op is ops.IN:
            return "".join(char for char in self.pool if _is_in(char, value)) or _outside(value)
        return ""

    def shortest(self, items: Iterable[tuple[Any, Any]]) -> str:
        """A text that a sequence of items matches, as short as can be."""
        return "".join(self.of(op, value) for op, value in items)

    def of(self, op: Any, value: Any) -> str:
        """A text that one item matches."""
        if op in (ops.LITERAL, ops.NOT_LITERAL, ops.ANY, ops.IN):
            return self.chars(op, value)[:1]
        if op is ops.SUBPATTERN:
            return self.shortest(value[3])
        if op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
            return self.shortest(value[2]) * value[0]
        if op is ops.BRANCH:
            return min((self.shortest(branch) for branch in value[1]), key=len)
        if op is ops.ATOMIC_GROUP:
            return self.shortest(value)
        return ""

    def pumped(self, items: Any, before: str = "") -> Iterator[tuple[str, str]]:
        """What comes before each part that repeats, and what it repeats."""
        for op, value in items:
            if op in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
                if value[1] > 1:
                    for body in self.bodies(value[2]):
                        yield before, body
                yield from self.pumped(value[2], before)
            elif op is ops.SUBPATTERN:
                yield from self.pumped(value[3], before)
            elif op is ops.BRANCH:
                for branch in value[1]:
                    yield from self.pumped(branch, before)
            elif op is ops.ATOMIC_GROUP:
                yield from self.pumped(value, before)
            elif op in (ops.ASSERT, ops.ASSERT_NOT):
                yield from self.pumped(value[1], before)
            before += self.of(op, value)

    def bodies(self, items: Any) -> list[str]:
        """Texts that a repeated part matches once."""
        if len(items) == 1 and items[0][0] in (ops.NOT_LITERAL, ops.ANY, ops.IN):
            chars = self.chars(*items[0])
            return list(dict.fromkeys((*chars[:_TRIED], *(c for c in " \na1" if c in chars))))
        if len(items) == 1 and items[0][0] is ops.BRANCH:
            return [self.shortest(branch) for branch in items[0][1][1]]
        body = self.shortest(items)
        return [body] if body else ["a"]


def _literals(items: Any) -> Iterator[str]:
    """All characters that an expression names."""
    for op, value in items:
        if op in (ops.LITERAL, ops.NOT_LITERAL):
            yield chr(value)
        elif op is ops.IN:
            for kind, one in value:
                if kind is ops.LITERAL:
                    yield chr(one)
                elif kind is ops.RANGE:
                    yield from (chr(one[0]), chr(one[1]))
        elif isinstance(value, parser.SubPattern):
            yield from _literals(value)
        elif isinstance(value, tuple | list):
            for one in value:
                for part in one if isinstance(one, list) else [one]:
                    if isinstance(part, parser.SubPattern):
                        yield from _literals(part)


_CATEGORIES = {
    ops.CATEGORY_DIGIT: r"\d",
    ops.CATEGORY_NOT_DIGIT: r"\D",
    ops.CATEGORY_SPACE: r"\s",
    ops.CATEGORY_NOT_SPACE: r"\S",
    ops.CATEGORY_WORD: r"\w",
    ops.CATEGORY_NOT_WORD: r"\W",
}


def _is_in(char: str, parts: Iterable[tuple[Any, Any]]) -> bool:
    negated = found = False
    for kind, value in parts:
        if kind is ops.NEGATE:
            negated = True
        elif kind is ops.LITERAL:
            found |= ord(char) == value
        elif kind is ops.RANGE:
            found |= value[0] <= ord(char) <= value[1]
        elif kind is ops.CATEGORY:
            found |= bool(re.match(_CATEGORIES[value], char))
    return found != negated


def _outside(parts: Iterable[tuple[Any, Any]]) -> str:
    """A character of a class that has none of the pool's."""
    return next((chr(code) for code in range(0x3000) if _is_in(chr(code), parts)), "a")


def hostile_inputs(pattern: re.Pattern[Any], size: int) -> Iterator[Any]:
    """Texts of about this size that the expression is likely to be slow on."""
    samples = _Samples(pattern)
    whole = samples.shortest(samples.tree)
    named = "".join(dict.fromkeys(_literals(samples.tree)))[:12]
    starts = {(before, body) for before, body in samples.pumped(samples.tree) if body}
    texts: dict[str, None] = {}

    def add(before: str, body: str, after: str = "") -> None:
        if body:
            texts[before + body * (size // len(body)) + after] = None

    for before, body in sorted(starts):
        for after in ("", "\x00", "!", "\n\x00", whole[-1:]):
            add(before, body, after)
        # Every place is a beginning, and none has an end.
        add("", before)
        add("", before + body)
        add("", body + before, "\x00")
    bodies = sorted({body for _, body in starts})[:10]
    for first, second in product(bodies, repeat=2):
        add("", first + second, "\x00")
        # Two that repeat one after the other, and share what they match.
        texts[
            whole[:1] + first * (size // (2 * len(first))) + second * (size // (2 * len(second)))
        ] = None
    for char in named:
        add("", char)
        add(whole[:-1], char)
        add("", whole[:-1] + char)
    add("", whole)
    add("", whole[:-1] + "\x00")
    for text in texts:
        yield text.encode("utf-8") if samples.is_bytes else text


def seconds(pattern: re.Pattern[Any], method: str, text: Any) -> float:
    """Computing time of one call, the least of three if it is long."""
    arguments = (text[:0], text) if method in ("sub", "subn") else (text,)
    best = 1e9
    for _ in range(3):
        began = time.process_time()
        result = getattr(pattern, method)(*arguments)
        if method == "finditer":
            for _ in result:
                pass
        best = min(best, time.process_time() - began)
        if best < SLOW or best > 20 * SLOW:
            break
    return best


def measure(use: Use, *, size: int = SIZE) -> Iterator[str]:
    """Say what is tried, and then what was too slow: "SLOW …"."""
    pattern = use.pattern
    assert pattern is not None
    size = min(size, use.longest)
    for method in use.methods:
        # One that is exponential would not end at a greater size.
        for text in hostile_inputs(pattern, _FIRST_SIZE):
            yield f"{use.place} {method} {text[:40]!r}"
            seconds(pattern, method, text)
        # A text of bounded length may take longer, since the bound holds for its time as well.
        slow = SLOW if use.longest >= SIZE else 10 * SLOW
        doubtful = []
        for at, text in enumerate(hostile_inputs(pattern, size // 4)):
            yield f"{use.place} {method} {text[:40]!r}"
            if seconds(pattern, method, text) >= slow / CUBIC:
                doubtful.append((at, text))
        whole = list(hostile_inputs(pattern, size)) if doubtful else []
        for at, less in doubtful:
            text = whole[at]
            yield f"{use.place} {method} {text[:40]!r}"
            if seconds(pattern, method, text) >= slow:
                # Again, since a busy machine makes single calls slow.
                before = seconds(pattern, method, less)
                if seconds(pattern, method, text) > max(slow, GROWTH * before):
                    yield f"SLOW {use.place} {method}: {text[:60]!r}…{text[-10:]!r}"
                    break


def main() -> None:
    """Measure all and print."""
    done: set[tuple[str | bytes, int, tuple[str, ...]]] = set()
    for use in list_uses():
        if len(sys.argv) > 1 and not use.place.startswith(tuple(sys.argv[1:])):
            continue
        if use.pattern is None:
            continue
        key = (use.pattern.pattern, use.pattern.flags, use.methods)
        if key not in done:
            done.add(key)
            _print(measure(use))
    for file, texts in MADE.items():
        for text in texts:
            _print(measure(Use(file, re.compile(text, re.MULTILINE), ("finditer", "match"))))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
