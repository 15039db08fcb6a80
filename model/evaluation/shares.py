"""A share with the two counts it is made of and its interval."""

from __future__ import annotations

from dataclasses import dataclass

from model.evaluation.metrics import wilson


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the records counted have a property.

    Attributes:
        found: those that have it, from 0 to ``counted``.
        value: found / counted, 0 to 1; None if nothing is counted.
        low: lower end of Wilson's 95 % interval; ``high`` is the upper end. None if nothing is
            counted.
    """

    found: int
    counted: int
    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, found: int, counted: int) -> Share:
        """The share of two counts, with Wilson's interval (see ``metrics.wilson``)."""
        interval = wilson(found, counted)
        if interval is None:
            return cls(found, counted, None, None, None)
        return cls(found, counted, found / counted, *interval)
