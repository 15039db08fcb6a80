"""A review built from its searches to its last conflict, by the API: what end_to_end measures.

Three simulated sources and five vendors' files, a protocol with limits of years, a pilot round, the
plan of Cochrane's interim guidance of 2020 for rapid reviews with three people who make seeded
mistakes, corrections and undone decisions, conflicts settled by the two people or by a third, and a
list of known studies.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fastapi.testclient import TestClient

from api.app import create_app
from api.services.ranking.ranker import Ranker
from api.services.reviews.opening import open_store
from api.services.screening.presets import PRESETS
from api.services.searching import run_starts
from api.settings import Settings
from benchmarks.harvest_kills import SOURCES, environment, settings_of, walk_all
from store.core.session import Store
from store.reviews import members, people
from store.reviews.people import PersonInfo
from tests.loopback.corpus import corpus
from tests.loopback.server import Loopback, World
from tests.shared import IMPORTS

SLUG: Final = "rebuilt"
SCREENERS: Final = ("ana", "ben", "cem")
STRATEGY: Final = """#1 child*[tiab] OR families[tiab] OR parents[tiab]
#2 "social work*"[tiab] OR safeguarding[tiab] OR "family support"[tiab] OR "foster care"[tiab]
#3 #1 AND #2
#4 2011:2022[dp]
#5 #3 AND #4
"""
_PROTOCOL: Final = {
    "questions": [{"key": "main", "text": "Does joint work help children and families?"}],
    "inclusion": ["Services that work together for children or families"],
    "exclusion": ["Laboratory studies"],
    "reasons": [
        {"key": "topic", "text": "Another topic"},
        {"key": "people", "text": "Other people"},
        {"key": "design", "text": "No study"},
    ],
    "limits": {"year_from": 2011, "year_to": 2022},
}


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor's file and what a searcher states about its search."""

    file: str
    stated: Mapping[str, Any]


_STATED: Final = {"run_on": "2022-12-07", "searcher": "lead", "limits": "2011 to 2022"}
LARGE: Final = (
    Vendor(
        "citesource/new_stage_data/medline_84.ris",
        {**_STATED, "source": "MEDLINE", "platform": "Ovid", "reported": 84},
    ),
    Vendor(
        "citesource/topic_data/20221207_gambling-harms_psycinfo_124.ris",
        {**_STATED, "source": "APA PsycInfo", "platform": "EBSCOhost", "reported": 126},
    ),
    Vendor("metaknowledge/ProQuest_TestFile.first1200lines.txt", {"searcher": "lead"}),
    Vendor("metaknowledge/testFile.isi", {}),
    Vendor(
        "citesource/topic_data/20221207_gambling-harms_scopus_255.ris",
        {"source": "Scopus", "platform": "Scopus", "reported": 255, "run_on": "2022-12-07"},
    ),
)
SMALL: Final = (
    Vendor("asreview/ovid_psycinfo.ris", {"source": "APA PsycInfo", "platform": "Ovid"}),
    Vendor("citesource/new_stage_data/econlit_3.ris", {**_STATED, "reported": 4}),
    Vendor("asreview/proquest.ris", {}),
    Vendor("asreview/web_of_science.txt", {}),
    Vendor("asreview/scopus.ris", {"reported": 6}),
)


@dataclass(frozen=True, slots=True)
class Size:
    """How large the review is: articles at the sources, files, and records of the pilot round."""

    articles: int
    files: tuple[Vendor, ...]
    pilot: int
    known: int


FULL: Final = Size(2800, LARGE, 40, 40)
SLICE: Final = Size(90, SMALL, 8, 12)


