"""Two records: the same report, related reports, apart, or a question for a person; and why.

First the guard, then the rules (``rules.py``), then what is left. The reason names the fields it
went by. Nothing here depends on the order of the two records or on any other record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from harvest.dedupe.evidence import Evidence, Field, gather, hopeless, title_of
from harvest.dedupe.kinds import KINDS
from harvest.dedupe.prepare import Prepared
from harvest.dedupe.rules import ASK, NUMBERS, SAME, Case, Rule, first
from harvest.dedupe.titles import Title

# Moves whenever a rule changes what it decides: stored verdicts say which rules they came from.
VERSION: Final = "2"

Label = Literal["same", "related", "ask", "different"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one pair.

    Attributes:
        label: "same" merges, "related" links, "ask" puts it to a person, "different" keeps apart.
        rule: the rule's name, such as "place".
        reason: the fields it went by, for a reader.
        guard: why an otherwise fitting pair is kept apart, such as "versions 2 and 3"; or None.
    """

    label: Label
    rule: str
    reason: str
    guard: str | None = None


def compare(a: Prepared, b: Prepared) -> Verdict:
    """Decide about two records. Symmetric and pure."""
    if (b.titles, b.authors, b.venue) < (a.titles, a.authors, a.venue):
        # Pairing words and names is greedy, so the two always stand in the same order.
        a, b = b, a
    title = title_of(a, b)
    if hopeless(a, b, title):
        return Verdict("different", "apart", _TITLES[title])
    evidence = gather(a, b, title)
    guarded = _guard(a, b, evidence)
    if guarded is not None:
        label, rule, guard = guarded
        return Verdict(label, rule, describe(evidence), guard)
    case = Case(a, b, evidence)
    for outcome, rules in _OUTCOMES:
        name = first(rules, case)
        if name is not None:
            return Verdict(outcome, name, describe(evidence))
    if _related(evidence):
        return Verdict("related", "other-place", describe(evidence))
    return Verdict("different", "apart", describe(evidence))


_OUTCOMES: Final[tuple[tuple[Label, tuple[Rule, ...]], ...]] = (("same", SAME), ("ask", ASK))


def _guard(a: Prepared, b: Prepared, evidence: Evidence) -> tuple[Label, str, str] | None:
    """What is never merged, however alike: label, rule and reason; None where nothing forbids."""
    fits = evidence.title >= Title.SIBLING and evidence.authors != Field.CONFLICT
    if a.kind != b.kind:
        guard = f"one is {_a(min(a.kind, b.kind))}, the other {_a(max(a.kind, b.kind))}"
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
    """The rule's name: the kind that is not an article, of two such the farther."""
    kinds = [kind for kind in KINDS if kind in (a, b)]
    return f"is-{kinds[0].replace(' ', '-')}"


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _related(evidence: Evidence) -> bool:
    """Whether the two may report one study: the same people under (nearly) the same title."""
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
    Title.NUMBERED: "one title has a number more",
    Title.NUMBER: "titles differ in a number",
    Title.LONGER: "one title has words more",
    Title.CONTAINED: "one title begins the other",
    Title.NEAR: "titles all but equal",
    Title.EQUAL: "titles equal",
}


def describe(evidence: Evidence) -> str:
    """The evidence in a line: "titles equal; authors agree; volume differs; year 1 apart"."""
    said = [_TITLES[evidence.title]]
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
            said.append(f"{name} {_WORDS[value]}")
    if evidence.year is not None:
        said.append("same year" if evidence.year == 0 else f"years {evidence.year} apart")
    if evidence.abstract is not None:
        said.append(f"abstracts {evidence.abstract:.0%} alike")
    return "; ".join(said)
