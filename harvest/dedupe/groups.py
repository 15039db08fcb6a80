"""Reports out of pair verdicts: groups of records, with what a person said going first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

# More copies of one report than any search brings: something is wrong with the records.
GROUP_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class Refused(Generic[Key]):
    """A pair that was to be one report and is not: it would have joined a pair kept apart.

    Attributes:
        a: one record of the refused pair.
        b: the other.
        apart: the pair that must not be together, or None where the group would be too large.
    """

    a: Key
    b: Key
    apart: tuple[Key, Key] | None


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
    limit: int = GROUP_LIMIT,
) -> Groups[Key]:
    """Union of the "same" pairs that never joins an "apart" pair.

    Args:
        members: all records, in order of arrival.
        same: pairs to join, in order of precedence: what a person said, then the rest by arrival
            of the later record. Without ``apart`` pairs the order does not matter; with them,
            pairs of records that came later cannot undo what stood before.
        apart: pairs that must not share a group.
        limit: the largest group that is formed.
    """
    place = {member: index for index, member in enumerate(members)}
    parent = list(range(len(members)))
    inside: list[list[int]] = [[index] for index in range(len(members))]
    enemies: dict[int, set[int]] = defaultdict(set)
    for a, b in apart:
        enemies[place[a]].add(place[b])
        enemies[place[b]].add(place[a])

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    refused: list[Refused[Key]] = []
    for a, b in same:
        one, other = root(place[a]), root(place[b])
        if one == other:
            continue
        if len(inside[one]) < len(inside[other]):
            one, other = other, one
        forbidden = _forbidden(inside[one], inside[other], enemies)
        if forbidden is not None:
            pair = (members[forbidden[0]], members[forbidden[1]])
            refused.append(Refused(a, b, pair))
        elif len(inside[one]) + len(inside[other]) > limit:
            refused.append(Refused(a, b, None))
        else:
            parent[other] = one
            inside[one].extend(inside[other])
            inside[other] = []
    groups = sorted(sorted(indices) for indices in inside if indices)
    return Groups(
        tuple(tuple(members[index] for index in indices) for indices in groups), tuple(refused)
    )


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
