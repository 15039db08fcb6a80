"""List every shared case with what is right, the tests that show it, and whether they pass now.

Run: python -m benchmarks.cases (minutes). A test says which case it shows by the marker
``case(part, row)``: the part is the name of a table or a folder, the row its number or file. A case
without a test is "not shown". Without a row, the row is the test's parameter with its name.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from benchmarks.measuring import ROOT, write
from tests.shared import CASES

# Rows that another team's list has.
_LEFT_OUT: Final = {
    ("figures", "14"),
    *(("service", str(row)) for row in (5, 11, 16, 18, 19, 20)),
}
# Strategies that are recognised and refused by name so far; the table asks that they be read.
_REFUSED: Final = {str(row) for row in range(1, 11)}
_LONGEST: Final = 160


@dataclass(frozen=True, slots=True)
class Case:
    """A case: its part and row, what it is, and what is right."""

    part: str
    row: str
    name: str
    right: str


def _short(text: str) -> str:
    plain = " ".join(text.replace("`", "").split())
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"


def _rows(name: str) -> list[list[str]]:
    """The cells of each row of a table; a bar within backquotes divides nothing."""
    text = (CASES / name).read_text(encoding="utf-8")
    found = []
    for line in text.splitlines():
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|(?=(?:[^`]*`[^`]*`)*[^`]*$)", line.strip().strip("|"))
            found.append([cell.strip() for cell in cells])
    return [cells for cells in found if not set("".join(cells)) <= set("-:")][1:]


def list_cases() -> list[Case]:
    """All cases, in the order of their tables."""
    found = [
        Case("files", cells[0].strip("`"), _short(cells[0]), _short(cells[1]))
        for cells in _rows("files/EXPECTED.md")
    ]
    found += [
        Case("right", path.name, path.name, "read and grouped as before")
        for path in sorted((CASES / "right").iterdir())
    ]
    for part, what in (("strategies", 2), ("harvest", 1), ("figures", 1), ("service", 2)):
        found += [
            Case(part, cells[0], _short(cells[what]), _short(cells[-1]))
            for cells in _rows(f"{part}.md")
            if (part, cells[0]) not in _LEFT_OUT
        ]
    return [
        replace(case, right=f"refused by name until it can be read ({case.right})")
        if case.part == "strategies" and case.row in _REFUSED
        else case
        for case in found
    ]


def _part_and_row(args: tuple[Any, ...], item: pytest.Item) -> tuple[Any, Any]:
    """The arguments of a marker; a row that is not among them is one of the test's parameters."""
    if len(args) == 2:
        return args[0], args[1]
    parameters = getattr(item, "callspec").params.values()  # noqa: B009 - not declared
    names = {path.name for path in (CASES / args[0]).iterdir()}
    return args[0], next(value for value in parameters if value in names)


class Tests:
    """A plugin of pytest that keeps which cases each test shows, and how it ended."""

    def __init__(self) -> None:
        self.shown: dict[str, list[tuple[str, str]]] = {}
        self.outcomes: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the markers."""
        for item in items:
            shown = [
                (str(part), str(row))
                for mark in item.iter_markers("case")
                for part, row in (_part_and_row(mark.args, item),)
            ]
            if shown:
                self.shown[item.nodeid] = shown

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst outcome of a test's three steps."""
        if report.when == "call" or report.outcome != "passed":
            self.outcomes.setdefault(report.nodeid, report.outcome)


def _result(tests: list[str], outcomes: dict[str, str]) -> str:
    if not tests:
        return "not shown"
    ended = {outcomes.get(test, "not run") for test in tests}
    for worst in ("failed", "not run", "skipped"):
        if worst in ended:
            return worst
    return "passed"


def measure() -> dict[str, Any]:
    """Run the marked tests and list the cases with their results."""
    tests = Tests()
    pytest.main([str(ROOT / "tests"), "-q", "-m", "case", "-p", "no:randomly"], plugins=[tests])
    by_case: dict[tuple[str, str], list[str]] = defaultdict(list)
    for test, cases in tests.shown.items():
        for case in cases:
            by_case[case].append(test)
    listed = list_cases()
    unknown = sorted(set(by_case) - {(case.part, case.row) for case in listed})
    if unknown:
        sys.exit(f"There are no such cases: {unknown}")
    return {
        "cases": [
            {
                "part": case.part,
                "row": case.row,
                "name": case.name,
                "right": case.right,
                "tests": sorted(by_case[case.part, case.row]),
                "result": _result(by_case[case.part, case.row], tests.outcomes),
            }
            for case in listed
        ]
    }


def main() -> None:
    """Write benchmarks/results/cases.json and print the table."""
    if not CASES.is_dir():
        sys.exit("The shared cases are not here.")
    found = measure()
    for case in found["cases"]:
        print(f"{case['result']:9}  {case['part']} {case['row']}: {case['name'][:90]}")
    write("cases", found)


if __name__ == "__main__":
    main()
