"""The years that a review considers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The key of a review's settings: whether its limits leave reports out. They do unless it is False,
# as it is in reviews of an older Winnow until a lead says so.
IN_FORCE = "limits_in_force"


@dataclass(frozen=True, slots=True)
class YearLimits:
    """First and last year that a review considers; None for no limit on that side."""

    first: int | None = None
    last: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every year is within the limits."""
        return self.first is None and self.last is None


def limits_from_body(body: Mapping[str, Any]) -> YearLimits:
    """The years in a protocol's body."""
    limits = body.get("limits") or {}
    return YearLimits(limits.get("year_from"), limits.get("year_to"))
