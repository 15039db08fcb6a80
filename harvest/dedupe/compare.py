"""Decide whether two records are the same report, related, different, or a question for a person.

The guard comes first, then the rules (``rules.py``), then the remaining cases. The reason names the
fields that were compared. The result does not depend on the order of the two records, or on any
other record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from harvest.dedupe.case import NUMBERS, Case
from harvest.dedupe.evidence import (
    Evidence,
    Field,
    cannot_match,
    compare_best_titles,
    gather_evidence,
)
from harvest.dedupe.kinds import KINDS
from harvest.dedupe.prepare import Prepared
from harvest.dedupe.rules import ASK, SAME, Rule, find_rule
from harvest.dedupe.titles import Title

# Raised whenever a rule changes what it decides; stored decisions keep the version they come from.
VERSION: Final = "2"

Label = Literal["same", "related", "ask", "different"]


@dataclass(frozen=True, slots=True)
class PairDecision:
    """The decision on a pair.

    Attributes:
        label: "same" merges, "related" links, "ask" puts it to a person, "different" keeps apart.
        rule: name of the rule, such as "place".
        reason: the fields that were compared, for readers.
        guard: why an otherwise similar pair is kept apart, such as "versions 2 and 3"; or None.
    """

    label: Label
    rule: str
    reason: str
    guard: str | None = None


def compare(a: Prepared, b: Prepared) -> PairDecision:
    """Decide on two records. Symmetric and pure."""
    if (b.titles, b.authors, b.venue) < (a.titles, a.authors, a.venue):
        # Words and names are paired greedily, so the two records need a fixed order.
        a, b = b, a
    title = compare_best_titles(a, b)
    if cannot_match(a, b, title):
        return PairDecision("different", "apart", _TITLES[title])
    evidence = gather_evidence(a, b, title)
    kept_apart = _guard(a, b, evidence)
    if kept_apart is not None:
        label, rule, guard = kept_apart
        return PairDecision(label, rule, describe(evidence), guard)
    case = Case(a, b, evidence)
    for outcome, rules in _OUTCOMES:
        name = find_rule(rules, case)
        if name is not None:
            return PairDecision(outcome, name, describe(evidence))
    if _related(evidence):
        return PairDecision("related", "other-place", describe(evidence))
    return PairDecision("different", "apart", describe(evidence))


_OUTCOMES: Final[tuple[tuple[Label, tuple[Rule, ...]], ...]] = (("same", SAME), ("ask", ASK))


def _guard(a: Prepared, b: Prepared, evidence: Evidence) -> tuple[Label, str, str] | None:
    """Label, rule and reason for a pair that must never be merged; None if it may be."""
    fits = evidence.title >= Title.SIBLING and evidence.authors != Field.CONFLICT
    if a.kind != b.kind:
        first, second = sorted((a.kind, b.kind))
        guard = f"one is {_with_article(first)}, the other {_with_article(second)}"
        if evidence.title >= Title.SIBLING or evidence.doi == Field.AGREE:
            return "related", _relation(a.kind, b.kind), guard
        return "different", "apart", guard
    if a.version and b.version and a.version != b.version and fits:
        low, high = sorted((a.version, b.version))
        return "related", "other-version", f"versions {low} and {high}"
    place = evidence.page == Field.AGREE and Field.AGREE in (evidence.volume, evidence.doi)
    if evidence.title in NUMBERS and not (place and fits):
        guard = "numbers in the titles differ"
        if evidence.title == Title.YEAR and fits and not evidence.generic:
            return "ask", "other-year", guard
        if evidence.title == Title.NUMBERED and evidence.authors == Field.AGREE:
            return "related", "other-number", guard
        return "different", "other-number", guard
    return None


def _relation(a: str, b: str) -> str:
    """Name of the rule: the first in ``KINDS`` of the two kinds."""
    kinds = [kind for kind in KINDS if kind in (a, b)]
    return f"is-{kinds[0].replace(' ', '-')}"


def _with_article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _related(evidence: Evidence) -> bool:
    """Whether the two may report one study: same people, and (nearly) the same title."""
    return (
        not evidence.generic
        and evidence.title >= Title.CONTAINED
        and evidence.authors in (Field.AGREE, Field.PARTIAL)
    )


_WORDS: Final = {
    Field.AGREE: "agrees",
    Field.PARTIAL: "similar",
    Field.CONFLICT: "differs",
}
_TITLES: Final = {
    Title.MISSING: "a title is missing",
    Title.OTHER: "titles differ",
    Title.SIBLING: "titles differ in a word",
    Title.YEAR: "titles differ in a year",
    Title.NUMBERED: "one title has an extra number",
    Title.NUMBER: "titles differ in a number",
    Title.LONGER: "one title has extra words",
    Title.CONTAINED: "one title is the start of the other",
    Title.NEAR: "titles almost identical",
    Title.EQUAL: "titles equal",
}


def describe(evidence: Evidence) -> str:
    """The evidence in one line: "titles equal; author agrees; volume differs; same year"."""
    parts = [_TITLES[evidence.title]]
    for name, value in (
        ("author", evidence.authors),
        ("journal", evidence.venue),
        ("volume", evidence.volume),
        ("issue", evidence.issue),
        ("first page", evidence.page),
        ("DOI", evidence.doi),
        ("PubMed id", evidence.pmid),
    ):
        if value != Field.MISSING:
            parts.append(f"{name} {_WORDS[value]}")
    if evidence.year is not None:
        parts.append("same year" if evidence.year == 0 else f"years {evidence.year} apart")
    if evidence.abstract is not None:
        parts.append(f"abstracts {evidence.abstract:.0%} alike")
    return "; ".join(parts)
