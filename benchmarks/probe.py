"""Call every route of the API at random as every role, and look for server errors and leaks.

Requests come from the OpenAPI schema (schemathesis). Whatever a person must not see has words of
its own in the store: another review's records, and one person's note and tags on records that
others still have to decide. No answer may contain these words. Run: python -m benchmarks.probe,
part of `make soak`; `make test` calls a quarter of the operations on each database, each as one of
the roles.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from sqlalchemy import func, select

from api.app import create_app
from api.protocol import ProtocolBody, StagePlan
from api.services.reviews.opening import open_store
from api.services.searching.importing import ImportRequest, import_file
from api.settings import Settings, load
from benchmarks.measuring import write
from store.core.session import Store
from store.core.tables import Report, ReportState
from store.reports import marks
from store.reports.marks import NewMark
from store.reviews import people, reviews
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewReview, ReviewInfo
from store.rules.roles import ROLES
from store.screening import decisions
from store.screening.decisions import NewDecision
from tests import postgres
from tests.store.builders import join

# A person who is in no review.
OUTSIDER: Final = "outsider"
AS: Final = (*ROLES, OUTSIDER)
_RECORDS = 12
_HIDDEN = 6
# Numbers in a request are made small, or hardly any would match a record.
_SMALL = 15


@dataclass(frozen=True)
class World:
    """A review with something to hide, and one that only its owner may find.

    Attributes:
        slug: the review that is called.
        tokens: one for each role.
        hidden: reports that one person has decided and others still have to.
        words: what only that person may see until the reports are settled.
        inside: what nobody outside the review may see.
        foreign: words of the other review.
    """

    slug: str
    tokens: dict[str, str]
    hidden: tuple[int, ...]
    words: str
    inside: str
    foreign: str


def _records(store: Store, review_id: int, person_id: int, words: str) -> list[int]:
    text = "title,abstract\n" + "".join(
        f"{words} title {n},Abstract {n}\n" for n in range(_RECORDS)
    )
    file, request = io.BytesIO(text.encode()), ImportRequest()
    import_file(store, review_id, file, f"{words}.csv", request, person_id=person_id)
    with store.read() as session:
        query = select(Report.id).where(Report.review_id == review_id).order_by(Report.id)
        return list(session.scalars(query))


def _founded(store: Store, words: str) -> tuple[ReviewInfo, PersonInfo]:
    """Create a review that two people screen, with these words in its title; and its owner."""
    dual = ProtocolBody(plans=(StagePlan(dual_share=1.0),)).stored()
    slug, title = f"r-{words[:8]}", f"Review {words}"
    with store.write() as session:
        owner = people.create_person(session, f"founder of {words[:8]}")
        review = reviews.create_review(session, NewReview(slug, title, dual), person_id=owner.id)
    return review, owner


def world(store: Store) -> World:
    """Create one with its own people."""
    words, inside, foreign = (uuid.uuid4().hex for _ in range(3))
    review, owner = _founded(store, inside)
    other, stranger = _founded(store, foreign)
    reports = _records(store, review.id, owner.id, inside)
    _records(store, other.id, stranger.id, foreign)
    with store.write() as session:
        first = join(session, review.id, f"first of {inside[:8]}")
        for number, report in enumerate(reports[:_HIDDEN]):
            word = ("include", "exclude")[number % 2]
            new = NewDecision(f"first {number}", report, word, note=words)
            decisions.record_decision(session, review.id, first.id, new)
            for kind in ("tag", "note"):
                marks.add_mark(session, review.id, first.id, report, NewMark(kind, words))
        asking = {role: join(session, review.id, f"{role} of {inside[:8]}", role) for role in ROLES}
        asking[OUTSIDER] = people.create_person(session, f"outsider of {inside[:8]}")
        tokens = {
            role: people.create_token(session, person.id, "probe")[1]
            for role, person in asking.items()
        }
    return World(review.slug, tokens, tuple(reports[:_HIDDEN]), words, inside, foreign)


def _hides(store: Store, at: World) -> bool:
    """Whether everything hidden must still be hidden: nobody has settled a report meanwhile."""
    with store.read() as session:
        query = select(func.count()).where(
            ReportState.report_id.in_(at.hidden), ReportState.state == "awaiting"
        )
        return session.scalar(query) == len(at.hidden)


def _small(value: Any, first: int) -> Any:
    """A request with its numbers near 1, near the first report, or unchanged."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return (1 + value % _SMALL, first + value % _SMALL, value)[value % 3]
    if isinstance(value, dict):
        return {name: _small(each, first) for name, each in value.items()}
    if isinstance(value, list):
        return [_small(each, first) for each in value]
    return value


