"""Five reviewers and an adjudicator screen a finished review dually, and everything goes wrong.

Each reviewer has two tabs, clicks twice, reloads, loses connections, errs and takes it back; the
server is killed meanwhile. What each says of a record is written down beforehand, so that the final
counts are known: of no record does more than one of the five differ from the others, and the
adjudicator sides with those. Run by `make soak`; `make test` runs a slice.
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
from api.services.importing import ImportRequest, import_file
from api.services.setup import open_store
from api.settings import load
from benchmarks.measuring import DATA, write
from benchmarks.running import Running
from harvest.files.read import read_file
from store import members, people, records, reviews
from store.roles import Role

REVIEWERS = 5
_TABS = 2
_SET = "VIVE_child_ratio"
_PATIENCE = 180.0


def rows(number: int | None) -> list[tuple[str, str, bool]]:
    """Title, abstract and label of so many records; made ones where there is no data."""
    path = DATA / f"{_SET}.csv.gz"
    if not path.exists():
        return [(f"Title {n}", f"Abstract {n}", n % 12 == 0) for n in range(number or 1000)]
    with gzip.open(path) as stream:
        read = read_file(stream).records
    if number is not None:
        read = random.Random(1).sample(read, number)
    return [(each.title or "", each.abstract or "", each.label == "include") for each in read]


def _chance(*parts: object) -> int:
    """A number that is always the same for the same parts."""
    digest = hashlib.blake2b(" ".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


@dataclass(frozen=True, slots=True)
class Script:
    """What everybody says of each report.

    Attributes:
        relevant: by report id.
    """

    relevant: Mapping[int, bool]

    def final(self, report: int) -> str:
        """What the report comes to."""
        if not self.relevant[report]:
            return "exclude"
        return "maybe" if _chance("maybe", report) % 7 == 0 else "include"

    def says(self, reviewer: int, report: int) -> str:
        """What a reviewer says of a report: one in four has one of the five who differs."""
        right = self.final(report)
        if right != "maybe" and _chance("differs", report) % (4 * REVIEWERS) == reviewer:
            return "include" if right == "exclude" else "exclude"
        return right

    @property
    def counts(self) -> Counter[str]:
        """How many reports come to what."""
        return Counter(self.final(report) for report in self.relevant)


@dataclass
class Crew:
    """The people at work, and what the server has acknowledged to them."""

    running: Running
    script: Script
    tokens: Sequence[str]
    acknowledged: dict[str, str] = field(default_factory=dict)
    mishaps: Counter[str] = field(default_factory=Counter)
    done: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def session(self, person: int) -> requests.Session:
        """A client of one person."""
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
        """Write down what the server says it has stored."""
        with self.lock:
            self.acknowledged[name] = word

    def mishap(self, kind: str) -> None:
        """Count what went wrong."""
        with self.lock:
            self.mishaps[kind] += 1


def _send(crew: Crew, client: requests.Session, body: dict[str, Any], rng: random.Random) -> None:
    """Send a decision, at times twice at once, or with a connection that is lost on the way."""
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
        # Of two at the same moment one may be told to send it again.
        if not any(answer.ok for answer in answers):
            crew.insist(lambda: client.post(url, json=body, timeout=30)).raise_for_status()
    else:
        if chance < 0.2:
            crew.mishap("lost connection")
            with contextlib.suppress(requests.RequestException):
                requests.post(url, json=body, headers=client.headers, timeout=(3, 0.002))
        crew.insist(lambda: client.post(url, json=body, timeout=30)).raise_for_status()
    crew.note(body["token"], body["decision"])


def _decide(
    crew: Crew, client: requests.Session, reviewer: int, report: int, rng: random.Random
) -> None:
    """Decide a report as written down; at times wrongly first, taken back at once."""
    word = crew.script.says(reviewer, report)
    if rng.random() < 0.05:
        crew.mishap("taken back")
        slip = "exclude" if word == "include" else "include"
        wrong = f"{reviewer}-{report}-{rng.getrandbits(40)}"
        _send(crew, client, {"token": wrong, "report": report, "decision": slip}, rng)
        body = {"token": f"undo {wrong}", "undoes": wrong}
        url = f"{crew.running.url}/decisions/undo"
        crew.insist(lambda: client.post(url, json=body, timeout=30)).raise_for_status()
        crew.note(body["token"], "undo")
    token = f"{reviewer}-{report}-{rng.getrandbits(40)}"
    _send(crew, client, {"token": token, "report": report, "decision": word}, rng)


def _tab(crew: Crew, reviewer: int, tab: int) -> None:
    """Screen in one tab until nothing is left to anybody."""
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


def _adjudicate(crew: Crew) -> None:
    """Settle conflicts as they come, and say when all is settled."""
    client = crew.session(REVIEWERS)
    url = f"{crew.running.url}/conflicts"
    progress = f"{crew.running.url}/progress"
    while not crew.done.is_set():
        for each in crew.insist(lambda: client.get(url, timeout=30)).json():
            report = each["decisions"][0]["report_id"]
            body = {
                "token": f"settle {report} {each['decisions'][-1]['id']}",
                "report": report,
                "decision": crew.script.final(report),
                "note": "as the criteria say",
            }
            if body["decision"] == "maybe":
                # Somebody's slip, about to be taken back.
                continue
            answer = crew.insist(
                lambda body=body: client.post(url, json=body, timeout=30)  # type: ignore[misc] # bound at once
            )
            # 409: whoever slipped has taken it back, and there is no conflict any more.
            if answer.status_code != 409:
                answer.raise_for_status()
                crew.note(str(body["token"]), str(body["decision"]))
        counts = crew.insist(lambda: client.get(progress, timeout=30)).json()["counts"]
        if not counts["undecided"]:
            crew.done.set()
        time.sleep(0.2)


def prepare(running: Running, given: Sequence[tuple[str, str, bool]]) -> tuple[Script, list[str]]:
    """The review with a dual plan, its people, and what they are to say; gives their tokens too."""
    settings = load(
        data_dir=running.data, database_url=running.environment["WINNOW_DATABASE_URL"] or None
    )
    store = open_store(settings, create=True, first_person="lead").store
    with store.write() as session:
        (lead,) = people.everyone(session)
        review = reviews.create(
            session,
            slug="soak",
            title="Soak",
            protocol=ProtocolBody(plans=(StagePlan(dual_share=1.0),)).stored(),
            person_id=lead.id,
        )
        everybody = []
        for number in range(REVIEWERS + 1):
            made = people.create(session, f"person {number}")
            role: Role = "reviewer" if number < REVIEWERS else "adjudicator"
            members.add(session, review.id, made.id, role, by=None)
            everybody.append(made)
        tokens = [people.make_token(session, each.id, "crew")[1] for each in (*everybody, lead)]
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
        for position, report in records.reports_of_batch(session, outcome.batch.id).items():
            relevant[report] = relevant.get(report, False) or given[position - 1][2]
    store.close()
    return Script(relevant), tokens


def screen(kills: int, *, database_url: str = "", number: int | None = None) -> dict[str, Any]:
    """Screen the set dually with so many kills, and compare what stands with the script.

    Args:
        kills: how often the server is killed while they screen.
        database_url: PostgreSQL; SQLite where it is empty.
        number: so many records of the set, drawn at random; all where None.
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
    """What stands, beside the script and beside what was acknowledged."""
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
    """Whether nothing was lost or stored twice, and what stands is what the script says."""
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
