"""How far a review's people agree on their independent decisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from api.wording import count_noun, describe_share
from model.evaluation.agreement import Agreement, Measure, agreement, alpha
from model.evaluation.shares import Share
from store.core.session import ReadSession
from store.rules.agreed_decision import INCLUDING
from store.rules.plans import TITLE_ABSTRACT
from store.screening import independent_decisions
from store.screening.independent_decisions import FirstDecision, ScreenedReport, Verification

# Include and maybe both go on to full text, so they count as the same decision.
TWO = ("include", "exclude")
THREE = ("include", "maybe", "exclude")
# How the intervals are made, for every place that shows them.
INTERVALS = (
    "95 % intervals: Wilson's for shares of records; for the other coefficients, percentiles of "
    "2,000 bootstrap draws of the records"
)
# Agreement over time is measured in blocks of this many records.
_BLOCK = 50


@dataclass(frozen=True, slots=True)
class AgreementBlock:
    """Agreement on consecutive records, numbered from 1 in the order the pair decided them."""

    first: int
    last: int
    joined: Agreement


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Agreement of two people on the records that both decided.

    Attributes:
        joined: with *maybe* counted as *include*.
        three: with *maybe* as a decision of its own.
        blocks: ``joined`` over time, in blocks of 50 records; the last may be shorter.
    """

    people: tuple[str, str]
    joined: Agreement
    three: Agreement
    blocks: tuple[AgreementBlock, ...]


@dataclass(frozen=True, slots=True)
class AgreementResult:
    """Agreement of a review's people on records that two or more decided independently.

    Attributes:
        pairs: people with records in common, the pair with the most first.
        records: how many records are compared; ``dual`` of them were drawn for two people, and
            ``pilot`` for a pilot round.
        people: how many people decided them.
        same: records on which everybody gave the same decision, of all of these.
        in_common: records that everybody included, of those that anybody did.
        alpha: Krippendorff's alpha over all people.
        verified: excludes that a second person checked; they are not among ``records``, because
            that person knew that they were excludes.

    Everywhere but in ``pairs[].three``, *maybe* counts as *include*.
    """

    pairs: tuple[PairAgreement, ...]
    records: int
    dual: int
    pilot: int
    people: int
    same: Share
    in_common: Share
    alpha: Measure
    verified: Verification

    @property
    def verdict(self) -> str:
        """What the includes in common say, in words; "" if nothing is compared.

        Raw and adjusted agreement say little here: most records are excluded by everybody.
        """
        if not self.records:
            return ""
        if not self.in_common.counted:
            return "Nobody included any of these records, so agreement on includes is not defined."
        return describe_in_common(self.in_common, self.people)


def describe_in_common(share: Share, people: int) -> str:
    """A sentence on the records that everybody included, of those that anybody did."""
    who = "both people" if people == 2 else "everybody who decided them"
    return (
        f"Of the records that at least one person included, {who} included {describe_share(share)}."
    )


def describe_verified(verified: Verification) -> str:
    """A sentence on the excludes that a second person checked; "" if there are none."""
    if not verified.records:
        return ""
    verb = "was" if verified.records == 1 else "were"
    text = (
        f"{count_noun(verified.records, 'exclude')} {verb} verified by a second person; "
        f"{verified.overturned:,} overturned"
    )
    return f"{text}, {verified.unsettled:,} not settled yet." if verified.unsettled else f"{text}."


def measure_agreement(
    session: ReadSession,
    review_id: int,
    *,
    among: Iterable[int] | None = None,
    stage: str = TITLE_ABSTRACT,
) -> AgreementResult:
    """Agreement on independent decisions, on records that need no more decisions.

    Args:
        session: a reading session.
        review_id: the review.
        among: only these reports, such as those of a pilot round; None for all.
        stage: the stage that was screened.
    """
    reports = independent_decisions.list_screened(session, review_id, stage)
    chosen = None if among is None else set(among)
    return compare(
        [report for report in reports if chosen is None or report.report_id in chosen],
        independent_decisions.list_names(session),
    )


def compare(reports: Sequence[ScreenedReport], names: Mapping[int, str]) -> AgreementResult:
    """Agreement on reports that need no more decisions.

    Args:
        reports: the reports.
        names: of people, by id.
    """
    first_decisions = independent_decisions.list_first_decisions(reports)
    by_report: dict[int, dict[int, FirstDecision]] = defaultdict(dict)
    for decision in first_decisions:
        by_report[decision.report_id][decision.person_id] = decision
    people = {decision.person_id for decision in first_decisions}
    pairs = [
        _measure_pair(
            (names.get(one, f"person {one}"), names.get(other, f"person {other}")), decisions
        )
        for (one, other), decisions in _pair_up(by_report).items()
    ]
    units = [
        [_join(decision.decision) for decision in by_person.values()]
        for by_person in by_report.values()
    ]
    included = [unit for unit in units if "include" in unit]
    pilot = sum(any(d.way == "pilot" for d in own.values()) for own in by_report.values())
    return AgreementResult(
        pairs=tuple(sorted(pairs, key=lambda pair: (-pair.joined.records, pair.people))),
        records=len(by_report),
        dual=len(by_report) - pilot,
        pilot=pilot,
        people=len(people),
        same=Share.of(sum(len(set(unit)) == 1 for unit in units), len(units)),
        in_common=Share.of(sum("exclude" not in unit for unit in included), len(included)),
        alpha=alpha(units, TWO),
        verified=independent_decisions.count_verified(reports),
    )


def _pair_up(
    by_report: Mapping[int, Mapping[int, FirstDecision]],
) -> dict[tuple[int, int], list[tuple[str, str]]]:
    """The decisions of every two people on the records that both decided."""
    shared: dict[tuple[int, int], list[tuple[str, str]]] = defaultdict(list)
    for by_person in by_report.values():
        for one, other in combinations(sorted(by_person), 2):
            shared[one, other].append((by_person[one].decision, by_person[other].decision))
    return shared


def _measure_pair(people: tuple[str, str], decisions: list[tuple[str, str]]) -> PairAgreement:
    joined = [(_join(one), _join(other)) for one, other in decisions]
    blocks = []
    for start in range(0, len(joined), _BLOCK):
        part = joined[start : start + _BLOCK]
        blocks.append(AgreementBlock(start + 1, start + len(part), _agree(part, TWO)))
    return PairAgreement(people, _agree(joined, TWO), _agree(decisions, THREE), tuple(blocks))


def _join(decision: str) -> str:
    return "include" if decision in INCLUDING else decision


def _agree(pairs: list[tuple[str, str]], choices: tuple[str, ...]) -> Agreement:
    return agreement([one for one, _ in pairs], [other for _, other in pairs], choices)
