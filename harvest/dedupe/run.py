"""Deduplicate all records of a file or a review at once: prepare, pair, compare and group."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harvest.dedupe.compare import PairDecision, compare
from harvest.dedupe.groups import GROUP_LIMIT, Links, Refused, group
from harvest.dedupe.keys import BUCKET_LIMIT, Index
from harvest.dedupe.outlines import Outline, are_apart, make_outline
from harvest.dedupe.prepare import prepare
from harvest.record import Record


@dataclass(frozen=True, slots=True)
class Pair:
    """Two compared records and the decision on them; ``a`` arrived before ``b``."""

    a: str
    b: str
    decision: PairDecision


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of deduplication.

    Attributes:
        groups: every record in exactly one; the first in each arrived first.
        pairs: pairs that are the same, related or a question, in order of arrival.
        compared: number of pairs compared.
        refused: pairs that could not be joined.
        crowded: number of keys that too many records share, so that not all were compared.
    """

    groups: tuple[tuple[str, ...], ...]
    pairs: tuple[Pair, ...]
    compared: int
    refused: tuple[Refused[str], ...]
    crowded: int

    @property
    def questions(self) -> tuple[Pair, ...]:
        """Pairs to ask a person about: at most one for any two groups, none within a group."""
        group_of = {key: index for index, keys in enumerate(self.groups) for key in keys}
        by_groups: dict[frozenset[int], Pair] = {}
        for pair in self.pairs:
            between = frozenset((group_of[pair.a], group_of[pair.b]))
            if pair.decision.label == "ask" and len(between) == 2:
                by_groups.setdefault(between, pair)
        return tuple(by_groups.values())

    @property
    def warnings(self) -> tuple[str, ...]:
        """Messages that a reader of the result must know."""
        messages = []
        if self.crowded:
            messages.append(
                f"{self.crowded} keys are shared by more than {BUCKET_LIMIT} records each; later "
                "records were compared only with the first of these."
            )
        large = [refused for refused in self.refused if refused.why == "limit"]
        if large:
            messages.append(
                f"{len(large)} pairs were not merged because their group would have more than "
                f"{GROUP_LIMIT} records; the first of these pairs is {large[0].a} and {large[0].b}."
            )
        return tuple(messages)


def deduplicate(
    records: Iterable[tuple[str, Record]], *, progress: Callable[[int], None] | None = None
) -> Outcome:
    """Group records into reports; the order of arrival does not change the groups.

    Args:
        records: each with a unique id, chosen by the caller.
        progress: called with the number of records done, every 500.
    """
    index = Index()
    keys: list[str] = []
    outlines: dict[str, Outline] = {}
    pairs: list[Pair] = []
    compared = 0
    for key, record in records:
        keys.append(key)
        prepared = prepare(record, key)
        outline = outlines[key] = make_outline(prepared)
        for other in index.add(prepared):
            compared += 1
            if are_apart(outlines[other.key], outline):
                continue
            decision = compare(other, prepared)
            if decision.label != "different":
                pairs.append(Pair(other.key, key, decision))
        if progress and len(keys) % 500 == 0:
            progress(len(keys))
    grouped = group(keys, Links([(p.a, p.b) for p in pairs if p.decision.label == "same"]))
    return Outcome(grouped.groups, tuple(pairs), compared, grouped.refused, len(index.crowded))
