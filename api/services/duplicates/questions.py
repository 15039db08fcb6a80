"""Pairs of reports that a person must look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from api.services.duplicates.studies import find_studies
from harvest.dedupe.prepare import prepare
from harvest.record import Record
from store.core.session import ReadSession
from store.reports import pairs
from store.reports.pairs import PairInfo, PairOutline
from store.screening import decision_labels

Decisions = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Question:
    """Two reports that a person must look at.

    Attributes:
        kind: "conflict" (the rules say one report, people decided them differently),
            "contradiction" (what people said contradicts itself), "ask" (the rules are not sure)
            or "study" (related reports, and the protocol leaves it to a person whether they belong
            to one study).
        pair: the pair that raises the question.
        reports: the two reports.
        decisions: the decision that counts on each report; None if there is none.
        stake: how much depends on the answer; questions are listed from the highest stake.
    """

    kind: str
    pair: PairInfo
    reports: tuple[int, int]
    decisions: Decisions
    stake: float


@dataclass(frozen=True, slots=True)
class _Open:
    """A question whose pair has not been loaded; as ``Question`` otherwise."""

    kind: str
    pair_id: int
    reports: tuple[int, int]
    decisions: Decisions
    stake: float


def list_questions(session: ReadSession, review_id: int) -> list[Question]:
    """What a person must look at, most at stake first: conflicts, includes, then unread reports."""
    return _load(session, _list_open(session, review_id))


def find_question(
    session: ReadSession, review_id: int, place: int
) -> tuple[Question | None, int, int]:
    """The question at a place, from 0, or the last one before it.

    Returns:
        The question, its place, and how many there are.
    """
    listed = _list_open(session, review_id)
    place = min(place, max(0, len(listed) - 1))
    loaded = _load(session, listed[place : place + 1])
    return (loaded[0] if loaded else None), place, len(listed)


def count_questions(session: ReadSession, review_id: int) -> Counter[str]:
    """How many questions of each kind there are."""
    return Counter(question.kind for question in _list_open(session, review_id))


def _load(session: ReadSession, listed: Sequence[_Open]) -> list[Question]:
    loaded = pairs.get_pairs(session, [question.pair_id for question in listed])
    return [
        Question(each.kind, loaded[each.pair_id], each.reports, each.decisions, each.stake)
        for each in listed
    ]


def _list_open(session: ReadSession, review_id: int) -> list[_Open]:
    """All questions, most at stake first."""
    apart = pairs.find_judged_apart(session, review_id)
    open_pairs = pairs.list_open_questions(session, review_id)
    decided = _decisions_on(session, open_pairs)
    questions: dict[tuple[int, int], _Open] = {}
    for pair, a, b in open_pairs:
        between = (min(a, b), max(a, b))
        decisions = (decided.get(a), decided.get(b))
        kind = _kind_of(pair, decisions, judged_apart=between in apart)
        if kind is None:
            continue
        question = _Open(kind, pair.id, (a, b), decisions, _stake(kind, decisions))
        if between not in questions or question.stake > questions[between].stake:
            questions[between] = question
    for pair, a, b in find_studies(session, review_id).asked:
        between = (min(a, b), max(a, b))
        if between not in apart and between not in questions:
            questions[between] = _Open("study", pair.id, (a, b), (None, None), 0.5)
    return sorted(questions.values(), key=lambda question: (-question.stake, question.pair_id))


def _decisions_on(
    session: ReadSession, between: list[tuple[PairOutline, int, int]]
) -> dict[int, str]:
    report_ids = {report_id for _, a, b in between for report_id in (a, b)}
    return decision_labels.get_settled_decisions(session, report_ids)


def _kind_of(pair: PairOutline, decisions: Decisions, *, judged_apart: bool) -> str | None:
    """The kind of question that a pair raises; None if it raises none."""
    if pair.label != "same":
        return None if judged_apart else "ask"
    if pair.person_id is not None:
        return "contradiction"
    if None not in decisions and decisions[0] != decisions[1]:
        return "conflict"
    # A person said that they are different, or the report would have too many records.
    return None


def _stake(kind: str, decisions: Decisions) -> float:
    if kind != "ask":
        return 4.0
    if "include" in decisions or "maybe" in decisions:
        return 3.0
    if None in decisions:
        # If both are unread and the same, one of them need not be read.
        return 2.0 if decisions == (None, None) else 1.0
    return 0.0


def count_held_apart(session: ReadSession, review_id: int) -> int:
    """Pairs that a rule would join, kept apart by a person or by the largest size of a report."""
    by_rule = [
        (pair, a, b)
        for pair, a, b in pairs.list_open_questions(session, review_id)
        if pair.label == "same" and pair.person_id is None
    ]
    decided = _decisions_on(session, by_rule)
    return sum(
        decided.get(a, decided.get(b)) == decided.get(b, decided.get(a)) for _, a, b in by_rule
    )


def find_differing_fields(a: Record, b: Record) -> frozenset[str]:
    """Fields in which two records differ to a reader, case, accents and punctuation aside."""
    one, other = prepare(a, "a"), prepare(b, "b")
    values = {
        "title": (one.titles, other.titles),
        "authors": (one.authors, other.authors),
        "year": (one.year, other.year),
        "venue": (one.venue, other.venue),
        "volume": (one.volume, other.volume),
        "issue": (one.issue, other.issue),
        "pages": ((one.first_page, one.last_page), (other.first_page, other.last_page)),
        "doi": (one.doi, other.doi),
        "pmid": (one.pmid, other.pmid),
        "abstract": (one.abstract, other.abstract),
        "types": (a.types, b.types),
        "language": (a.language, b.language),
    }
    return frozenset(
        name for name, (x, y) in values.items() if x != y and getattr(a, name) and getattr(b, name)
    )
