"""How deduplication stands in a review, and how often it is likely to have erred."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from api.services.studies import StudyCounts
from api.services.studies import counts as counts_of_studies
from harvest.dedupe.keys import BUCKET_LIMIT
from store import flow, pairs, records
from store.session import ReadSession

_DRAWS = 20_000


@dataclass(frozen=True, slots=True)
class RuleCount:
    """Pairs that a rule merged here, and on labelled sets with how many false among them."""

    name: str
    pairs: int
    labelled: int
    false: int


@dataclass(frozen=True, slots=True)
class DedupeReport:
    """Counts of a review's duplicates with the expected errors.

    Attributes:
        duplicates: PRISMA's "duplicate records removed".
        related: pairs of records whose reports are related.
        studies: reports and studies, in all and among the included.
        waiting: records that have not been compared yet.
        crowded: keys that so many records share that not all of those were compared.
        false_pairs: expected number of falsely merged pairs, and the number that it is at most
            with 95 % probability, given that this review is like the labelled sets.
        copies_left: expected number of copies that were not found, over all labelled sets; then
            by the best and the worst of them.
        words: the same in words, with the method.
    """

    records: int
    reports: int
    duplicates: int
    related: int
    studies: StudyCounts
    waiting: int
    crowded: int
    rules: tuple[RuleCount, ...]
    false_pairs: tuple[float, float]
    copies_left: tuple[float, float, float]
    words: str


@cache
def calibration() -> dict[str, Any]:
    """Errors on labelled sets, as ``benchmarks/dedupe.py`` counted them for these rules."""
    text = files("harvest.dedupe").joinpath("calibration.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def expected_false(rules: tuple[RuleCount, ...]) -> tuple[float, float]:
    """Expected false pairs and their 95 % upper bound.

    Each rule's error rate has a Beta(0.5 + false, 0.5 + right) posterior (Jeffreys' prior) from its
    labelled pairs; the bound is a quantile of 20,000 sums drawn with a fixed seed.
    """
    if not rules:
        return 0.0, 0.0
    rng = np.random.default_rng(1)
    total = np.zeros(_DRAWS)
    mean = 0.0
    for rule in rules:
        wrong, right = rule.false + 0.5, rule.labelled - rule.false + 0.5
        mean += rule.pairs * wrong / (wrong + right)
        total += rule.pairs * rng.beta(wrong, right, _DRAWS)
    return mean, float(np.quantile(total, 0.95))


def expected_left(duplicates: int, sets: list[dict[str, Any]]) -> tuple[float, float, float]:
    """Copies that stay for so many that were merged: over all sets, by the best, by the worst."""
    rates = [each["left"] / each["merged"] for each in sets if each["merged"]]
    if not rates:
        return 0.0, 0.0, 0.0
    pooled = sum(each["left"] for each in sets) / sum(each["merged"] for each in sets)
    return duplicates * pooled, duplicates * min(rates), duplicates * max(rates)


def report_of(session: ReadSession, review_id: int) -> DedupeReport:
    """The report of a review."""
    known = calibration()
    by_rule = pairs.by_rule(session, review_id)
    rules = tuple(
        RuleCount(
            name,
            number,
            known["rules"].get(name, {}).get("pairs", 0),
            known["rules"].get(name, {}).get("false", 0),
        )
        for (label, name), number in sorted(by_rule.items(), key=lambda item: -item[1])
        if label == "same"
    )
    counts = records.counts(session, review_id)
    duplicates = flow.flow(session, review_id).duplicates
    merged = counts.records - counts.reports
    false = expected_false(rules)
    left = expected_left(merged, known["sets"])
    return DedupeReport(
        records=counts.records,
        reports=counts.reports,
        duplicates=duplicates,
        related=sum(n for (label, _), n in by_rule.items() if label == "related"),
        studies=counts_of_studies(session, review_id),
        waiting=pairs.waiting(session, review_id),
        crowded=pairs.crowded(session, review_id, limit=BUCKET_LIMIT),
        rules=rules,
        false_pairs=false,
        copies_left=left,
        words=_words(rules, merged, false, left, known),
    )


def _words(
    rules: tuple[RuleCount, ...],
    merged: int,
    false: tuple[float, float],
    left: tuple[float, float, float],
    known: dict[str, Any],
) -> str:
    total = sum(rule.pairs for rule in rules)
    if not total:
        return "No pair was merged by a rule, so there is no error to estimate."
    labelled = sum(rule["pairs"] for rule in known["rules"].values())
    wrong = sum(rule["false"] for rule in known["rules"].values())
    return (
        f"Of {total:,} pairs merged by rule, {false[0]:.1f} are expected to be false, at most "
        f"{false[1]:.1f} with 95 % probability ({100 * false[0] / total:.2f} %). Of {merged:,} "
        f"copies merged, about {left[0]:.1f} more are expected to be left ({left[1]:.1f} by the "
        f"best and {left[2]:.1f} by the worst labelled set). Method: errors of each rule on "
        f"{len(known['sets'])} labelled sets ({labelled:,} merged pairs, {wrong} false), a Beta "
        "posterior for each rule with Jeffreys' prior, times the pairs it merged here; copies left "
        "in proportion to copies merged. It assumes that this review's records are like those of "
        "the labelled sets, which are mostly biomedical; on several of them the rules were written."
    )
