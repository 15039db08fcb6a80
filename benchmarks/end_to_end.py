"""Rebuild a whole review, and count every figure of its documents again by separate code.

Run: python -m benchmarks.end_to_end (a few minutes; ``make bench-peers`` first), also by
``make soak``; ``make test`` runs a small review. ``rebuilt_review`` builds it by the API,
``peers/recount.py`` counts it from the database with pandas and scikit-learn alone, ``sentences``
says where a figure stands in a text. Each number that a document prints is compared, or listed with
the reason why it is not.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks import printed, sentences
from benchmarks.measuring import ROOT, write
from benchmarks.rebuilt_review import FULL, Rebuilt, Size, rebuild

_RECOUNT: Final = ROOT / "benchmarks" / "peers" / "recount.py"
# Numbers that are no figures of the review. In the line, the number is marked ⟦so⟧.
_NO_FIGURES: Final = (
    (r"⟦\d{4}⟧-\d\d|\d{4}-⟦|-⟦?-?\d\d⟧|⟦\d\d⟧:\d\d|:⟦\d\d⟧", "dates and times"),
    (
        r"Rethlefsen|^⟦\d+⟧\. \*\*|^\*\*⟦8⟧|The ⟦16⟧ items|see item ⟦16⟧",
        "numbers of PRISMA-S and its items",
    ),
    (
        r"\[dp\]|PUB_YEAR|publication_year|from_publication_date|⟦20\d\d⟧ to|to ⟦20\d\d⟧",
        "years of the strategy and its limits",
    ),
    (r"by Winnow ⟦", "version of the program"),
    (r"SHA-256|Software|inear support|\*elas|Encoder", "settings and versions of the order"),
    (r"⟦95⟧ % interval|draws of the records|⟦5⟧ %, corr|after ⟦10⟧ %", "explanations"),
    (r"number ⟦\d+⟧ \(|\(⟦\d{4}⟧\)|⟦\d+⟧\.$", "titles of records"),
    (
        r"^### Search ⟦|^Run ⟦|[Ss]earche?s? [\d, ]*⟦|Item ⟦|\(run ⟦|line #⟦"
        r"|^\| #?⟦\d+⟧ \||ranking ⟦",
        "numbers of searches, runs, lines and rankings",
    ),
    (r"UTC lead (?:imported|saved|closed|started)", "lines of the audit trail"),
    (r"^\d+\.\d% \||Four in five|⟦15⟧ finished", "replays of finished reviews, shipped"),
)


def python_with_pandas() -> str | None:
    """An interpreter that has pandas and scikit-learn; None if there is none."""
    if importlib.util.find_spec("pandas") is not None:
        return sys.executable
    peers = ROOT / ".venv-peers" / "bin" / "python"
    return str(peers) if peers.is_file() else None


def recount(database: Path) -> dict[str, Any]:
    """The figures by the separate code."""
    python = python_with_pandas()
    if python is None:
        sys.exit("pandas is not installed; run `make bench-peers`.")
    process = subprocess.run(
        [python, _RECOUNT, database], capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise RuntimeError(process.stderr[-2000:])
    figures: dict[str, Any] = json.loads(process.stdout)
    return figures


def _flat(name: str, found: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {f"{name}.{key}": found[key] for key in keys or found}


def _agreement(name: str, found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key in ("records", "dual", "pilot", "people"):
        yield f"{name}.{key}", found[key]
    for key in ("same", "in_common", "alpha"):
        yield from _flat(f"{name}.{key}", found[key]).items()
    for pair in found["pairs"]:
        both = f"{name}.{'-'.join(pair['people'])}"
        yield f"{both}.records", pair["records"]
        for key, measure in pair.items():
            if isinstance(measure, dict):
                yield from _flat(f"{both}.{key}", measure).items()


def in_json(made: Rebuilt) -> dict[str, dict[str, Any]]:
    """The figures of the API's answers, by document."""
    agreed, known = made.get("agreement"), made.get("evaluation")
    flow, progress = made.get("flow"), made.get("progress")
    pilots = made.get("pilots")
    listed = [
        each
        for each in made.get("searches")
        if any(batch["withdrawn_at"] is None for batch in each["batches"])
    ]
    searched: dict[str, Any] = {}
    for number, search in enumerate(listed, start=1):
        searched |= _flat(f"search.{number}", search, "received", "reported", "gap")
    for run in made.get("runs"):
        keys = ("received", "pages", "new", "changed", "same", "filtered", "rejected", "unique")
        searched |= _flat(f"run.{run['run']}", run, *keys)
    return {
        "flow": _flat("flow", flow),
        "progress": {
            **_flat("counts", progress["counts"]),
            "progress.found": progress["found"],
        },
        "agreement": {
            **dict(_agreement("agreement", agreed)),
            **_flat("work.verified", agreed["verified"]),
        },
        "pilots": {
            key: value
            for pilot in pilots
            for key, value in (
                (f"pilot.{pilot['number']}.drawn", pilot["records"]),
                *((f"pilot.{pilot['number']}.{p['name']}", p["decided"]) for p in pilot["people"]),
                *_agreement(f"pilot.{pilot['number']}", pilot["agreement"]),
            )
        },
        "searches and runs": searched,
        "evaluation": _evaluation(known),
    }


