"""All records of a file or a review at once: prepared, paired, compared, grouped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harvest.dedupe.compare import Verdict, compare
from harvest.dedupe.groups import GROUP_LIMIT, Refused, group
from harvest.dedupe.keys import BUCKET_LIMIT, Index
from harvest.dedupe.prepare import prepare
from harvest.record import Record


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records that were compared and what was decided; ``a`` came before ``b``."""

    a: str
    b: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """What deduplication made of records.

    Attributes:
        groups: every record in exactly one; the first of each came first.
        pairs: pairs merged, related or to be asked about, in order of arrival.
        compared: how many pairs were compared at all.
        refused: unions that were not made.
        crowded: keys that too many records share, so that not all of those were compared.
    """

    groups: tuple[tuple[str, ...], ...]
    pairs: tuple[Pair, ...]
    compared: int
    refused: tuple[Refused[str], ...]
    crowded: int

    @property
    def asked(self) -> tuple[Pair, ...]:
        """Pairs for a person: one for any two groups, and none within a group."""
        where = {key: index for index, keys in enumerate(self.groups) for key in keys}
        questions: dict[frozenset[int], Pair] = {}
        for pair in self.pairs:
            between = frozenset((where[pair.a], where[pair.b]))
            if pair.verdict.label == "ask" and len(between) == 2:
                questions.setdefault(between, pair)
        return tuple(questions.values())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the result must know."""
        said = []
        if self.crowded:
            said.append(
                f"{self.crowded} keys are shared by more than {BUCKET_LIMIT} records each; those "
                "that came later were compared with the first of them only."
            )
        large = [refused for refused in self.refused if refused.why == "limit"]
        if large:
            said.append(
                f"{len(large)} pairs were not merged because their group would hold more than "
                f"{GROUP_LIMIT} records, the first of them {large[0].a} and {large[0].b}."
            )
        return tuple(said)


def deduplicate(
    records: Iterable[tuple[str, Record]], *, progress: Callable[[int], None] | None = None
) -> Outcome:
    """Group records by report; the order of arrival does not change the groups.

    Args:
        records: each with an id of the caller's, no id twice.
        progress: called with the number of records done, every 500.
    """
    index = Index()
    keys: list[str] = []
    pairs: list[Pair] = []
    compared = 0
    for key, record in records:
        keys.append(key)
        prepared = prepare(record, key)
        for other in index.add(prepared):
            compared += 1
            verdict = compare(other, prepared)
            if verdict.label != "different":
                pairs.append(Pair(other.key, key, verdict))
        if progress and len(keys) % 500 == 0:
            progress(len(keys))
    grouped = group(keys, [(p.a, p.b) for p in pairs if p.verdict.label == "same"])
    return Outcome(grouped.groups, tuple(pairs), compared, grouped.refused, len(index.crowded))
