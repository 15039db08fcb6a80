"""Screening plans that teams choose from, and what each costs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from api.protocol import StagePlan

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
        decisions = pilot * people + (records - pilot) * each
        found[key] = Cost(preset, decisions, decisions * MINUTES / 60 / max(1, people))
    return found
