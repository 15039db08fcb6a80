"""The walls between packages and rooms: each one is broken on purpose, and the break is seen."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.shared import ROOT

PACKAGES = ("harvest", "model", "store", "api")
LONGEST = 400
# Modules that are longer. This list may only shrink.
LONG_MODULES: set[str] = set()
MOST_MODULES = 25


def modules() -> list[Path]:
    return [
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts
    ]


def config() -> str:
    text = (ROOT / "pyproject.toml").read_text()
    return text[text.index("[tool.importlinter]") : text.index("[tool.pytest")]


def contracts() -> list[dict[str, Any]]:
    """The contracts of the import linter."""
    found: list[dict[str, Any]] = tomllib.loads(config())["tool"]["importlinter"]["contracts"]
    return found


def lint(folder: Path) -> tuple[int, dict[str, str]]:
    """What the import linter says of a folder: its exit status, and each contract's verdict."""
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [linter, "--no-logo", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    verdicts = re.findall(r"^(.+?)(?: \(.*\))? (KEPT|BROKEN)$", done.stdout, re.M)
    assert len(verdicts) == len(contracts()), done.stdout + done.stderr
    return done.returncode, dict(verdicts)


@pytest.fixture(scope="module")
def empty_house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All modules without what is in them, under the same contracts."""
    folder = tmp_path_factory.mktemp("house")
    for path in modules():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("")
    # An exception to a contract is an error to the linter where nothing needs it.
    strict = re.sub(r"ignore_imports = \[.*?\]\n", "", config(), flags=re.S)
    (folder / "pyproject.toml").write_text(strict)
    return folder


def test_imports_in_order_pass_the_linter(empty_house: Path) -> None:
    status, verdicts = lint(empty_house)
    assert set(verdicts.values()) == {"KEPT"}
    assert status == 0


@pytest.mark.parametrize(
    ("module", "imported", "contract"),
    [
        ("harvest/text.py", "model.encode", "harvest knows nobody"),
        ("harvest/http.py", "store.core.session", "harvest knows nobody"),
        ("model/encode.py", "store.core.session", "model knows nobody"),
        ("model/order.py", "harvest.record", "model knows nobody"),
        ("store/core/jobs.py", "api.settings", "store knows harvest.record only"),
        ("store/reports/pairs.py", "numpy", "store knows harvest.record only"),
        ("store/reports/pairs.py", "harvest.dedupe.keys", "store knows harvest.record only"),
        ("store/searching/gold.py", "harvest.text", "store knows harvest.record only"),
        ("store/rules/plans.py", "model.encode", "store knows harvest.record only"),
        ("api/services/living/versions.py", "api.documents.plots", "api runs from its edges"),
        ("api/documents/plots.py", "api.pages.render", "api runs from its edges"),
        ("api/services/screening/cards.py", "api.routes.screening", "api runs from its edges"),
        ("api/services/living/notifications.py", "api.schemas.base", "api runs from its edges"),
        ("api/schemas/records.py", "api.documents.plots", "api runs from its edges"),
        ("store/core/audit.py", "store.reviews.people", "store runs from its rooms"),
        ("store/rules/plans.py", "store.reviews.reviews", "store runs from its rooms"),
        ("store/reviews/members.py", "store.screening.pilots", "store runs from its rooms"),
        ("store/reports/pairs.py", "store.searching.pool", "store runs from its rooms"),
        ("store/searching/gold.py", "store.screening.queue", "store runs from its rooms"),
    ],
)
def test_the_linter_sees_an_import_that_crosses_a_wall(
    empty_house: Path, module: str, imported: str, contract: str
) -> None:
    path = empty_house / module
    path.write_text(f"import {imported}\n")
    try:
        status, verdicts = lint(empty_house)
    finally:
        path.write_text("")
    broken = [name for name, verdict in verdicts.items() if verdict == "BROKEN"]
    assert len(broken) == 1, verdicts
    assert broken[0].startswith(contract)
    assert status == 1


def test_the_store_may_import_only_record_from_harvest() -> None:
    (contract,) = (
        each for each in contracts() if each["name"] == "store knows harvest.record only"
    )
    names = {path.stem for path in (ROOT / "harvest").iterdir() if path.suffix == ".py"}
    names |= {path.parent.name for path in (ROOT / "harvest").glob("*/__init__.py")}
    assert {f"harvest.{name}" for name in names - {"record", "__init__"}} <= set(
        contract["forbidden_modules"]
    )


def test_no_module_is_too_long() -> None:
    long = {str(path) for path in modules() if lines_of(path) > LONGEST}
    assert long == LONG_MODULES


def lines_of(path: Path) -> int:
    return len((ROOT / path).read_text().splitlines())


def test_no_folder_has_too_many_modules() -> None:
    rooms = [path.parent for path in modules()]
    full = {str(room): rooms.count(room) for room in rooms if rooms.count(room) > MOST_MODULES}
    assert full == {}


def writers(source: str) -> list[int]:
    """Lines that open a writing session."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "write"
        and not node.args
    ]


def test_a_line_that_writes_is_seen() -> None:
    assert writers("with state.store.write() as session:\n    pass") == [1]
    assert writers("sys.stdout.write('x')") == []


def test_every_write_goes_through_a_service() -> None:
    writing = {
        str(path)
        for path in modules()
        if path.parts[:2]
        in {("api", "pages"), ("api", "routes"), ("api", "commands"), ("api", "documents")}
        and writers((ROOT / path).read_text())
    }
    assert writing == set()
