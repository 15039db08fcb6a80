"""Roles of a review's people, and what each role allows."""

from __future__ import annotations

from typing import Final, Literal

Role = Literal["owner", "manager", "adjudicator", "reviewer", "viewer"]
Action = Literal["read", "screen", "adjudicate", "lead"]

# The highest first: nobody may give or take away a role above their own.
ROLES: Final[tuple[Role, ...]] = ("owner", "manager", "adjudicator", "reviewer", "viewer")
LEADS: Final[tuple[Role, ...]] = ("owner", "manager")

_ALL_ACTIONS: Final[frozenset[Action]] = frozenset({"read", "screen", "adjudicate", "lead"})
ALLOWED_ACTIONS: Final[dict[Role, frozenset[Action]]] = {
    "owner": _ALL_ACTIONS,
    "manager": _ALL_ACTIONS,
    "adjudicator": frozenset({"read", "screen", "adjudicate"}),
    "reviewer": frozenset({"read", "screen"}),
    "viewer": frozenset({"read"}),
}
# Roles in the words that people read.
ROLE_NAMES: Final[dict[Role, str]] = {
    "owner": "Lead (owner)",
    "manager": "Lead",
    "adjudicator": "Settles conflicts",
    "reviewer": "Screens",
    "viewer": "Reads only",
}
# What a refusal says a person can do; leads are refused nothing.
_ONLY: Final[dict[Role, str]] = {
    "adjudicator": "screen and settle conflicts in",
    "reviewer": "screen in",
    "viewer": "read",
}


def parse_role(name: str) -> Role:
    """The role of a name.

    Raises:
        ValueError: there is no such role.
    """
    for role in ROLES:
        if role == name:
            return role
    raise ValueError(f"role must be one of {', '.join(ROLES)}, not {name!r}")


def role_allows(role: Role | None, action: Action) -> bool:
    """Whether a role allows an action; None, for people outside the review, allows nothing."""
    return role is not None and action in ALLOWED_ACTIONS[role]


def explain_refusal(role: Role) -> str:
    """Say what a role allows, to a person who tried to do more; leads are never refused."""
    return f"You can only {_ONLY[role]} this review; ask a lead."


def is_higher(one: Role, other: Role) -> bool:
    """Whether one role is higher than another."""
    return ROLES.index(one) < ROLES.index(other)
