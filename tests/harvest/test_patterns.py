"""Every regular expression of ``harvest`` takes time in proportion to the text."""

from __future__ import annotations

import re
import resource
import subprocess
import sys

import pytest

from tests.harvest import patterns
from tests.harvest.patterns import Use, list_uses, measure
from tests.project.test_walls import ROOT

# Computing time for all of them; a single one that is worse than quadratic would take more.
_SECONDS = 240


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))


@pytest.mark.case("service", 7)
def test_every_expression_takes_time_in_proportion_to_the_text() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.harvest.patterns"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        preexec_fn=_limit,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"ended at: {lines[-1] if lines else done.stderr[-2000:]}"
    assert [line for line in lines if line.startswith("SLOW")] == []
    assert len({line.split()[0] for line in lines}) > 150


def test_expressions_made_from_what_is_given_are_known() -> None:
    made = {use.place.split(":")[0] for use in list_uses() if use.pattern is None}
    assert made == set(patterns.MADE)


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"10\.\d{4,9}/\S*<\S+>\S+", "search"),
        (r"\s+and\s+", "split"),
        (r"<!--.*?-->", "sub"),
        (r"(?:\.pdf|/full)+$", "sub"),
        (r"^\s*(\S.*?)\s*$", "match"),
        (r"\([^)]*\)$", "search"),
    ],
)
def test_a_quadratic_expression_is_found(pattern: str, method: str) -> None:
    use = Use("here:1", re.compile(pattern), (method,))
    assert any(line.startswith("SLOW") for line in measure(use))


@pytest.mark.parametrize(
    "pattern",
    [r"(?<!\s)\s+and\s+", r"\bPMC\s?(\d{1,9})\b", r"[^<>]{0,40}=", r"(?<!a)a+b|(?<!c)c+d"],
)
def test_a_linear_expression_is_not(pattern: str) -> None:
    use = Use("here:1", re.compile(pattern), ("sub", "match"))
    assert not any(line.startswith("SLOW") for line in measure(use))
