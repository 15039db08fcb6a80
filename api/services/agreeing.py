"""How far a review's people agree, on what each first decided by themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from model.agreement import Agreement, Measure, agreement, alpha
from store import settlements
from store.plans import TITLE_ABSTRACT
from store.session import ReadSession
from store.settlements import Independent
from store.verdicts import INCLUDING

# Both flow on to full text, so that for the review they are one word.
TWO = ("include", "exclude")
THREE = ("include", "maybe", "exclude")
# So many records that a pair decided make a point of the course over time.
_BLOCK = 50


@dataclass(frozen=True, slots=True)
class Block:
    """Agreement on some records in a row, numbered from 1 as the pair decided them."""

    first: int
    last: int
    joined: Agreement


@dataclass(frozen=True, slots=True)
class Pair:
    """Two people and the records that both decided.

    Attributes:
        joined: with *maybe* joined to *include*.
        three: with three words.
        blocks: the same, record by record as they came; the last may be short.
    """

    people: tuple[str, str]
    joined: Agreement
    three: Agreement
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Agreed:
    """Agreement of a review's people.

    Attributes:
        pairs: those who decided any records both, the pair with the most first.
        records: that two or more people decided and nobody is still to.
        people: how many people decided them.
        alpha: Krippendorff's, over all of them, *maybe* joined to *include*.
    """

    pairs: tuple[Pair, ...]
    records: int
    people: int
    alpha: Measure


def _joined(word: str) -> str:
    return "include" if word in INCLUDING else word


def agreed(
    session: ReadSession,
    review_id: int,
    *,
    among: Iterable[int] | None = None,
    stage: str = TITLE_ABSTRACT,
) -> Agreed:
    """Agreement on first decisions, of records that nobody is still to decide.

    Args:
        session: a reading session.
        review_id: the review.
        among: these reports alone, such as those of a pilot round; None for all.
        stage: the stage that was screened.
    """
    wanted = None if among is None else set(among)
    by_report: dict[int, dict[int, Independent]] = defaultdict(dict)
    names: dict[int, str] = {}
    for each in settlements.independent(session, review_id, stage):
        if wanted is not None and each.report_id not in wanted:
            continue
        by_report[each.report_id][each.person_id] = each
        names[each.person_id] = each.person or f"person {each.person_id}"
    shared: dict[tuple[int, int], list[tuple[str, str]]] = defaultdict(list)
    for said in by_report.values():
        for one, other in combinations(sorted(said), 2):
            shared[one, other].append((said[one].decision, said[other].decision))
    pairs = [_pair((names[one], names[other]), words) for (one, other), words in shared.items()]
    units = [[_joined(each.decision) for each in said.values()] for said in by_report.values()]
    return Agreed(
        pairs=tuple(sorted(pairs, key=lambda pair: (-pair.joined.records, pair.people))),
        records=len(by_report),
        people=len(names),
        alpha=alpha(units, TWO),
    )


def _pair(people: tuple[str, str], words: list[tuple[str, str]]) -> Pair:
    joined = [(_joined(one), _joined(other)) for one, other in words]
    blocks = []
    for start in range(0, len(joined), _BLOCK):
        part = joined[start : start + _BLOCK]
        blocks.append(Block(start + 1, start + len(part), _of(part, TWO)))
    return Pair(people, _of(joined, TWO), _of(words, THREE), tuple(blocks))


def _of(pairs: list[tuple[str, str]], words: tuple[str, ...]) -> Agreement:
    return agreement([one for one, _ in pairs], [other for _, other in pairs], words)
