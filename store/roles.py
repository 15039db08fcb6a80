"""Roles of a review's people, and what each may do."""

from __future__ import annotations

from typing import Final, Literal

Role = Literal["owner", "manager", "adjudicator", "reviewer", "viewer"]
Action = Literal["read", "screen", "adjudicate", "lead"]

# The highest first: nobody gives a role above their own, or takes one.
ROLES: Final[tuple[Role, ...]] = ("owner", "manager", "adjudicator", "reviewer", "viewer")
LEADS: Final[tuple[Role, ...]] = ("owner", "manager")

_EVERYTHING: Final[frozenset[Action]] = frozenset({"read", "screen", "adjudicate", "lead"})
MAY: Final[dict[Role, frozenset[Action]]] = {
    "owner": _EVERYTHING,
    "manager": _EVERYTHING,
    "adjudicator": frozenset({"read", "screen", "adjudicate"}),
    "reviewer": frozenset({"read", "screen"}),
    "viewer": frozenset({"read"}),
}
# What an action is called where somebody may not do it.
WORDS: Final[dict[Action, str]] = {
    "read": "see this review",
    "screen": "screen",
    "adjudicate": "settle conflicts",
    "lead": "change the review",
}


def as_role(word: str) -> Role:
    """A role by its name.

    Raises:
        ValueError: there is none of that name.
    """
    for role in ROLES:
        if role == word:
            return role
    raise ValueError(f"role must be one of {', '.join(ROLES)}, not {word!r}")


def may(role: Role | None, action: Action) -> bool:
    """Whether a role allows an action; who has none may do nothing."""
    return role is not None and action in MAY[role]


def refusal(role: Role, action: Action) -> str:
    """Why a role does not allow an action, in words for its holder."""
    allowed = [each for each in ROLES if may(each, action)]
    return f"As {role} of this review you may not {WORDS[action]}; {', '.join(allowed)} may."


def above(one: Role, other: Role) -> bool:
    """Whether a role is higher than another."""
    return ROLES.index(one) < ROLES.index(other)
