"""The project itself: its wheel, its checks, its documents."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import subprocess
import sys
import urllib.request
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest
import typer

from api import routes
from api.app import create_app
from api.cli import app
from api.settings import Settings
from benchmarks import model_card, report, soak
from store.core.session import Store
from tests.api.ways import ways
from tests.project import hygiene
from tests.shared import ROOT


def _run(*command: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        **{"cwd": ROOT, **options},  # type: ignore[call-overload] # passed through
    )


def test_the_lint_configuration_is_read() -> None:
    bad = (
        "import numpy as np\nimport requests\n\n\ndef f(x=[]):\n    np.random.seed(0)\n"
        "    try:\n        requests.get('http://x')\n    except Exception:\n        pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--stdin-filename", "model/bad.py", "-"],
        input=bad,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    codes = set(re.findall(r"\b([A-Z]+[0-9]{3})\b", done.stdout))
    assert {"B006", "NPY002", "TID251", "BLE001", "S110", "D103"} <= codes


def test_no_committed_file_holds_what_it_must_not() -> None:
    assert hygiene.problems() == []


def test_links_in_documents_lead_to_files_that_exist() -> None:
    broken = []
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:\s]+)\)", path.read_text()):
            if not (path.parent / target).exists():
                broken.append(f"{path.name}: {target}")
    assert broken == []


def test_commands_in_the_readme_exist() -> None:
    from typer.main import get_command

    group: Any = get_command(app)
    known = set(group.list_commands(typer.Context(group)))
    text = (ROOT / "README.md").read_text()
    named = set(re.findall(r"winnow ([a-z]+)", text)) - {"is", "does"}
    assert named <= known
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make ([a-z-]+)", text):
        if target not in {"and", "on", "is"}:
            assert re.search(rf"^{target}:", makefile, re.M), target


def test_benchmarks_and_the_model_card_are_generated_not_typed() -> None:
    assert (ROOT / "docs" / "benchmarks.md").read_text() == report.document()
    assert (ROOT / "docs" / "model-card.md").read_text() == model_card.document()
    for plot in re.findall(r"\]\((plots/[^)]+)\)", report.document()):
        assert (ROOT / "docs" / plot).read_text().startswith("<svg"), plot


def test_every_route_is_in_the_api_description(
    sqlite_settings: Settings, sqlite_store: Store
) -> None:
    program = create_app(sqlite_settings, sqlite_store)
    served = [way for way in ways(program) if way.path.startswith("/api/v1/")]
    endpoints = {way.route.endpoint for way in served}
    for module in pkgutil.iter_modules(routes.__path__):
        router = getattr(importlib.import_module(f"api.routes.{module.name}"), "router", None)
        for route in router.routes if router else ():
            assert route.endpoint in endpoints, f"{module.name}: {route.path} is not served"
    paths = program.openapi()["paths"]
    for way in served:
        operation = paths[way.path][way.method.lower()]
        assert operation.get("description"), f"{way} has no docstring"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, ".")
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_holds_the_packages_the_configuration_and_the_pages(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "api/configs/default.toml",
        "api/configs/pipelines/default.toml",
        "api/configs/reviews/childrens-services-integration/sample.jsonl",
        "api/templates/screen.html",
        "api/static/screen.js",
        "store/migrations/versions/0001_first_tables.py",
        "store/migrations/env.py",
    } <= names
    tops = {name.split("/")[0] for name in names}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"harvest", "model", "store", "api"}


def _lend(distributions: list, folder: Path) -> None:  # type: ignore[type-arg] # of importlib.metadata
    """Link the files of these distributions, and of no other, into a folder."""
    for distribution in distributions:
        root = Path(distribution.locate_file(""))
        tops = {Path(str(file)).parts[0] for file in distribution.files or ()}
        for top in tops - {"..", "__pycache__", "bin"}:
            link = folder / top
            if (root / top).exists() and not link.exists():
                link.symlink_to(root / top)


def test_the_wheel_serves_alone_with_the_dependencies_it_declares(
    wheel: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith("METADATA")]
        declared = Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist") or []
    assert len(declared) > 20
    lent = tmp_path / "lent"
    lent.mkdir()
    _lend(soak.runtime_distributions(), lent)
    env = tmp_path / "env"
    assert _run(sys.executable, "-m", "venv", "--without-pip", env).returncode == 0
    python = env / "bin" / "python"
    site = Path(_run(python, "-c", "import site; print(site.getsitepackages()[0])").stdout.strip())
    done = _run(
        *(
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            "--ignore-installed",
        ),
        *("--disable-pip-version-check", "--prefix", env, wheel),
    )
    assert done.returncode == 0, done.stderr
    (site / "lent.pth").write_text(f"{lent}\n")
    outside = tmp_path / "outside"
    outside.mkdir()
    # Installed by another interpreter, the script's first line names that one: we run the module.
    with subprocess.Popen(
        [python, "-m", "api.cli", "--data-dir", outside / "data", "serve", "--port", "0", "--json"],
        cwd=outside,
        env={k: v for k, v in os.environ.items() if not k.startswith(("WINNOW", "PYTHON"))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            assert line, process.stderr.read() if process.stderr else ""
            url = json.loads(line)["url"]
            with urllib.request.urlopen(f"{url}/healthz") as answer:
                assert json.load(answer)["status"] == "ok"
            with urllib.request.urlopen(f"{url}/login") as answer:
                assert b"Sign in" in answer.read()
        finally:
            process.terminate()
            process.communicate(timeout=60)
    where = _run(python, "-c", "import api; print(api.__file__)", env={}, cwd=outside).stdout
    assert str(env) in where
