"""Refusals by services. Each edge says in its own words what to do about them."""

from __future__ import annotations

from store.core.errors import Conflict

# How long somebody is asked to wait while too many people sign in.
_BUSY_SECONDS = 3.0


class Blocked(Exception):
    """A run that may not start, since its source would find less than the strategy asks for.

    Attributes:
        source: short name of the source.
        kinds: kinds of the losses that nobody accepted.
        remedy: what to do, wherever it is read.
    """

    remedy = "Replace the terms there, or accept the loss in writing."

    def __init__(self, message: str, *, source: str, kinds: tuple[str, ...]) -> None:
        super().__init__(message)
        self.source = source
        self.kinds = kinds


class ConfirmationNeeded(ValueError):
    """A new strategy version that would turn known relevant records into development ones."""

    # Its name in the API's JSON, which clients may rely on.
    kind = "NeedsConfirmation"


class FreezeDateNeeded(Conflict):
    """A rule for the pool of a review that has no search freeze date."""

    def __init__(self) -> None:
        super().__init__("There is no search freeze date, so there are no incoming records.")


class TooManySignIns(Exception):
    """An attempt to sign in that comes too soon.

    Attributes:
        wait: seconds after which to try again.
    """

    def __init__(self, message: str, *, wait: float) -> None:
        super().__init__(message)
        self.wait = wait

    @classmethod
    def at_once(cls) -> TooManySignIns:
        """Too many people are signing in at once; it has nothing to do with this attempt."""
        return cls(
            "Too many people are signing in at the moment. Wait a few seconds, and try again.",
            wait=_BUSY_SECONDS,
        )


class ReasonNeeded(ValueError):
    """A change that the search log must explain, made without a reason."""

    def __init__(self, change: str) -> None:
        super().__init__(f"{change} needs a reason.")


def require_reason(reason: str, change: str) -> str:
    """The reason for a change, such as "A withdrawal", without blanks around it.

    Raises:
        ReasonNeeded: it is blank.
    """
    if not reason.strip():
        raise ReasonNeeded(change)
    return reason.strip()
