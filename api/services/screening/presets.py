"""Screening plans for teams to choose from, and what each would cost them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from api.protocol import Calibration, StagePlan
from api.wording import describe_percent

# Per record, for title and abstract: what teams plan with. ASReview assumes 1.2.
MINUTES: Final = 1.0
# The share of records excluded, until a review has decided enough to use its own: the median of
# 15 dual-coded social-welfare reviews.
_EXCLUDED: Final = 0.94
_ENOUGH: Final = 50
# Records in the pilot round of the preset of 2020: Cochrane's methods group advises 30 to 50.
PILOT: Final = 40
# A list of likely misses has a fifth as many excludes drawn at random mixed in.
_LIST_LENGTH: Final = 1.2

_ONE_SCREENER: Final = (
    "one screener alone found a median of 0.79 of what the team included in 15 dual-coded "
    "social-welfare reviews."
)


@dataclass(frozen=True, slots=True)
class Preset:
    """A plan and its name.

    Attributes:
        why: where the plan comes from, or what it misses.
        pilot: how many records everybody decides first; 0 for no pilot round.
    """

    name: str
    plan: StagePlan
    why: str
    pilot: int = 0


PRESETS: Final[dict[str, Preset]] = {
    "single": Preset("One person for each record", StagePlan(), _ONE_SCREENER.capitalize()),
    "misses": Preset(
        "One person, then possible misses",
        StagePlan(likely_misses=0.05),
        "One person alone found a median of 0.79 of what the team included. Instead of a second "
        "screener, another person checks the excludes that read most like includes. In replays "
        "this raised the share found from 0.81 to 0.90. Guidance on rapid reviews has two people "
        "screen at least a share of the records instead.",
    ),
    "rapid-2023": Preset(
        "Two people until they agree (Rapid Reviews Methods Group, 2023)",
        StagePlan(dual_share=1.0, calibration=Calibration()),
        "Two people decide a share of the records, such as 20 %. Once they agree well enough, you "
        "switch to one person for each record. You set the share and the threshold below. Plan: "
        "Nussbaumer-Streit et al., BMJ Evidence-Based Medicine 2023;28:418; see also Garritty et "
        "al., BMJ 2024;384:e076335. The measure and its first threshold are Winnow's.",
    ),
    "rapid-2020": Preset(
        "Cochrane's interim guidance for rapid reviews of 2020 (since updated)",
        StagePlan(dual_share=0.2, second_look=1.0),
        "A pilot round, then two people for a fifth of the records, and one person for the rest "
        "with a second person on all excludes (Garritty et al., J Clin Epidemiol 2021;130:13).",
        pilot=PILOT,
    ),
    "dual": Preset(
        "Two people for each record",
        StagePlan(dual_share=1.0),
        "Two people decide every record, as full systematic reviews do.",
    ),
}


def describe_plan(plan: StagePlan) -> str:
    """How many people decide a record by a plan, as part of a sentence."""
    dual, look, misses = (
        f"{describe_percent(share)} %"
        for share in (plan.dual_share, plan.second_look, plan.likely_misses)
    )
    if plan.calibration is not None:
        parts = [
            f"two people independently decide {describe_percent(plan.calibration.share)} % of the "
            "records or more, until includes in common reach "
            f"{describe_percent(plan.calibration.threshold)} %; then one person decides each of "
            "the others"
        ]
    elif plan.dual_share == 1:
        parts = ["two people independently decide every record"]
    elif plan.dual_share:
        parts = [
            f"two people independently decide {dual} of the records, drawn at random, and one "
            "person decides each of the others"
        ]
    else:
        parts = ["one person decides each record"]
    if plan.second_look and plan.dual_share < 1:
        share = "all" if plan.second_look == 1 else f"{look} of the"
        others = "other excludes" if plan.dual_share else "excludes"
        parts.append(f"a second person verifies {share} {others}")
    if plan.likely_misses:
        parts.append(f"somebody else checks a list of possible misses, {misses} of the records")
    return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a preset would cost a team.

    Attributes:
        decisions: expected number in all.
        per_record: the same for each record.
        hours: expected hours per person, at one minute a record.
    """

    preset: Preset
    decisions: float
    per_record: float
    hours: float


def estimate_costs(records: int, people: int, *, decided: int, excluded: int) -> dict[str, Cost]:
    """Expected cost of each preset for the records that are left.

    Args:
        records: how many records are left to decide.
        people: how many people screen.
        decided: how many records are settled.
        excluded: how many of these were excluded. From 50 settled records on, their share is
            expected for the rest too.
    """
    exclude_share = excluded / decided if decided >= _ENOUGH else _EXCLUDED
    costs = {}
    for key, preset in PRESETS.items():
        pilot = min(preset.pilot, records)
        per_record = _decisions_per_record(preset.plan, exclude_share)
        decisions = pilot * people + (records - pilot) * per_record
        costs[key] = Cost(
            preset,
            decisions,
            decisions / records if records else per_record,
            decisions * MINUTES / 60 / max(1, people),
        )
    return costs


def _decisions_per_record(plan: StagePlan, exclude_share: float) -> float:
    if plan.calibration is not None:
        # As if the two agreed well enough as soon as they have decided the share.
        return 1.0 if plan.calibration.switch else 1.0 + plan.calibration.share
    single_share = 1 - plan.dual_share
    by_plan = 2 * plan.dual_share + single_share * (1 + exclude_share * plan.second_look)
    return by_plan + _LIST_LENGTH * plan.likely_misses