def _evaluation(known: Mapping[str, Any]) -> dict[str, Any]:
    search, order, outcome = known["search"], known["screening"], known["outcome"]
    shares = ("included", "included_or_undecided", "reached")
    figures = {
        "known.records": known["records"],
        **_flat("known.search", search, "counted", "found", "recall", "out_of_scope"),
        "known.search.missing": len(search["missing"]),
        **_flat(
            "known",
            order,
            *("relevant", "held_out", "out_of_scope", "undated", "unplaced", "seeds", "reports"),
            *("read", "found", "places", "wss100", "reads_to_95", "reads_to_100"),
        ),
        "known.excluded": len(order["excluded"]),
    }
    figures |= _flat("outcome", outcome, "known", "excluded", "missing", "not_matched")
    figures["outcome.out_of_scope"] = outcome["out_of_scope"]
    for key in shares:
        figures |= _flat(f"outcome.{key}", outcome[key])
    for source, found in known["sources"].items():
        figures |= _flat(f"outcome.source.{source}", found)
    figures["drift.left_out"] = known["drift"]["left_out"]
    if foreseen := known["drift"]["foreseen"]:
        figures |= _flat("drift", foreseen, "records", "expected", "found", "low", "high")
    estimates = {f"recall_at.{name}": each for name, each in order["recall_at"].items()}
    for name, estimate in {**estimates, "wss95": order["wss95"], "atd": order["atd"]}.items():
        if estimate:
            figures |= {
                f"known.{name}": estimate["value"],
                f"known.{name}.low": estimate["low"],
                f"known.{name}.high": estimate["high"],
            }
    return figures


def in_print(made: Rebuilt) -> dict[str, printed.Reading]:
    """The figures of the documents for reading, and the numbers that are in no known sentence."""
    page = printed.text_of
    return {
        "screening report": printed.read(made.page("/screening-report.md"), sentences.REPORT),
        "search log": printed.read(
            made.page("/search-log.md"), sentences.LOG, sentences.LOG_CONTEXT
        ),
        "agreement page": printed.read(
            page(made.page("/agreement")), sentences.AGREEMENT, sentences.AGREEMENT_CONTEXT
        ),
        "overview": printed.read(page(made.page()), sentences.OVERVIEW),
        "evaluation page": printed.read(page(made.page("/evaluation")), sentences.EVALUATION),
    }


def _is_drawn(name: str) -> bool:
    """Whether a figure is an end of an interval from random draws."""
    by_draws = (
        r"(alpha|kappa\w*|positive_agreement|negative_agreement|wss95|atd|place|recall_at\.\S+)"
    )
    return bool(re.search(by_draws + r"\.(low|high)$", name)) and "adjusted" not in name


def _same(name: str, says: Any, counted: Any, tolerance: float) -> bool:
    if says is None:
        # The program gives no interval where all draws are the same.
        return counted is None or _is_drawn(name)
    if isinstance(counted, list) and len(counted) == 2 and not isinstance(says, list):
        return bool(counted[0] - tolerance <= float(says) <= counted[1] + tolerance)
    if isinstance(says, list) or counted is None:
        return bool(says == counted)
    return abs(float(says) - float(counted)) <= tolerance


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, list) and len(value) == 2:
        return " to ".join(map(_shown, value))
    return f"a list of {len(value)}" if isinstance(value, list) else str(value)


def compare(made: Rebuilt) -> dict[str, Any]:
    """Every figure of every document beside the one counted again."""
    counted = recount(made.database)
    rows, unread, reasons = [], [], Counter[tuple[str, str]]()
    for document, figures in in_json(made).items():
        for name, says in figures.items():
            known = name in counted
            equal = known and _same(name, says, counted[name], 1e-9)
            rows.append([f"JSON: {document}", name, says, counted.get(name), equal])
    for document, reading in in_print(made).items():
        for each in reading.figures:
            known = each.name in counted and counted[each.name] is not None
            tolerance = each.precision + 1e-9
            value = counted.get(each.name)
            equal = known and _same(each.name, each.number, value, tolerance)
            rows.append([document, each.name, each.text + each.unit.strip("~"), value, equal])
        for text, line in reading.others:
            reason = next((why for pattern, why in _NO_FIGURES if re.search(pattern, line)), None)
            if reason:
                reasons[document, reason] += 1
            else:
                unread.append([document, text, line[:160]])
    different = [row for row in rows if not row[-1]]
    drawn = [row for row in rows if _is_drawn(row[1])]
    return {
        "figures": len(rows),
        "by_document": dict(Counter(row[0] for row in rows)),
        "equal": len(rows) - len(different),
        "drawn": len(drawn),
        "different": different,
        "not_compared": unread,
        "no_figures": [[document, why, n] for (document, why), n in sorted(reasons.items())],
        # One line each: document, figure, what the document says, counted again.
        "rows": [" | ".join(map(_shown, row[:4])) for row in rows],
    }


def measure(size: Size) -> dict[str, Any]:
    """Rebuild a review and compare its documents."""
    with tempfile.TemporaryDirectory() as folder, rebuild(Path(folder), size) as made:
        found = compare(made)
        counts = made.get("progress")["counts"]
        return {
            "records": counts["records"],
            "reports": counts["reports"],
            "undone": made.undone,
            "corrected": made.corrected,
            "conflicts": made.settled,
            **found,
        }


def main() -> None:
    """Write benchmarks/results/end_to_end.json."""
    found = measure(FULL)
    write("end_to_end", found)
    for row in found["different"]:
        print("DIFFERENT:", *row[:4])
    for row in found["not_compared"]:
        print("NOT COMPARED:", *row)
    print(f"{found['equal']} of {found['figures']} figures are equal")
    if found["different"] or found["not_compared"]:
        sys.exit("FAILED")


if __name__ == "__main__":
    main()
