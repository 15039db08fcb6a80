"""Screening plans that teams choose from, and what each costs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from api.protocol import ProtocolBody, StagePlan

# Of one record, title and abstract: what teams plan with; ASReview reckons 1.2.
MINUTES: Final = 1.0
# Share of records excluded where a review has not decided enough to say: the median of 15
# dual-coded social-welfare reviews.
_EXCLUDED: Final = 0.94
_ENOUGH: Final = 50
# A pilot round of the rapid-review preset, within the 30 to 50 that Cochrane's group advises.
PILOT: Final = 40


@dataclass(frozen=True, slots=True)
class Preset:
    """A plan by its name.

    Attributes:
        why: where it comes from, or what it leaves out.
        pilot: records that everybody decides first; 0 for none.
    """

    name: str
    plan: StagePlan
    why: str
    pilot: int = 0


PRESETS: Final[dict[str, Preset]] = {
    "single": Preset(
        "single",
        StagePlan(),
        "One person alone found a median of 0.79 of what the team included in 15 dual-coded "
        "social-welfare reviews.",
    ),
    "misses": Preset(
        "single, then likely misses",
        StagePlan(likely_misses=0.05),
        "One person alone found a median of 0.79 of what the team included; a list of the excludes "
        "that read most like includes, looked at by somebody else, takes the second screener's "
        "place. In replays it brought 0.81 to 0.90. It is a deviation from guidance, "
        "which asks for a second person on all excludes; the screening report says so.",
    ),
    "rapid": Preset(
        "Cochrane rapid review",
        StagePlan(dual_share=0.2, second_look=1.0),
        "A pilot round, a fifth dual, then single with a second person on all excludes (Cochrane "
        "Rapid Reviews Methods Group).",
        pilot=PILOT,
    ),
    "dual": Preset(
        "dual",
        StagePlan(dual_share=1.0),
        "Two people decide every record, as full systematic reviews do.",
    ),
}


def deviates(body: ProtocolBody) -> str | None:
    """In what a plan falls short of two independent screeners; None where it does not."""
    plan = body.plan_of("title-abstract")
    if plan.dual_share == 1 or plan.second_look == 1:
        return None
    if plan.likely_misses:
        return (
            f"In place of a second screener, a list of likely misses, {plan.likely_misses:.0%} of "
            "the records long: a deviation from guidance on evidence reviews. One screener alone "
            "found a median of 0.79 of what the team included in 15 social-welfare reviews."
        )
    return (
        "Not every exclude was seen by a second person: a deviation from guidance on evidence "
        "reviews. One screener alone found a median of 0.79 of what the team included in 15 "
        "social-welfare reviews."
    )


@dataclass(frozen=True, slots=True)
class Cost:
    """What a preset costs a team.

    Attributes:
        decisions: in all, expected.
        hours: per person, at a minute a record.
    """

    preset: Preset
    decisions: float
    hours: float


def costs(records: int, people: int, *, decided: int, excluded: int) -> dict[str, Cost]:
    """Expected cost of each preset for the records that are left.

    Args:
        records: that are still to be decided.
        people: who screen, 1 or more.
        decided: records settled so far, ``excluded`` of them excluded; they say how many of the
            rest will be, once there are 50.
        excluded: see there.
    """
    share = excluded / decided if decided >= _ENOUGH else _EXCLUDED
    found = {}
    for key, preset in PRESETS.items():
        plan = preset.plan
        pilot = min(preset.pilot, records)
        single = 1 - plan.dual_share
        each = 2 * plan.dual_share + single * (1 + share * plan.second_look)
        # A fifth as many excludes at random are mixed in.
        each += 1.2 * plan.likely_misses
        decisions = pilot * people + (records - pilot) * each
        found[key] = Cost(preset, decisions, decisions * MINUTES / 60 / max(1, people))
    return found