@dataclass
class Found:
    """What was called, and what came back."""

    operations: int = 0
    requests: int = 0
    refused: int = 0
    worlds: int = 1

    def __post_init__(self) -> None:
        self.errors: list[str] = []
        self.leaks: list[str] = []


def probe(store: Store, chosen: Settings, *, examples: int, quarter: int | None = None) -> Found:
    """Call every operation of the API as every role, and as somebody from outside.

    Args:
        store: an empty database.
        chosen: its settings.
        examples: requests of each operation as each role.
        quarter: a slice: 0 to 3 calls every fourth operation, each as one of the roles; None calls
            all of them as every role.
    """
    hosts = chosen.model_copy(update={"allowed_hosts": ("testserver",)})
    asking = _Probe(create_app(hosts, store), store, examples)
    for number, operation in enumerate(asking.operations()):
        if quarter not in (None, number % 4):
            continue
        asking.found.operations += 1
        for role in AS if quarter is None else (AS[number // 4 % len(AS)],):
            asking.ask(operation, role)
    return asking.found


class _Probe:
    def __init__(self, app: FastAPI, store: Store, examples: int) -> None:
        self._schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)
        self._store = store
        self._examples = examples
        self._world = world(store)
        self.found = Found()

    def operations(self) -> list[Any]:
        return [each.ok() for each in self._schema.get_all_operations()]

    def ask(self, operation: Any, role: str) -> None:
        @settings(
            max_examples=self._examples,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def one(case: Case) -> None:
            self._one(case, role)

        one()

    def _one(self, case: Case, role: str) -> None:
        at = self._world
        first = at.hidden[0]
        for name, value in (case.path_parameters or {}).items():
            case.path_parameters[name] = at.slug if name == "slug" else _small(value, first)
        case.body = _small(case.body, first)
        answer = case.call(headers={"authorization": f"Bearer {at.tokens[role]}"})
        self.found.requests += 1
        self.found.refused += answer.status_code >= 400
        what = f"{case.method} {case.path} as {role}"
        if answer.status_code >= 500:
            self.found.errors.append(f"{what}: {answer.status_code}")
        hides = _hides(self._store, at)
        secret = [at.foreign] + [at.words] * hides + [at.inside] * (role == OUTSIDER)
        # Bytes, since a workbook or a picture is no text.
        if any(words.encode() in answer.content for words in secret):
            self.found.leaks.append(what)
        if not hides:
            # A lead may let one person decide; then nothing is hidden any more. Start again.
            self._world = world(self._store)
            self.found.worlds += 1


def _figures(store: Store, chosen: Settings, examples: int) -> dict[str, Any]:
    found = probe(store, chosen, examples=examples)
    return {
        "database": store.dialect,
        "roles": list(AS),
        "operations": found.operations,
        "requests": found.requests,
        "refused": found.refused,
        "worlds": found.worlds,
        "errors": sorted(set(found.errors)),
        "leaks": sorted(set(found.leaks)),
    }


def main() -> None:
    """Call every operation as every role and write benchmarks/results/probe.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=25)
    examples = parser.parse_args().examples
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        chosen = load(data_dir=Path(folder))
        opened = open_store(chosen, create=True, first_person="probe").store
        figures["sqlite"] = _figures(opened, chosen, examples)
        opened.close()
    if postgres.BINARIES is not None:
        with postgres.server() as prefix, tempfile.TemporaryDirectory() as folder:
            chosen = load(data_dir=Path(folder), database_url=f"{prefix}postgres")
            opened = open_store(chosen, create=True, first_person="probe").store
            figures["postgresql"] = _figures(opened, chosen, examples)
            opened.close()
    print(json.dumps(figures, indent=1))
    write("probe", figures)
    if any(found["errors"] or found["leaks"] for found in figures.values()):
        sys.exit("FAILED: the server failed or showed what it must hide")


if __name__ == "__main__":
    main()
