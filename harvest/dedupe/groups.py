"""Reports out of pair verdicts: groups of records, with what a person said going first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

# More copies of one report than any search brings: something is wrong with the records.
GROUP_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class Refused(Generic[Key]):
    """A pair that was to be one report and is not.

    Attributes:
        a: one record of the refused pair.
        b: the other.
        why: "apart" where it would have joined a pair kept apart, "standing" where the two sides
            are decided differently, "limit" where the group would be too large.
        apart: the pair that must not be together, for "apart".
    """

    a: Key
    b: Key
    why: str
    apart: tuple[Key, Key] | None = None


@dataclass(frozen=True, slots=True)
class Groups(Generic[Key]):
    """Every record in exactly one group, and the unions that were refused."""

    groups: tuple[tuple[Key, ...], ...]
    refused: tuple[Refused[Key], ...]


def group(
    members: Sequence[Key],
    same: Iterable[tuple[Key, Key]],
    apart: Iterable[tuple[Key, Key]] = (),
    *,
    forced: Iterable[tuple[Key, Key]] = (),
    standing: Mapping[Key, tuple[int, str]] | None = None,
    limit: int = GROUP_LIMIT,
) -> Groups[Key]:
    """Union of the "same" pairs that never joins an "apart" pair.

    Args:
        members: all records, in order of arrival.
        same: pairs to join by rules, by arrival of the later record. Without ``apart`` and
            ``standing`` the order does not matter; with them, pairs of records that came later
            cannot undo what stood before.
        apart: pairs that must not share a group.
        forced: pairs that a person joined: they go first, and whatever is standing.
        standing: what is decided of records, with a number that grows with time. Sides that are
            decided differently are not joined by a rule; of a group the newest counts.
        limit: the largest group that is formed.
    """
    place = {member: index for index, member in enumerate(members)}
    forest = _Forest(len(members))
    for a, b in apart:
        forest.enemies[place[a]].add(place[b])
        forest.enemies[place[b]].add(place[a])
    for member, value in (standing or {}).items():
        forest.standing[place[member]] = value
    refused: list[Refused[Key]] = []
    for by_person, pairs in ((True, forced), (False, same)):
        for a, b in pairs:
            why, kept = forest.join(place[a], place[b], limit=limit, by_person=by_person)
            if why is not None:
                between = (members[kept[0]], members[kept[1]]) if kept else None
                refused.append(Refused(a, b, why, between))
    groups = sorted(sorted(indices) for indices in forest.inside if indices)
    return Groups(
        tuple(tuple(members[index] for index in indices) for indices in groups), tuple(refused)
    )


class _Forest:
    """Union-find over places, each root with its members, what is decided, and its enemies."""

    def __init__(self, size: int) -> None:
        self.parent = list(range(size))
        self.inside: list[list[int]] = [[index] for index in range(size)]
        self.enemies: dict[int, set[int]] = defaultdict(set)
        self.standing: dict[int, tuple[int, str]] = {}

    def root(self, index: int) -> int:
        parent = self.parent
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def join(
        self, a: int, b: int, *, limit: int, by_person: bool
    ) -> tuple[str | None, tuple[int, int] | None]:
        """Join two trees, or say why not and, for "apart", which pair forbids it."""
        one, other = self.root(a), self.root(b)
        if one == other:
            return None, None
        if len(self.inside[one]) < len(self.inside[other]):
            one, other = other, one
        forbidden = _forbidden(self.inside[one], self.inside[other], self.enemies)
        if forbidden is not None:
            return "apart", forbidden
        decided = [value for value in map(self.standing.get, (one, other)) if value]
        if len({word for _, word in decided}) > 1 and not by_person:
            return "standing", None
        if len(self.inside[one]) + len(self.inside[other]) > limit:
            return "limit", None
        self.parent[other] = one
        self.inside[one].extend(self.inside[other])
        self.inside[other] = []
        if decided:
            self.standing[one] = max(decided)
        return None, None


def _forbidden(
    one: list[int], other: list[int], enemies: dict[int, set[int]]
) -> tuple[int, int] | None:
    if not enemies:
        return None
    members = set(one)
    for index in sorted(other):
        hostile = enemies.get(index)
        if hostile:
            both = sorted(hostile & members)
            if both:
                return index, both[0]
    return None
