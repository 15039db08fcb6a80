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
    """A screening plan of one stage; one person decides what nothing else is said of.

    Attributes:
        dual_share: share of the records that two people decide independently, 0 to 1.
        second_look: share of the others' excludes that a second person decides too, 0 to 1.
        seed: of the draw that says which records these are.
    """

    dual_share: float = 0.0
    second_look: float = 0.0
    seed: int = 0

    @property
    def single(self) -> bool:
        """Whether one person decides every record."""
        return not (self.dual_share or self.second_look)

    def needed(self, report_id: int, first: str | None) -> int:
        """How many people decide a report.

        Args:
            report_id: the report; it is drawn by its id, so that nobody's doing changes the draw.
            first: the first decision made on it, if any.
        """
        if _drawn(self.seed, "dual", report_id) < self.dual_share:
            return 2
        if first == "exclude" and _drawn(self.seed, "second look", report_id) < self.second_look:
            return 2
        return 1


@lru_cache(maxsize=2**18)
def _drawn(seed: int, what: str, report_id: int) -> float:
    """A number from 0 up to 1 that is always the same for the same report."""
    digest = hashlib.blake2b(f"{seed} {what} {report_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def of_body(body: Mapping[str, Any], stage: str = TITLE_ABSTRACT) -> Plan:
    """The plan of a stage as a protocol's body says it; single where it says none."""
    for each in body.get("plans") or ():
        if each["stage"] == stage:
            return Plan(each["dual_share"], each["second_look"], each["seed"])
    return Plan()