def chance(*parts: object) -> float:
    """A number from 0 up to 1 that depends only on the parts."""
    digest = hashlib.blake2b(" ".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def is_relevant(report: int) -> bool:
    """Whether a report is relevant in truth."""
    return chance("relevant", report) < 0.15


def judge(name: str, report: int) -> str:
    """What a person decides on a report: the truth, but for a seeded mistake."""
    slip = chance(name, report)
    if is_relevant(report):
        return "exclude" if slip < 0.2 else "maybe" if slip < 0.35 else "include"
    return "include" if slip < 0.05 else "maybe" if slip < 0.06 else "exclude"


@dataclass
class Rebuilt:
    """The review under construction."""

    store: Store
    settings: Settings
    folder: Path
    lead: TestClient
    screeners: dict[str, TestClient]
    ids: dict[str, int]
    undone: int = 0
    corrected: int = 0
    settled: dict[str, int] = field(default_factory=lambda: {"joint": 0, "third": 0})

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "winnow.db"

    @property
    def review_id(self) -> int:
        """The only review."""
        return 1

    def ask(self, client: TestClient, path: str, **body: Any) -> Any:
        """The JSON answer to a POST."""
        answer = client.post(f"/api/v1/reviews/{SLUG}/{path}", json=body)
        if answer.is_error:
            raise RuntimeError(f"POST {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()

    def get(self, path: str) -> Any:
        """The JSON answer to a lead's GET."""
        answer = self.lead.get(f"/api/v1/reviews/{SLUG}/{path}")
        answer.raise_for_status()
        return answer.json()

    def page(self, path: str = "") -> str:
        """The text of a page or a download, as the lead sees it."""
        answer = self.lead.get(f"/reviews/{SLUG}{path}")
        answer.raise_for_status()
        return answer.text


@contextmanager
def rebuild(folder: Path, size: Size) -> Iterator[Rebuilt]:
    """Build the review in a folder and give it while its program runs."""
    server = Loopback(World(corpus(size.articles)))
    try:
        settings = settings_of({**environment(server, folder), "WINNOW_PIPELINE": "elas-u4"})
        store = open_store(settings, create=True, first_person="lead").store
        with store.write() as session:
            (lead,) = people.list_people(session)
            tokens = {"lead": people.create_token(session, lead.id, "rebuilt")[1]}
        app = create_app(settings, store)

        # Clients without a context of their own share the program that the first one started.
        def client(name: str) -> TestClient:
            headers = {"authorization": f"Bearer {tokens[name]}"}
            return TestClient(app, base_url="http://127.0.0.1", headers=headers)

        with TestClient(app):
            made = Rebuilt(store, settings, folder, client("lead"), {}, {"lead": lead.id})
            _plan(made)
            with store.write() as session:
                for name in SCREENERS:
                    person = people.create_person(session, name)
                    members.add_member(session, made.review_id, person.id, "reviewer", by=None)
                    tokens[name] = people.create_token(session, person.id, "rebuilt")[1]
                    made.ids[name] = person.id
            made.screeners = {name: client(name) for name in SCREENERS}
            _search(made, lead, size)
            _know(made, size.known)
            _pilot(made, size.pilot)
            _screen(made)
            yield made
        store.close()
    finally:
        server.close()


def _plan(made: Rebuilt) -> None:
    plan = PRESETS["rapid-2020"].plan.model_dump()
    body = {"slug": SLUG, "title": "A rebuilt review", "protocol": {**_PROTOCOL, "plans": [plan]}}
    answer = made.lead.post("/api/v1/reviews", json=body)
    if answer.is_error:
        raise RuntimeError(answer.text)


def _search(made: Rebuilt, lead: PersonInfo, size: Size) -> None:
    """Search the three sources, and import the five files and one that is withdrawn again."""
    saved = made.lead.put(f"/api/v1/reviews/{SLUG}/strategy", json={"text": STRATEGY})
    if saved.is_error:
        raise RuntimeError(saved.text)
    run_starts.start_runs(made.store, made.settings, made.review_id, *SOURCES, searcher=lead)
    walk_all(made.store, made.settings, made.review_id)
    for vendor in size.files:
        _bring(made, vendor)
    wrong = _bring(made, Vendor("asreview/embase.ris", {"source": "Embase"}))
    made.ask(made.lead, f"files/{wrong}/withdraw", reason="not the search that was planned")


def _bring(made: Rebuilt, vendor: Vendor) -> int:
    path = IMPORTS / vendor.file
    with path.open("rb") as stream:
        answer = made.lead.post(
            f"/api/v1/reviews/{SLUG}/files",
            files={"file": (path.name, stream)},
            data={"search": json.dumps(vendor.stated)},
        )
    if answer.is_error:
        raise RuntimeError(f"{path.name}: {answer.text[:500]}")
    number: int = answer.json()["file"]["id"]
    return number


def _know(made: Rebuilt, number: int) -> None:
    """List known studies: some among the records, some not, some to start the ranking with."""
    listed = []
    for record in made.get("records?limit=200")["records"]:
        if record.get("doi") and is_relevant(record["report"]) and len(listed) < number:
            use = "seed" if len(listed) % 10 == 9 else "held_out"
            keys = ("title", "year", "doi", "pmid")
            listed.append({**{key: record.get(key) for key in keys}, "ranking_use": use})
    for at in range(4):
        listed.append({"title": f"A study that no search found, number {at}", "year": 2009 + at})
    made.ask(made.lead, "gold", name="studies known beforehand", records=listed)


def _pilot(made: Rebuilt, size: int) -> None:
    made.ask(made.lead, "pilots", size=size, seed=3)
    for name in SCREENERS:
        _read(made, name)
    _settle(made)
    made.ask(made.lead, "pilots/close", note="The criteria are clear enough.")
    _settle(made)


def _read(made: Rebuilt, name: str, most: int | None = None) -> int:
    """Screen until nothing is left for this person; return how many were decided."""
    client, count = made.screeners[name], 0
    while most is None or count < most:
        hand = made.ask(client, "queue/next", n=20)
        cards, ranking = hand["cards"], (hand["ranking"] or {}).get("id")
        if not cards:
            break
        for card in cards:
            _decide(made, name, {**card, "ranking": ranking})
            count += 1
    return count


def _decide(made: Rebuilt, name: str, card: Mapping[str, Any]) -> None:
    """Decide a card; now and then wrongly first, or with a change of mind afterwards."""
    report, word = card["report"], judge(name, card["report"])
    client, mishap = made.screeners[name], chance("mishap", name, report)
    token = f"{name}-{report}"
    if mishap < 0.03:
        slip = "include" if word == "exclude" else "exclude"
        _send(made, client, {"token": f"{token}-slip", "report": report, "decision": slip})
        made.ask(client, "decisions/undo", token=f"{token}-undo", undoes=f"{token}-slip")
        made.undone += 1
    shown = {"ranking": card["ranking"], "place": card["place"]} if card["place"] else {}
    _send(made, client, {"token": token, "report": report, "decision": word, **shown})
    if mishap > 0.98 and word == "exclude":
        _send(made, client, {"token": f"{token}-again", "report": report, "decision": "maybe"})
        made.corrected += 1


def _send(made: Rebuilt, client: TestClient, body: dict[str, Any]) -> None:
    if body["decision"] == "exclude":
        body["reasons"] = [("topic", "people", "design")[body["report"] % 3]]
    made.ask(client, "decisions", **body)


def _screen(made: Rebuilt) -> None:
    """Screen to the end, with a new ranking after each round, and settle conflicts meanwhile."""
    ranker = Ranker(made.store, made.settings)
    turn = 0
    while True:
        ranker.rank(made.review_id)
        # Each person is the first to read in a third of the rounds.
        names = SCREENERS[turn % 3 :] + SCREENERS[: turn % 3]
        turn += 1
        decided = sum(_read(made, name, 60) for name in names)
        settled = _settle(made)
        if not decided and not settled:
            break


def _settle(made: Rebuilt) -> int:
    """Settle conflicts: two in three by the people who differ, one in three by the lead."""
    listed = made.get("conflicts")
    for conflict in listed:
        report = conflict["decisions"][0]["report_id"]
        own = [line for line in conflict["decisions"] if line["kind"] == "own"]
        body = {
            "token": f"settle-{report}-{own[-1]['id']}",
            "report": report,
            "decision": "include" if is_relevant(report) else "exclude",
            "note": "read again together",
        }
        if chance("settles", report) < 2 / 3:
            excluded = next(line["person"] for line in own if line["decision"] == "exclude")
            kept = next(line["person"] for line in own if line["decision"] != "exclude")
            made.ask(made.screeners[kept], "conflicts", joint_with=made.ids[excluded], **body)
            made.settled["joint"] += 1
        else:
            made.ask(made.lead, "conflicts", **body)
            made.settled["third"] += 1
    return len(listed)
