"""Which decisions on a record are independent, and so can be compared for agreement.

A decision is independent if the person made it before the record had all the decisions it needed:
until then nobody sees what others decided. Every later one is a correction, by somebody who could
see the others. The whole log of a record is read in the order in which it was written, each line
under the plan and the pilot rounds of its time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from store.rules.agreed_decision import OWN, ActiveDecision, find_outcome

# How a record came to be decided: by everyone in a pilot round; by two people from the start; by
# one person, with a second one checking the exclude; or by one person alone.
Way = Literal["pilot", "dual", "verified", "single"]
# Ways in which people decide without knowing anything of each other's decisions. Somebody who
# checks an exclude knows that it is one.
COMPARED: Final[tuple[Way, ...]] = ("pilot", "dual")

# The number of people that a record needs, given the active decisions on it.
CountNeeded = Callable[[Sequence[ActiveDecision]], int]


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a record's log.

    Attributes:
        decision: a decision, or an undo.
        supersedes: the decision that an undo takes back.
        in_pilot: whether the record had been drawn for a pilot round by then.
        from_start: whether the plan of the time gave it to two people from the start.
        count_needed: by the plan and the pilot rounds of the time.
        in_bulk: whether one action made it on many records at once. Such a decision counts, but
            nobody read the record for it, so it is compared with none.
    """

    decision: ActiveDecision
    supersedes: int | None
    in_pilot: bool
    from_start: bool
    count_needed: CountNeeded
    in_bulk: bool = False


@dataclass(frozen=True, slots=True)
class Screened:
    """How a record was decided, up to the moment when it had all the decisions it needed.

    Attributes:
        way: how it came to be decided.
        people: everybody who had decided it by then.
        independent: by person, the first decision that they had made and not taken back by then;
            empty unless ``way`` is one of ``COMPARED`` and two people or more had decided.
        corrected: whether a person decided it once more, or undid a decision, after that moment.
        corrections: ids of the decisions that people made after that moment.
    """

    way: Way
    people: frozenset[int]
    independent: dict[int, ActiveDecision]
    corrected: bool
    corrections: frozenset[int]


def describe_screening(lines: Sequence[LogLine]) -> Screened:
    """Describe how a record was decided that needs no more decisions.

    Args:
        lines: of its log, oldest first; at least one. Decisions that are set aside because the
            record is screened again are left out.
    """
    active: list[ActiveDecision] = []
    for place, line in enumerate(lines):
        # A round that was closed, or a new plan, can complete a record between two lines.
        if _is_complete(active, line.count_needed):
            return _describe(lines[:place], active, lines[place:])
        if line.decision.decision == "undo":
            active = [each for each in active if each.id != line.supersedes]
        else:
            active.append(line.decision)
        if _is_complete(active, line.count_needed):
            return _describe(lines[: place + 1], active, lines[place + 1 :])
    return _describe(lines, active, ())


def _is_complete(active: Sequence[ActiveDecision], count_needed: CountNeeded) -> bool:
    return find_outcome(active, count_needed).state in ("settled", "conflict")


def _describe(
    lines: Sequence[LogLine], active: Sequence[ActiveDecision], later: Sequence[LogLine]
) -> Screened:
    own = [decision for decision in active if decision.kind == OWN]
    people = frozenset(decision.person_id for decision in own)
    screened = Screened(
        way=_find_way(lines, len(people)),
        people=people,
        independent={},
        corrected=any(line.decision.kind == OWN for line in later),
        corrections=frozenset(
            line.decision.id
            for line in later
            if line.decision.kind == OWN and line.decision.decision != "undo"
        ),
    )
    if screened.way not in COMPARED:
        return screened
    in_bulk = {line.decision.id for line in lines if line.in_bulk}
    first: dict[int, ActiveDecision] = {}
    for decision in own:
        if decision.id not in in_bulk:
            first.setdefault(decision.person_id, decision)
    return replace(screened, independent=first if len(first) > 1 else {})


def _find_way(lines: Sequence[LogLine], people: int) -> Way:
    if people < 2:
        return "single"
    if all(line.in_pilot for line in lines):
        return "pilot"
    if all(line.from_start or line.in_pilot for line in lines):
        return "dual"
    return "verified"
