"""Group records into reports by the decisions on pairs; people's decisions come before rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

# No search finds this many copies of one report, so something must be wrong with the records.
GROUP_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class Refused(Generic[Key]):
    """A pair that should be one report but could not be joined.

    Attributes:
        a: one record of the pair.
        b: the other.
        why: "apart" if it would join a pair that must stay apart, "standing" if the two groups are
            decided differently, "limit" if the group would be too large.
        apart: the pair that must stay apart, for "apart".
    """

    a: Key
    b: Key
    why: str
    apart: tuple[Key, Key] | None = None


@dataclass(frozen=True, slots=True)
class Groups(Generic[Key]):
    """Every record in exactly one group, and the pairs that could not be joined."""

    groups: tuple[tuple[Key, ...], ...]
    refused: tuple[Refused[Key], ...]


@dataclass(frozen=True, slots=True)
class Links(Generic[Key]):
    """What links records to one report or keeps them apart.

    Attributes:
        by_rule: pairs to join by rules, sorted by arrival of the later record. The order matters
            only together with ``apart`` or ``decided``: then records that arrive later cannot undo
            earlier groups.
        by_person: pairs that a person joined. They come first, even if decided differently.
        apart: pairs that must not share a group.
        decided: the decision on each decided record, with a number that grows with time. Rules do
            not join groups that are decided differently; a group's newest decision counts.
    """

    by_rule: Iterable[tuple[Key, Key]]
    by_person: Iterable[tuple[Key, Key]] = ()
    apart: Iterable[tuple[Key, Key]] = ()
    decided: Mapping[Key, tuple[int, str]] = field(default_factory=dict)


def group(members: Sequence[Key], links: Links[Key], *, limit: int = GROUP_LIMIT) -> Groups[Key]:
    """Group records that are linked, but never a pair that must stay apart.

    Args:
        members: all records, in order of arrival.
        links: between the members.
        limit: the largest group to form.
    """
    place = {member: index for index, member in enumerate(members)}
    forest = _Forest(len(members))
    for a, b in links.apart:
        forest.apart[place[a]].add(place[b])
        forest.apart[place[b]].add(place[a])
    for member, decision in links.decided.items():
        forest.decided[place[member]] = decision
    refused: list[Refused[Key]] = []
    for by_person, pairs in ((True, links.by_person), (False, links.by_rule)):
        for a, b in pairs:
            why, blocking = forest.join(place[a], place[b], limit=limit, by_person=by_person)
            if why is not None:
                between = (members[blocking[0]], members[blocking[1]]) if blocking else None
                refused.append(Refused(a, b, why, between))
    groups = sorted(sorted(indices) for indices in forest.members if indices)
    return Groups(
        tuple(tuple(members[index] for index in indices) for indices in groups), tuple(refused)
    )


class _Forest:
    """Union-find over record numbers; each root keeps its members and its newest decision."""

    def __init__(self, size: int) -> None:
        self.parent = list(range(size))
        self.members: list[list[int]] = [[index] for index in range(size)]
        # Records that each record must not share a group with.
        self.apart: dict[int, set[int]] = defaultdict(set)
        self.decided: dict[int, tuple[int, str]] = {}

    def root(self, index: int) -> int:
        parent = self.parent
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def join(
        self, a: int, b: int, *, limit: int, by_person: bool
    ) -> tuple[str | None, tuple[int, int] | None]:
        """Join two trees, or return why not and, for "apart", the pair that prevents it."""
        one, other = self.root(a), self.root(b)
        if one == other:
            return None, None
        if len(self.members[one]) < len(self.members[other]):
            one, other = other, one
        blocking = _find_apart_pair(self.members[one], self.members[other], self.apart)
        if blocking is not None:
            return "apart", blocking
        decisions = [decision for root in (one, other) if (decision := self.decided.get(root))]
        if len({word for _, word in decisions}) > 1 and not by_person:
            return "standing", None
        if len(self.members[one]) + len(self.members[other]) > limit:
            return "limit", None
        self.parent[other] = one
        self.members[one].extend(self.members[other])
        self.members[other] = []
        if decisions:
            self.decided[one] = max(decisions)
        return None, None


def _find_apart_pair(
    one: list[int], other: list[int], apart: dict[int, set[int]]
) -> tuple[int, int] | None:
    """A pair between two groups that must stay apart, or None."""
    if not apart:
        return None
    members = set(one)
    for index in sorted(other):
        kept_apart = apart.get(index)
        if kept_apart:
            both = sorted(kept_apart & members)
            if both:
                return index, both[0]
    return None
