"""Five people screen a finished review in pairs, a sixth settles conflicts, and much goes wrong.

Each person has two tabs, clicks twice, reloads, loses connections, makes mistakes and undoes them.
Meanwhile the server is killed again and again. A script fixes every decision beforehand, so the
final counts are known: on each record at most one of the five disagrees with the others, and the
sixth person sides with the majority. `make soak` runs it all; `make test` runs a slice.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import gzip
import hashlib
import io
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from api.protocol import ProtocolBody, StagePlan
from api.services.reviews.opening import open_store
from api.services.searching.importing import ImportRequest, import_file
from api.settings import load
from benchmarks.measuring import DATA, write
from benchmarks.running import Running
from harvest.files.read import read_file
from store.reports import records
from store.reviews import members, people, reviews
from store.reviews.reviews import NewReview
from store.rules.roles import Role

REVIEWERS = 5
_TABS = 2
_SET = "VIVE_child_ratio"
_PATIENCE = 180.0


def rows(number: int | None) -> list[tuple[str, str, bool]]:
    """Title, abstract and label of a number of records; made-up ones if the data is absent."""
    path = DATA / f"{_SET}.csv.gz"
    if not path.exists():
        return [(f"Title {n}", f"Abstract {n}", n % 12 == 0) for n in range(number or 1000)]
    with gzip.open(path) as stream:
        read = read_file(stream).records
    if number is not None:
        read = random.Random(1).sample(read, number)
    return [(each.title or "", each.abstract or "", each.label == "include") for each in read]


def _chance(*parts: object) -> int:
    """A number that depends only on the parts given."""
    digest = hashlib.blake2b(" ".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


@dataclass(frozen=True, slots=True)
class Script:
    """Each person's decision on each report.

    Attributes:
        relevant: by report id.
    """

    relevant: Mapping[int, bool]

    def final(self, report: int) -> str:
        """The final decision on a report."""
        if not self.relevant[report]:
            return "exclude"
        return "maybe" if _chance("maybe", report) % 7 == 0 else "include"

    def says(self, reviewer: int, report: int) -> str:
        """A reviewer's decision on a report; on one report in four, one of the five disagrees."""
        right = self.final(report)
        if right != "maybe" and _chance("differs", report) % (4 * REVIEWERS) == reviewer:
            return "include" if right == "exclude" else "exclude"
        return right

    @property
    def counts(self) -> Counter[str]:
        """How many reports end with each decision."""
        return Counter(self.final(report) for report in self.relevant)


# The server refuses a decision on what others have settled unseen.
_SETTLED_BY_OTHERS = 409


