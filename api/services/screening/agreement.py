"""How far a review's people agree on their independent decisions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
        people: their names.
        person_ids: their ids, in the same order.
        joined: with *maybe* counted as *include*.
        three: with *maybe* as a decision of its own.
        blocks: ``joined`` over time, in blocks of 50 records; the last may be shorter.
    """

    people: tuple[str, str]
    person_ids: tuple[int, int]
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
    among: Collection[int] | None = None,
    stage: str = TITLE_ABSTRACT,
) -> AgreementResult:
    """Agreement on independent decisions, on records that need no more decisions.

    Args:
        session: a reading session.
        review_id: the review.
        among: only these reports, such as those of a pilot round; None for all.
        stage: the stage that was screened.
    """
    reports = independent_decisions.list_screened(session, review_id, stage, among=among)
    return compare(reports, independent_decisions.list_names(session))


def compare(reports: Sequence[ScreenedReport], names: Mapping[int, str]) -> AgreementResult:
    """Agreement on reports that need no more decisions.

    Args:
        reports: the reports.
        names: of people, by id; see ``name_people``.
    """
    first_decisions = independent_decisions.list_first_decisions(reports)
    by_report = _by_report(first_decisions)
    people = {decision.person_id for decision in first_decisions}
    pairs = [_measure_pair(pair, found) for pair, found in _pair_up(by_report).items()]
    units = _list_units(by_report)
    pilot = sum(any(d.way == "pilot" for d in own.values()) for own in by_report.values())
    result = AgreementResult(
        pairs=tuple(pairs),
        records=len(by_report),
        dual=len(by_report) - pilot,
        pilot=pilot,
        people=len(people),
        same=Share.of(sum(len(set(unit)) == 1 for unit in units), len(units)),
        in_common=_count_in_common(units),
        alpha=alpha(units, TWO),
        verified=independent_decisions.count_verified(reports),
    )
    return name_people(result, names)


def name_people(result: AgreementResult, names: Mapping[int, str]) -> AgreementResult:
    """The same figures with the names that people have now, the pair with the most records first.

    Args:
        result: figures, perhaps from before somebody was renamed or erased.
        names: of people, by id; others are called by their number.
    """

    def name(person_id: int) -> str:
        return names.get(person_id, f"person {person_id}")

    pairs = [
        replace(pair, people=(name(pair.person_ids[0]), name(pair.person_ids[1])))
        for pair in result.pairs
    ]
    pairs.sort(key=lambda pair: (-pair.joined.records, pair.people, pair.person_ids))
    return replace(result, pairs=tuple(pairs))


@dataclass(frozen=True, slots=True)
class InCommon:
    """How many records two or more people decided independently, and the includes in common."""

    records: int
    share: Share


def count_in_common(session: ReadSession, review_id: int) -> InCommon:
    """The same numbers as in ``measure_agreement``, without what takes long to measure."""
    reports = independent_decisions.list_screened(session, review_id)
    by_report = _by_report(independent_decisions.list_first_decisions(reports))
    return InCommon(len(by_report), _count_in_common(_list_units(by_report)))


_ByReport = Mapping[int, Mapping[int, FirstDecision]]


def _by_report(first_decisions: Iterable[FirstDecision]) -> _ByReport:
    by_report: dict[int, dict[int, FirstDecision]] = defaultdict(dict)
    for decision in first_decisions:
        by_report[decision.report_id][decision.person_id] = decision
    return by_report


def _list_units(by_report: _ByReport) -> list[list[str]]:
    """Everybody's decision on each report, *maybe* as *include*."""
    return [[_join(made.decision) for made in own.values()] for own in by_report.values()]


def _count_in_common(units: Sequence[Sequence[str]]) -> Share:
    included = [unit for unit in units if "include" in unit]
    return Share.of(sum("exclude" not in unit for unit in included), len(included))


def _pair_up(by_report: _ByReport) -> dict[tuple[int, int], list[tuple[str, str]]]:
    """The decisions of every two people on the records that both decided."""
    shared: dict[tuple[int, int], list[tuple[str, str]]] = defaultdict(list)
    for by_person in by_report.values():
        for one, other in combinations(sorted(by_person), 2):
            shared[one, other].append((by_person[one].decision, by_person[other].decision))
    return shared


def _measure_pair(people: tuple[int, int], decisions: list[tuple[str, str]]) -> PairAgreement:
    joined = [(_join(one), _join(other)) for one, other in decisions]
    blocks = []
    for start in range(0, len(joined), _BLOCK):
        part = joined[start : start + _BLOCK]
        blocks.append(AgreementBlock(start + 1, start + len(part), _agree(part, TWO)))
    return PairAgreement(
        people=("", ""),
        person_ids=people,
        joined=_agree(joined, TWO),
        three=_agree(decisions, THREE),
        blocks=tuple(blocks),
    )


def _join(decision: str) -> str:
    return "include" if decision in INCLUDING else decision


def _agree(pairs: list[tuple[str, str]], choices: tuple[str, ...]) -> Agreement:
    return agreement([one for one, _ in pairs], [other for _, other in pairs], choices)
