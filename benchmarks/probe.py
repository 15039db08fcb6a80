"""Every route of the API asked at random as every role: no error of the server, and no leak.

Requests come from the OpenAPI schema (schemathesis). What a person must not see is in the store
with words of its own: another review's records, and one person's note and tags on records that
others are still to decide. No answer may have these words. Run: python -m benchmarks.probe, part of
`make soak`; `make test` asks each operation as one of the roles.
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
from api.services.importing import ImportRequest, import_file
from api.services.setup import open_store
from api.settings import Settings, load
from benchmarks.measuring import write
from store import decisions, marks, people, reviews
from store.decisions import NewDecision
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.roles import ROLES
from store.session import Store
from store.tables import Report
from tests import postgres
from tests.store.made import join

# Whoever is of no review of the world.
OUTSIDER: Final = "outsider"
AS: Final = (*ROLES, OUTSIDER)
_RECORDS = 12
_HIDDEN = 6
# Numbers in a request are brought down to what is there, or hardly any would meet a record.
_SMALL = 15


@dataclass(frozen=True)
class World:
    """A review with something to hide, and one that nobody but its owner may find.

    Attributes:
        slug: of the review that is asked about.
        tokens: by role.
        hidden: reports that one person has decided and others are still to.
        words: what only that person may see, while the reports are not settled.
        inside: what nobody from outside may see.
        foreign: what the other review says.
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
    """A dual review with these words in its title, and whose it is."""
    dual = ProtocolBody(plans=(StagePlan(dual_share=1.0),)).stored()
    slug, title = f"r-{words[:8]}", f"Review {words}"
    with store.write() as session:
        owner = people.create(session, f"founder of {words[:8]}")
        review = reviews.create(session, slug=slug, title=title, protocol=dual, person_id=owner.id)
    return review, owner


def world(store: Store) -> World:
    """A new one, with people of its own."""
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
            decisions.record(session, review.id, first.id, new)
            for kind in ("tag", "note"):
                marks.add(session, review.id, first.id, report, kind, words)
        asking = {role: join(session, review.id, f"{role} of {inside[:8]}", role) for role in ROLES}
        asking[OUTSIDER] = people.create(session, f"outsider of {inside[:8]}")
        tokens = {
            role: people.make_token(session, person.id, "probe")[1]
            for role, person in asking.items()
        }
    return World(review.slug, tokens, tuple(reports[:_HIDDEN]), words, inside, foreign)


def _hides(store: Store, at: World) -> bool:
    """Whether all that is hidden still has to be: nobody has settled a report meanwhile."""
    with store.read() as session:
        query = select(func.count()).where(Report.id.in_(at.hidden), Report.state == "awaiting")
        return session.scalar(query) == len(at.hidden)


def _small(value: Any, first: int) -> Any:
    """A request with its numbers near 1, near the first report, or as they are."""
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
    """What was asked, and what came of it."""

    operations: int = 0
    requests: int = 0
    refused: int = 0
    worlds: int = 1

    def __post_init__(self) -> None:
        self.errors: list[str] = []
        self.leaks: list[str] = []


def probe(store: Store, chosen: Settings, *, examples: int, in_turn: bool = False) -> Found:
    """Ask every operation of the API as every role, and as somebody from outside.

    Args:
        store: an empty database.
        chosen: its settings.
        examples: requests of each operation as each role.
        in_turn: each operation as one of them, a slice.
    """
    hosts = chosen.model_copy(update={"allowed_hosts": ("testserver",)})
    asking = _Probe(create_app(hosts, store), store, examples)
    for number, operation in enumerate(asking.operations()):
        asking.found.operations += 1
        for role in (AS[number % len(AS)],) if in_turn else AS:
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
        if any(words in answer.text for words in secret):
            self.found.leaks.append(what)
        if not hides:
            # A lead may let one person decide, and then all is to be seen: begin anew.
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
    """Ask every operation as every role and write benchmarks/results/probe.json."""
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
        sys.exit("FAILED: the server failed or showed what is to be hidden")


if __name__ == "__main__":
    main()
