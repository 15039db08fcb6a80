"""What a person decided about a record, as a file of another tool says it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from harvest.files.labels.ours import TITLE_ABSTRACT

Decision = Literal["include", "exclude", "maybe"]

# Values that say that nobody has decided; lower case.
NOBODY: Final = frozenset(
    {
        *("", "-1", "-1.0", "-", "na", "n/a", "nan", "none", "null", "<na>"),
        *("undecided", "unlabeled", "unlabelled", "unscreened", "not screened", "not seen"),
        *("unseen", "pending", "asreview_not_seen"),
    }
)
_INCLUDE: Final = frozenset(
    {"1", "1.0", "yes", "y", "true", "include", "included", "relevant", "asreview_relevant"}
)
_EXCLUDE: Final = frozenset(
    {
        *("0", "0.0", "no", "n", "false", "exclude", "excluded", "irrelevant", "not relevant"),
        "asreview_irrelevant",
    }
)
# Nothing was screened before 1990 or will be after 2200; in seconds since 1970.
_EARLIEST: Final = 631_152_000
_LATEST: Final = 7_258_118_400
_MAYBE: Final = frozenset({"maybe"})


@dataclass(frozen=True, slots=True)
class Judgement:
    """One person's decision on a record at a stage.

    Attributes:
        person: the name in the file; None if it names nobody.
        decided_at: in UTC; a time without a zone is taken as UTC. None if the file has none that is
            credible.
        reasons: why it was excluded, in the file's words.
        labels: what people put on the record; they belong to no decision in particular.
        note: the person's own note.
    """

    decision: Decision
    person: str | None = None
    decided_at: dt.datetime | None = None
    stage: str = TITLE_ABSTRACT
    reasons: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a record's entry says: judgements, and values that were not understood."""

    judgements: tuple[Judgement, ...] = ()
    unread: tuple[str, ...] = ()


NOTHING: Final = Reading()


def parse_decision(value: str | None) -> Decision | None:
    """The decision that a word of a file means; None if it is not understood."""
    word = (value or "").strip().lower()
    if word in _INCLUDE:
        return "include"
    if word in _EXCLUDE:
        return "exclude"
    return "maybe" if word in _MAYBE else None


def is_undecided(value: str | None) -> bool:
    """Whether a value of a file says that nobody has decided."""
    return (value or "").strip().lower() in NOBODY


def parse_time(value: str | None) -> dt.datetime | None:
    """A time in seconds since 1970 or in ISO 8601, in UTC; None if it is no credible one."""
    text = (value or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            time = dt.datetime.fromisoformat(text)
        except ValueError:
            return None
        try:
            time = time.replace(tzinfo=time.tzinfo or dt.UTC).astimezone(dt.UTC)
        except OverflowError:
            return None
        seconds = time.timestamp()
        return time if _EARLIEST <= seconds < _LATEST else None
    # A year or a small number is no time.
    if not math.isfinite(seconds) or not _EARLIEST <= seconds < _LATEST:
        return None
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def find_agreed(judgements: Iterable[Judgement], stage: str = TITLE_ABSTRACT) -> Judgement | None:
    """The judgement that counts for a stage; None if there is none, or people disagree.

    *maybe* and *include* agree, since both send a record on: then it is an *include*. The first
    judgement with the agreed decision is given, with the reasons of all who excluded it.
    """
    made = [judgement for judgement in judgements if judgement.stage == stage]
    decisions = {judgement.decision for judgement in made}
    if not made or ("exclude" in decisions and len(decisions) > 1):
        return None
    decision = "include" if "include" in decisions else made[0].decision
    first = next(judgement for judgement in made if judgement.decision == decision)
    reasons = dict.fromkeys(reason for judgement in made for reason in judgement.reasons)
    return Judgement(
        decision=first.decision,
        person=first.person,
        decided_at=first.decided_at,
        stage=stage,
        reasons=tuple(reasons),
        labels=first.labels,
        note=first.note,
    )


def is_conflict(judgements: Iterable[Judgement], stage: str = TITLE_ABSTRACT) -> bool:
    """Whether people disagree at a stage."""
    made = [judgement for judgement in judgements if judgement.stage == stage]
    return bool(made) and find_agreed(made, stage) is None
