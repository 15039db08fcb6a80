"""The outcome of several people's decisions on one report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

State = Literal["open", "awaiting", "conflict", "settled"]
# States in which somebody must still decide without knowing what others think.
UNDECIDED: Final = ("open", "awaiting")

# A person's own decision. Other kinds override it: two people who differed agreed on one
# ("consensus"), a third person gave it ("adjudication"), it came with the file of a finished review
# ("import"), or it follows from an event ("act").
OWN: Final = "own"
# Also a person's own decision, made in a check of records that they knew were excluded; see
# store.screening.likely_misses.
LOOK: Final = "look"
# A decision that came with a file.
IMPORT: Final = "import"
# Kinds of decisions for which the person read the record.
READ: Final = (OWN, LOOK, "consensus", "adjudication")
# Decisions that send a report on to the next stage: one that may be relevant is read in full.
INCLUDING: Final = ("include", "maybe")


@dataclass(frozen=True, slots=True)
class ActiveDecision:
    """A decision that is not an undo and not undone, on a record not being screened again.

    Attributes:
        in_bulk: whether a bulk action made it, so that nobody read the record for it.
    """

    id: int
    person_id: int
    decision: str
    kind: str = OWN
    in_bulk: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state of a report, derived from the decisions on it.

    Attributes:
        state: *open*, nobody has decided it; *awaiting*, others must still decide; *conflict*, all
            have decided and they differ; *settled*.
        decision_id: the decision that counts; None unless it is settled.
        first_id: the first decision on it.
    """

    state: State
    decision_id: int | None = None
    first_id: int | None = None


def get_own_decisions(decisions: Sequence[ActiveDecision]) -> dict[int, ActiveDecision]:
    """Each person's latest own decision, by person id; ``decisions`` are oldest first."""
    return {decision.person_id: decision for decision in decisions if decision.kind in (OWN, LOOK)}


def find_first_read(decisions: Sequence[ActiveDecision]) -> int | None:
    """The id of the first decision made by reading; ``decisions`` are oldest first."""
    read = (line.id for line in decisions if line.kind in READ and not line.in_bulk)
    return next(read, None)


def find_outcome(
    decisions: Sequence[ActiveDecision],
    count_needed: Callable[[Sequence[ActiveDecision]], int],
    *,
    maybe_waits: bool = False,
) -> Outcome:
    """Derive the state of a report from the decisions on it.

    If one person is enough, the latest decision counts, no matter who made it. Otherwise any
    decision that is not a person's own overrides the own ones until it is undone. *maybe* and
    *include* do not conflict, because both send the report on.

    Args:
        decisions: active ones, oldest first.
        count_needed: how many people must decide, given the decisions so far.
        maybe_waits: whether a report with *maybe* awaits a final decision, as at full text, where
            *maybe* would keep the final counts open.
    """
    outcome = _find_outcome(decisions, count_needed)
    maybes = {decision.id for decision in decisions if decision.decision == "maybe"}
    if maybe_waits and outcome.decision_id in maybes:
        return Outcome("awaiting", None, outcome.first_id)
    return outcome


def _find_outcome(
    decisions: Sequence[ActiveDecision], count_needed: Callable[[Sequence[ActiveDecision]], int]
) -> Outcome:
    if not decisions:
        return Outcome("open")
    first_id = decisions[0].id
    needed = count_needed(decisions)
    if needed <= 1:
        return Outcome("settled", decisions[-1].id, first_id)
    overriding = [decision for decision in decisions if decision.kind not in (OWN, LOOK)]
    if overriding:
        return Outcome("settled", overriding[-1].id, first_id)
    own = get_own_decisions(decisions)
    if len(own) < needed:
        return Outcome("awaiting", None, first_id)
    including = [decision for decision in own.values() if decision.decision in INCLUDING]
    if not including:
        return Outcome("settled", max(decision.id for decision in own.values()), first_id)
    if len(including) < len(own):
        return Outcome("conflict", None, first_id)
    includes = [decision.id for decision in including if decision.decision == "include"]
    latest_id = max(includes or [decision.id for decision in including])
    return Outcome("settled", latest_id, first_id)
