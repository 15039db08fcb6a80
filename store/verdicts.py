"""What several people's decisions on one report come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

State = Literal["open", "awaiting", "conflict", "settled"]
# Somebody is still to decide, without knowing what others did or think.
UNDECIDED: Final = ("open", "awaiting")

# A decision of one's own; or what stands over those: agreed by those who differed, given by a
# third, taken over from a file of a finished review, or an act on what became of a report.
OWN: Final = "own"
# A decision of one's own too, made on a record that was known to be excluded: see store.rechecks.
LOOK: Final = "look"
KINDS: Final = (OWN, "consensus", "adjudication", "import", "act", LOOK)
# What flows on: a record that may be relevant is read in full.
INCLUDING: Final = ("include", "maybe")


@dataclass(frozen=True, slots=True)
class Line:
    """A decision that is neither an undo nor undone."""

    id: int
    person_id: int
    decision: str
    kind: str = OWN


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a report stands.

    Attributes:
        state: *open* nobody decided it; *awaiting* somebody did and others are still to;
            *conflict* all did and differ; *settled*.
        decision_id: the decision that counts; None unless it is settled.
        first_id: the first decision made on it.
    """

    state: State
    decision_id: int | None = None
    first_id: int | None = None


def own_by_person(lines: Sequence[Line]) -> dict[int, Line]:
    """Each person's own latest decision; lines oldest first."""
    return {line.person_id: line for line in lines if line.kind in (OWN, LOOK)}


def outcome(
    lines: Sequence[Line],
    needed: Callable[[Sequence[Line]], int],
    *,
    maybe_waits: bool = False,
) -> Outcome:
    """Where a report stands by the decisions made on it.

    Where one person is enough, the latest decision counts, whoever made it. Else what is not one's
    own decision stands over those that are, until it is undone. *maybe* beside *include* is no
    conflict: both flow on.

    Args:
        lines: those that stand, oldest first.
        needed: how many people are to decide, by what is decided so far.
        maybe_waits: whether *maybe* leaves a report awaiting a final word, as at full text: it
            blocks the final counts until somebody says include or exclude.
    """
    found = _outcome(lines, needed)
    if maybe_waits and found.decision_id is not None:
        word = next(line.decision for line in lines if line.id == found.decision_id)
        if word == "maybe":
            return Outcome("awaiting", None, found.first_id)
    return found


def _outcome(lines: Sequence[Line], needed: Callable[[Sequence[Line]], int]) -> Outcome:
    if not lines:
        return Outcome("open")
    first = lines[0].id
    enough = needed(lines)
    if enough <= 1:
        return Outcome("settled", lines[-1].id, first)
    settling = [line for line in lines if line.kind not in (OWN, LOOK)]
    if settling:
        return Outcome("settled", settling[-1].id, first)
    own = own_by_person(lines)
    if len(own) < enough:
        return Outcome("awaiting", None, first)
    including = [line for line in own.values() if line.decision in INCLUDING]
    if not including:
        return Outcome("settled", max(line.id for line in own.values()), first)
    if len(including) < len(own):
        return Outcome("conflict", None, first)
    sure = [line.id for line in including if line.decision == "include"]
    return Outcome("settled", max(sure or [line.id for line in including]), first)
