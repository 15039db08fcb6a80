"""The undecided reports of a stage in the order of a ranking, grouped by whose queue they are in.

Only candidates come from here: before a card is dealt, ``queue`` reads it again under a lock.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from store.screening.dealing_rules import Kind

# Reports that a ranking leaves out come after all others, by id.
_UNRANKED = 1 << 40


@dataclass(frozen=True, slots=True)
class Place:
    """A report in a queue. ``place`` counts from 1 in the ranking; None if it is not ranked."""

    report_id: int
    place: int | None


class _Group:
    """The undecided reports of one kind: their positions, in order."""

    __slots__ = ("kind", "positions")

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.positions: list[int] = []


class UndecidedReports:
    """Undecided reports and their kinds.

    A position is a place in the order, counted from 1, or above ``_UNRANKED`` for a report that is
    not in it.
    """

    def __init__(
        self, kinds: Iterable[tuple[int, Kind]], *, decided: Collection[int] | None = None
    ) -> None:
        """Begin with reports in no order; ``set_order`` follows.

        Args:
            kinds: by report.
            decided: the decided reports, for a stage at which reports that nobody has decided have
                no state: there, all other reports of the order are open.
        """
        self._by_kind: dict[Kind, _Group] = {}
        self._groups = {report_id: self._find_group(kind) for report_id, kind in kinds}
        self._decided = None if decided is None else set(decided) - self._groups.keys()
        # Reports of the order without a state.
        self._stateless: set[int] = set()
        self._order: Sequence[int] = ()
        self._positions: dict[int, int] = {}

    def _find_group(self, kind: Kind) -> _Group:
        group = self._by_kind.get(kind)
        if group is None:
            group = self._by_kind[kind] = _Group(kind)
        return group

    def __len__(self) -> int:
        """How many entries are remembered: of undecided and decided reports, and of places."""
        return len(self._groups) + len(self._decided or ()) + len(self._positions)

    def get_kind(self, report_id: int) -> Kind | None:
        """The kind of a report; None if it is decided."""
        group = self._groups.get(report_id)
        return None if group is None else group.kind

    def set_order(self, order: Sequence[int], find_open: Callable[[int], Kind]) -> None:
        """Sort all reports by another order.

        Args:
            order: report ids, best first.
            find_open: gives the kind of a report that nobody has decided.
        """
        groups = self._groups
        for report_id in self._stateless:
            del groups[report_id]
        self._stateless.clear()
        if self._decided is not None:
            for report_id in order:
                if report_id not in self._decided and report_id not in groups:
                    groups[report_id] = self._find_group(find_open(report_id))
                    self._stateless.add(report_id)
        self._order, self._positions = order, dict(zip(order, count(1), strict=False))
        for group in self._by_kind.values():
            group.positions = []
        for position, found in enumerate(map(groups.get, order), start=1):
            if found is not None:
                found.positions.append(position)
        for report_id in sorted(groups.keys() - self._positions.keys()):
            groups[report_id].positions.append(_UNRANKED + report_id)
        self._by_kind = {kind: group for kind, group in self._by_kind.items() if group.positions}

    def put(self, report_id: int, kind: Kind | None) -> None:
        """Give a report a kind; None if it is decided, or not in the review any more."""
        self._stateless.discard(report_id)
        before = self._groups.get(report_id)
        if before is not None and before.kind == kind:
            return
        position = self._positions.get(report_id, _UNRANKED + report_id)
        if before is not None:
            del before.positions[bisect_left(before.positions, position)]
            if not before.positions:
                del self._by_kind[before.kind]
            del self._groups[report_id]
        if self._decided is not None:
            if kind is None:
                self._decided.add(report_id)
            else:
                self._decided.discard(report_id)
        if kind is not None:
            group = self._groups[report_id] = self._find_group(kind)
            insort(group.positions, position)

    def iter_places(self, kinds: Iterable[Kind]) -> Iterator[tuple[Place, Kind]]:
        """The reports of these kinds, in order."""
        parts = [_with_kind(self._by_kind[kind].positions, kind) for kind in kinds]
        for position, kind in heapq.merge(*parts, key=_get_position) if parts else ():
            if position > _UNRANKED:
                yield Place(position - _UNRANKED, None), kind
            else:
                yield Place(self._order[position - 1], position), kind

    def count_kinds(self) -> dict[Kind, int]:
        """How many reports there are of each kind."""
        return {kind: len(group.positions) for kind, group in self._by_kind.items()}


def _with_kind(positions: Iterable[int], kind: Kind) -> Iterator[tuple[int, Kind]]:
    return ((position, kind) for position in positions)


def _get_position(entry: tuple[int, Kind]) -> int:
    return entry[0]
