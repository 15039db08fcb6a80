"""How many people decide a record at a stage."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

TITLE_ABSTRACT = "title-abstract"
FULL_TEXT = "full-text"


@dataclass(frozen=True, slots=True)
class Plan:
    """A screening plan of one stage. By default, one person decides each record.

    Attributes:
        dual_share: share of the records that two people decide independently, 0 to 1.
        second_look: share of the other records' excludes that a second person also decides, 0 to 1.
        seed: of the draw that chooses these records.
        switched_after: the last decision before a team switched from two people for every record
            to one; None if it has not. Records that two people had decided by then stay theirs.
    """

    dual_share: float = 0.0
    second_look: float = 0.0
    seed: int = 0
    switched_after: int | None = None

    @property
    def single(self) -> bool:
        """Whether one person decides every record."""
        return not (self.dual_share or self.second_look or self.switched_after is not None)

    def count_needed(self, report_id: int, first: str | None) -> int:
        """Count the people who must decide a report.

        Args:
            report_id: the report. The draw uses its id, so that nothing people do can change it.
            first: the first decision on it; None if there is no decision yet.
        """
        if _is_drawn(self.dual_share, self.seed, "dual", report_id):
            return 2
        if first == "exclude" and _is_drawn(self.second_look, self.seed, "second look", report_id):
            return 2
        return 1


def _is_drawn(share: float, seed: int, purpose: str, report_id: int) -> bool:
    """Whether a report is in a share, 0 to 1, of all; none and all of them need no draw."""
    return share > 0 and (share >= 1 or _draw(seed, purpose, report_id) < share)


@lru_cache(maxsize=2**18)
def _draw(seed: int, purpose: str, report_id: int) -> float:
    """Draw a number from 0 up to 1 that is always the same for the same report."""
    digest = hashlib.blake2b(f"{seed} {purpose} {report_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def plan_from_body(body: Mapping[str, Any], stage: str = TITLE_ABSTRACT) -> Plan:
    """The plan of a stage in a protocol's body; one person per record if there is no plan."""
    for plan in body.get("plans") or ():
        if plan["stage"] == stage:
            switch = (plan.get("calibration") or {}).get("switch") or {}
            return Plan(plan["dual_share"], plan["second_look"], plan["seed"], switch.get("after"))
    return Plan()
