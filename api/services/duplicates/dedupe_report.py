"""What deduplication did in a review, and how many errors to expect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from api.services.duplicates.studies import StudyCounts, count_studies
from api.wording import count_noun, describe_expected
from harvest.dedupe.keys import BUCKET_LIMIT
from store.core.session import ReadSession
from store.reports import pair_keys, pairs, record_counts
from store.searching import flow

_DRAWS = 20_000


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How many pairs a rule merged here and on labelled sets, and how many of those were false."""

    name: str
    pairs: int
    labelled: int
    false: int


@dataclass(frozen=True, slots=True)
class DedupeReport:
    """Counts of a review's duplicates, with the errors to expect.

    Attributes:
        duplicates: PRISMA's "duplicate records removed".
        related: pairs of records whose reports are related.
        studies: reports and studies, in all and among the included.
        waiting: records that have not been compared yet.
        crowded: keys shared by too many records to compare them all.
        false_pairs: expected number of wrongly merged pairs, and its 95 % upper bound, if this
            review is like the labelled sets.
        copies_left: expected number of missed copies, from all labelled sets; then from the best
            and from the worst of them.
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
def load_calibration() -> dict[str, Any]:
    """Errors of the rules on labelled sets, as ``benchmarks/dedupe.py`` counted them."""
    text = files("harvest.dedupe").joinpath("calibration.json").read_text(encoding="utf-8")
    calibration: dict[str, Any] = json.loads(text)
    return calibration


def estimate_false_merges(rules: tuple[RuleCount, ...]) -> tuple[float, float]:
    """Expected number of false pairs, and its 95 % upper bound.

    Each rule's error rate has a Beta(0.5 + false, 0.5 + right) posterior (Jeffreys' prior) from its
    labelled pairs. The bound is a quantile of 20,000 sums drawn with a fixed seed.
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


def estimate_missed_copies(
    duplicates: int, sets: list[dict[str, Any]]
) -> tuple[float, float, float]:
    """Copies missed for so many that were merged: from all sets, from the best, from the worst."""
    rates = [labelled["left"] / labelled["merged"] for labelled in sets if labelled["merged"]]
    if not rates:
        return 0.0, 0.0, 0.0
    missed, merged = (sum(labelled[key] for labelled in sets) for key in ("left", "merged"))
    pooled = missed / merged
    return duplicates * pooled, duplicates * min(rates), duplicates * max(rates)


def build_report(session: ReadSession, review_id: int) -> DedupeReport:
    """The deduplication report of a review."""
    calibration = load_calibration()
    by_rule = pairs.count_pairs_by_rule(session, review_id)
    rules = _count_merged(by_rule, calibration["rules"])
    counts = record_counts.count_reports(session, review_id)
    duplicates = flow.count_flow(session, review_id).duplicates
    merged = counts.records - counts.reports
    false = estimate_false_merges(rules)
    left = estimate_missed_copies(merged, calibration["sets"])
    return DedupeReport(
        records=counts.records,
        reports=counts.reports,
        duplicates=duplicates,
        related=sum(n for (label, _), n in by_rule.items() if label == "related"),
        studies=count_studies(session, review_id),
        waiting=pairs.count_uncompared_records(session, review_id),
        crowded=pair_keys.count_crowded_keys(session, review_id, limit=BUCKET_LIMIT),
        rules=rules,
        false_pairs=false,
        copies_left=left,
        words=_describe_errors(rules, merged, false, left),
    )


def _count_merged(
    by_rule: Mapping[tuple[str, str], int], labelled: Mapping[str, Mapping[str, int]]
) -> tuple[RuleCount, ...]:
    """The rules that merged pairs here, those with the most pairs first."""
    largest_first = sorted(by_rule.items(), key=lambda item: -item[1])
    merged = [(name, pairs) for (label, name), pairs in largest_first if label == "same"]
    return tuple(
        RuleCount(
            name,
            pairs,
            labelled.get(name, {}).get("pairs", 0),
            labelled.get(name, {}).get("false", 0),
        )
        for name, pairs in merged
    )


def _describe_errors(
    rules: tuple[RuleCount, ...],
    merged: int,
    false: tuple[float, float],
    left: tuple[float, float, float],
) -> str:
    """The expected errors in sentences, with the method."""
    calibration = load_calibration()
    total = sum(rule.pairs for rule in rules)
    if not total:
        return "No pair was merged by a rule, so there is no error to estimate."
    labelled = sum(rule["pairs"] for rule in calibration["rules"].values())
    wrong = sum(rule["false"] for rule in calibration["rules"].values())
    return (
        f"Of {count_noun(total, 'pair')} merged by rule, {describe_expected(false[0])} "
        f"({describe_expected(100 * false[0] / total)} %) are expected to be false, and with 95 % "
        f"probability at most {describe_expected(false[1])}. Besides the "
        f"{count_noun(merged, 'copy', 'copies')} merged, about {left[0]:.1f} more are expected to "
        f"be missed ({left[1]:.1f} by the best and {left[2]:.1f} by the worst labelled set). "
        "Method: the "
        f"errors of each rule on {len(calibration['sets'])} labelled sets ({labelled:,} merged "
        f"pairs, {wrong} false), as a Beta posterior with Jeffreys' prior, times the pairs that "
        "the rule merged here; missed copies in proportion to merged ones. This assumes that the "
        "review's records are like those of the labelled sets, which are mostly biomedical. The "
        "rules were written on several of those sets."
    )