@dataclass
class Crew:
    """The people who screen, and what the server has acknowledged to them."""

    running: Running
    script: Script
    tokens: Sequence[str]
    acknowledged: dict[str, str] = field(default_factory=dict)
    mishaps: Counter[str] = field(default_factory=Counter)
    done: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def session(self, person: int) -> requests.Session:
        """An HTTP client signed in as one person."""
        client = requests.Session()
        client.headers["authorization"] = f"Bearer {self.tokens[person]}"
        return client

    def insist(self, send: Callable[[], requests.Response]) -> requests.Response:
        """Send until the server answers, as the browser's outbox does."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            try:
                answer = send()
                if answer.status_code < 500:
                    return answer
            except requests.RequestException:
                pass
            time.sleep(0.05)
        raise TimeoutError("the server did not come back")

    def note(self, name: str, word: str) -> None:
        """Keep what the server says it has stored."""
        with self.lock:
            self.acknowledged[name] = word

    def mishap(self, kind: str) -> None:
        """Count something that went wrong."""
        with self.lock:
            self.mishaps[kind] += 1


def _send(crew: Crew, client: requests.Session, body: dict[str, Any], rng: random.Random) -> bool:
    """Send a decision; sometimes twice at once, or over a connection that breaks.

    Returns:
        False if others settled the report before: then the page shows what they decided.
    """
    url = f"{crew.running.url}/decisions"
    chance = rng.random()
    if chance < 0.1:
        crew.mishap("double click")
        with ThreadPoolExecutor(2) as clicks:
            answers = list(
                clicks.map(
                    lambda _: crew.insist(
                        lambda: requests.post(url, json=body, headers=client.headers, timeout=30)
                    ),
                    range(2),
                )
            )
        # If two arrive at the same moment, the server may ask for one of them again.
        answer = next((each for each in answers if each.ok), answers[0])
        if not answer.ok:
            answer = crew.insist(lambda: client.post(url, json=body, timeout=30))
    else:
        if chance < 0.2:
            crew.mishap("lost connection")
            with contextlib.suppress(requests.RequestException):
                requests.post(url, json=body, headers=client.headers, timeout=(3, 0.002))
        answer = crew.insist(lambda: client.post(url, json=body, timeout=30))
    if answer.status_code == _SETTLED_BY_OTHERS:
        return False
    answer.raise_for_status()
    crew.note(body["token"], body["decision"])
    return True


def _decide(
    crew: Crew, client: requests.Session, reviewer: int, report: int, rng: random.Random
) -> None:
    """Decide a report as the script says; sometimes wrongly first, which is undone at once."""
    word = crew.script.says(reviewer, report)
    if rng.random() < 0.05:
        crew.mishap("taken back")
        slip = "exclude" if word == "include" else "include"
        wrong = f"{reviewer}-{report}-{rng.getrandbits(40)}"
        if not _send(crew, client, {"token": wrong, "report": report, "decision": slip}, rng):
            return
        body = {"token": f"undo {wrong}", "undoes": wrong}
        url = f"{crew.running.url}/decisions/undo"
        crew.insist(lambda: client.post(url, json=body, timeout=30)).raise_for_status()
        crew.note(body["token"], "undo")
    token = f"{reviewer}-{report}-{rng.getrandbits(40)}"
    _send(crew, client, {"token": token, "report": report, "decision": word}, rng)


def _tab(crew: Crew, reviewer: int, tab: int) -> None:
    """Screen in one tab until nobody has anything left."""
    rng = random.Random(100 * reviewer + tab)
    client = crew.session(reviewer)
    url = f"{crew.running.url}/queue/next"
    while not crew.done.is_set():
        answer = crew.insist(lambda: client.post(url, json={"n": 4}, timeout=30))
        answer.raise_for_status()
        cards = answer.json()["cards"]
        if not cards:
            time.sleep(0.2)
        for card in cards:
            if rng.random() < 0.05:
                crew.mishap("reload")
                break
            _decide(crew, client, reviewer, card["report"], rng)


def _settle(crew: Crew, client: requests.Session) -> None:
    """Settle the conflicts that are there now."""
    url = f"{crew.running.url}/conflicts"
    for each in crew.insist(lambda: client.get(url, timeout=30)).json():
        report = each["decisions"][0]["report_id"]
        body = {
            "token": f"settle {report} {each['decisions'][-1]['id']}",
            "report": report,
            "decision": crew.script.final(report),
            "note": "as the criteria say",
        }
        if body["decision"] == "maybe":
            # Somebody's mistake, about to be undone.
            continue
        answer = crew.insist(
            lambda body=body: client.post(url, json=body, timeout=30)  # type: ignore[misc] # bound at once
        )
        # 409: the mistake has been undone, so the conflict is gone.
        if answer.status_code != 409:
            answer.raise_for_status()
            crew.note(str(body["token"]), str(body["decision"]))


def _adjudicate(crew: Crew) -> None:
    """Settle conflicts as they come, and signal when everything is settled."""
    client = crew.session(REVIEWERS)
    progress = f"{crew.running.url}/progress"
    while not crew.done.is_set():
        _settle(crew, client)
        counts = crew.insist(lambda: client.get(progress, timeout=30)).json()["counts"]
        if not counts["undecided"]:
            crew.done.set()
        time.sleep(0.2)


def prepare(running: Running, given: Sequence[tuple[str, str, bool]]) -> tuple[Script, list[str]]:
    """Create a review with two people for each record, its people, and their script and tokens."""
    settings = load(
        data_dir=running.data, database_url=running.environment["WINNOW_DATABASE_URL"] or None
    )
    store = open_store(settings, create=True, first_person="lead").store
    with store.write() as session:
        (lead,) = people.list_people(session)
        review = reviews.create_review(
            session,
            NewReview("soak", "Soak", ProtocolBody(plans=(StagePlan(dual_share=1.0),)).stored()),
            person_id=lead.id,
        )
        everybody = []
        for number in range(REVIEWERS + 1):
            made = people.create_person(session, f"person {number}")
            role: Role = "reviewer" if number < REVIEWERS else "adjudicator"
            members.add_member(session, review.id, made.id, role, by=None)
            everybody.append(made)
        tokens = [people.create_token(session, each.id, "crew")[1] for each in (*everybody, lead)]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["title", "abstract"])
    writer.writerows(row[:2] for row in given)
    outcome = import_file(
        store,
        review.id,
        io.BytesIO(text.getvalue().encode()),
        "crew.csv",
        ImportRequest(),
        person_id=lead.id,
    )
    relevant: dict[int, bool] = {}
    with store.read() as session:
        for position, report in records.get_reports_by_position(session, outcome.batch.id).items():
            relevant[report] = relevant.get(report, False) or given[position - 1][2]
    store.close()
    return Script(relevant), tokens


def screen(kills: int, *, database_url: str = "", number: int | None = None) -> dict[str, Any]:
    """Screen the set in pairs while the server is killed, and compare the result with the script.

    Args:
        kills: how often the server is killed while they screen.
        database_url: PostgreSQL; empty for SQLite.
        number: how many records of the set, drawn at random; None for all.
    """
    rng = random.Random(2)
    given = rows(number)
    with tempfile.TemporaryDirectory() as folder:
        running = Running(Path(folder) / "data", database_url)
        script, tokens = prepare(running, given)
        running.start()
        crew = Crew(running, script, tokens)
        began = time.monotonic()
        with ThreadPoolExecutor(REVIEWERS * _TABS + 1) as pool:
            jobs = [
                pool.submit(_tab, crew, reviewer, tab)
                for reviewer in range(REVIEWERS)
                for tab in range(_TABS)
            ]
            jobs.append(pool.submit(_adjudicate, crew))
            killed = 0
            try:
                while killed < kills and not crew.done.is_set():
                    time.sleep(rng.uniform(0.3, 2.0))
                    running.kill()
                    running.start()
                    killed += 1
                for job in jobs:
                    job.result()
                # A decision that was on its way when all was settled may have made a conflict.
                _settle(crew, crew.session(REVIEWERS))
            finally:
                crew.done.set()
        seconds = time.monotonic() - began
        found = _compared(crew)
        running.stop()
    return {
        "database": "postgresql" if database_url else "sqlite",
        "set": _SET if (DATA / f"{_SET}.csv.gz").exists() else "made records",
        "kills": killed,
        "seconds": seconds,
        "mishaps": dict(sorted(crew.mishaps.items())),
        **found,
    }


def _compared(crew: Crew) -> dict[str, Any]:
    """Compare what is stored with the script and with what was acknowledged."""
    lead = crew.session(REVIEWERS + 1)
    log = lead.get(f"{crew.running.url}/decisions", timeout=120).json()
    counts = lead.get(f"{crew.running.url}/progress", timeout=60).json()["counts"]
    stored = {line["token"]: line["decision"] for line in log}
    gone = {line["supersedes"] for line in log if line["supersedes"]}
    standing = [line for line in log if line["id"] not in gone and line["decision"] != "undo"]
    own = Counter((line["report_id"], line["person"]) for line in standing if line["kind"] == "own")
    deciders = Counter(report for report, _ in own)
    wanted = crew.script.counts
    counted = {word: counts[word] for word in ("include", "exclude", "maybe")}
    finals = {line["report_id"]: line["decision"] for line in log if line["counts"]}
    return {
        "records": len(crew.script.relevant),
        "acknowledged": len(crew.acknowledged),
        "stored": len(log),
        "adjudicated": sum(line["kind"] == "adjudication" for line in standing),
        "lost": sum(stored.get(name) != word for name, word in crew.acknowledged.items()),
        "twice": len(log) - len(stored) + sum(number - 1 for number in own.values()),
        "decided_by_fewer_than_two": sum(deciders[report] < 2 for report in crew.script.relevant),
        "decided_by_more_than_two": sum(number > 2 for number in deciders.values()),
        "counts": counted,
        "counts_by_script": {word: wanted[word] for word in counted},
        "differ": sum(finals.get(each) != crew.script.final(each) for each in crew.script.relevant),
    }


def held(found: Mapping[str, Any]) -> bool:
    """Whether nothing was lost or stored twice, and the result matches the script."""
    broken = ("lost", "twice", "decided_by_fewer_than_two", "differ")
    return not any(found[key] for key in broken) and found["counts"] == found["counts_by_script"]


def main() -> None:
    """Screen the whole set with 50 kills on both databases and write results/crew.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    chosen = parser.parse_args()
    from tests import postgres

    figures = {"sqlite": screen(chosen.kills)}
    print(figures["sqlite"])
    if postgres.BINARIES is not None:
        with postgres.server() as prefix:
            figures["postgresql"] = screen(chosen.kills, database_url=f"{prefix}postgres")
        print(figures["postgresql"])
    write("crew", figures)
    failed = [name for name, found in figures.items() if not held(found)]
    if failed:
        sys.exit(f"FAILED: {', '.join(failed)}")


if __name__ == "__main__":
    main()
