"""Long kill, load and fuzz tests, and checks that need a package index.

Run: make soak (about half an hour); writes benchmarks/results/soak.json. `make test` runs a slice.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import requests

from api.services.searching.importing import ImportRequest, import_file
from benchmarks.measuring import ROOT, write
from benchmarks.running import Running
from harvest.errors import UnreadableFile
from harvest.files.read import read_file
from store.core.session import Store
from store.reviews import people, reviews
from store.reviews.reviews import NewReview

_SEEDS = (
    b"TY  - JOUR\nTI  - One\nAB  - Text\nDO  - 10.1000/a\nER  - \n\n",
    b"PMID- 1\nOWN - NLM\nTI  - One\nAB  - Text\n      more\n\n",
    b"@article{a,\n title = {One},\n abstract = {Text},\n}\n",
    b'title,abstract,year\n"One, two",Text,2011\nTwo,"a\nb",2012\n',
    b"<?xml version='1.0'?><xml><records><record><titles><title>A</title></titles></record>"
    b"</records></xml>",
    b"<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>A"
    b"</ArticleTitle></Article></MedlineCitation></PubmedArticle></PubmedArticleSet>",
    b'{"title": "One", "doi": "10.1000/a"}\n',
)


def prepare(running: Running, records: int) -> str:
    """Create a review of made-up records, and return an API token."""
    from api.protocol import ProtocolBody
    from api.services.reviews.opening import open_store
    from api.settings import load

    settings = load(
        data_dir=running.data, database_url=running.environment["WINNOW_DATABASE_URL"] or None
    )
    store: Store = open_store(settings, create=True, first_person="soak").store
    with store.write() as session:
        (person,) = people.list_people(session)
        review = reviews.create_review(
            session, NewReview("soak", "Soak", ProtocolBody().stored()), person_id=person.id
        )
        token = people.create_token(session, person.id, "soak")[1]
    text = "title,abstract\n" + "".join(f"Title {n},Abstract {n}\n" for n in range(records))
    import_file(
        store,
        review.id,
        io.BytesIO(text.encode()),
        "soak.csv",
        ImportRequest(),
        person_id=person.id,
    )
    store.close()
    return token


def _insist(send: Callable[[], requests.Response], stop: float) -> Any:
    """Send until the server answers, as the browser's outbox does."""
    while True:
        try:
            answer = send()
            if answer.status_code < 500:
                answer.raise_for_status()
                return answer.json()
        except requests.ConnectionError:
            pass
        if time.monotonic() > stop:
            raise TimeoutError("the server did not come back")
        time.sleep(0.05)


def screen(running: Running, token: str, seconds: float, seed: int) -> dict[str, str]:
    """Screen as one client until the time is up; returns the acknowledged decisions by token."""
    client = requests.Session()
    client.headers["authorization"] = f"Bearer {token}"
    rng = random.Random(seed)
    acknowledged: dict[str, str] = {}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        limit = time.monotonic() + 120
        hand = _insist(
            lambda: client.post(f"{running.url}/queue/next", json={"n": 3}, timeout=30), limit
        )
        if not hand["cards"]:
            break
        for card in hand["cards"]:
            name = f"{seed}-{card['report']}-{rng.getrandbits(32)}"
            decision = rng.choice(["include", "exclude", "maybe"])
            body = {"token": name, "report": card["report"], "decision": decision}
            # Sometimes sent twice, as by a double click or a retry.
            for _ in range(rng.choice([1, 1, 2])):
                _insist(
                    lambda body=body: client.post(  # type: ignore[misc] # bound at once
                        f"{running.url}/decisions", json=body, timeout=30
                    ),
                    limit,
                )
            acknowledged[name] = decision
    return acknowledged


def kill_test(kills: int, *, database_url: str = "", records: int = 5000) -> dict[str, Any]:
    """Kill the server at random moments while a client screens; nothing may be lost or doubled."""
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        running = Running(Path(folder) / "data", database_url)
        token = prepare(running, records)
        running.start()
        acknowledged: dict[str, str] = {}
        done = threading.Event()

        def client() -> None:
            number = 0
            while not done.is_set():
                acknowledged.update(screen(running, token, 1.0, number))
                number += 1

        thread = threading.Thread(target=client)
        thread.start()
        for _ in range(kills):
            time.sleep(rng.uniform(0.1, 1.5))
            running.kill()
            running.start()
        time.sleep(1)
        done.set()
        thread.join(300)
        headers = {"authorization": f"Bearer {token}"}
        log = requests.get(f"{running.url}/decisions", headers=headers, timeout=60).json()
        counts = requests.get(f"{running.url}/progress", headers=headers, timeout=60).json()
        running.stop()
    stored = {entry["token"]: entry["decision"] for entry in log}
    lost = [name for name, decision in acknowledged.items() if stored.get(name) != decision]
    tokens = [entry["token"] for entry in log]
    reports = [entry["report_id"] for entry in log if entry["counts"]]
    return {
        "database": "postgresql" if database_url else "sqlite",
        "kills": kills,
        "acknowledged": len(acknowledged),
        "stored": len(log),
        "lost": len(lost),
        "twice": len(tokens) - len(set(tokens)),
        "counted": counts["counts"]["decided"],
        "counts_agree": counts["counts"]["decided"] == len(set(reports)),
    }


def load_test(clients: int, seconds: float, *, records: int = 20_000) -> dict[str, Any]:
    """Let many clients screen one review at once; each decision must be stored exactly once."""
    with tempfile.TemporaryDirectory() as folder:
        running = Running(Path(folder) / "data")
        token = prepare(running, records)
        running.start()
        results: list[dict[str, str]] = []
        lock = threading.Lock()

        def work(number: int) -> None:
            mine = screen(running, token, seconds, number)
            with lock:
                results.append(mine)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        headers = {"authorization": f"Bearer {token}"}
        log = requests.get(f"{running.url}/decisions", headers=headers, timeout=120).json()
        running.stop()
    acknowledged = {name for mine in results for name in mine}
    stored = [entry["token"] for entry in log]
    return {
        "clients": clients,
        "seconds": seconds,
        "decisions": len(stored),
        "decisions_per_second": len(stored) / seconds,
        "lost": len(acknowledged - set(stored)),
        "twice": len(stored) - len(set(stored)),
    }


def _mutated(rng: random.Random) -> bytes:
    data = bytearray(rng.choice(_SEEDS) * rng.randint(1, 5))
    for _ in range(rng.randint(0, 12)):
        at = rng.randrange(len(data)) if data else 0
        choice = rng.random()
        if choice < 0.4 and data:
            data[at] = rng.randrange(256)
        elif choice < 0.7:
            data[at:at] = rng.randbytes(rng.randint(1, 8))
        elif choice < 0.85:
            other = rng.choice(_SEEDS)
            data[at:at] = other[: rng.randrange(len(other))]
        else:
            del data[at : at + rng.randint(1, 40)]
    return bytes(data)


def fuzz_files(examples: int, *, seed: int = 0) -> dict[str, Any]:
    """Import broken files of every format; each must be read whole or refused with a remedy."""
    rng = random.Random(seed)
    read = refused = entries = 0
    for _ in range(examples):
        data = _mutated(rng)
        try:
            content = read_file(io.BytesIO(data))
        except UnreadableFile as error:
            assert error.remedy, data
            refused += 1
        else:
            assert content.entries_read == len(content.records) + len(content.rejected), data
            read += 1
            entries += content.entries_read
    return {"examples": examples, "read": read, "refused": refused, "entries": entries}


def runtime_distributions() -> list[metadata.Distribution]:
    """The distributions that the wheel needs, directly or not, as installed here."""
    from packaging.requirements import Requirement

    found: dict[str, metadata.Distribution] = {}
    waiting = ["winnow-review"]
    while waiting:
        name = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        distribution = metadata.distribution(name)
        found[key] = distribution
        for text in distribution.requires or ():
            requirement = Requirement(text)
            extras = ("", "binary", "argon2")
            if requirement.marker is None or any(
                requirement.marker.evaluate({"extra": extra}) for extra in extras
            ):
                waiting.append(requirement.name)
    del found["winnow-review"]
    return list(found.values())


def windows_wheels() -> dict[str, Any]:
    """Runtime dependencies without a wheel for Windows, according to the package index."""
    missing = []
    for distribution in runtime_distributions():
        name, version = distribution.metadata["Name"], distribution.version.split("+")[0]
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "index", "versions", name, "--pre"),
                *("--platform", "win_amd64", "--python-version", "3.11"),
                *("--only-binary", ":all:", "--disable-pip-version-check"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        versions = re.findall(r"[0-9][^,\s)]*", done.stdout.partition("Available versions:")[2])
        if version not in versions:
            missing.append(f"{name} {version}")
    return {"checked": len(runtime_distributions()), "without_windows_wheel": missing}


def wheel_with_dependencies() -> dict[str, Any]:
    """Build the wheel, install it with its dependencies in an empty environment, and serve."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(
            [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder), "."],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        (wheel,) = folder.glob("*.whl")
        venv.create(folder / "env", with_pip=True)
        python = folder / "env" / "bin" / "python"
        for target in ("torch==2.13.0", str(wheel)):
            subprocess.run([python, "-m", "pip", "install", "-q", target], check=True)
        doctor = subprocess.run(
            [folder / "env" / "bin" / "winnow", "--data-dir", folder / "data", "init", "--json"],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
        served = subprocess.Popen(
            [
                *(folder / "env" / "bin" / "winnow", "--data-dir", folder / "data"),
                *("serve", "--port", "0", "--json"),
            ],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert served.stdout is not None
        url = json.loads(served.stdout.readline())["url"]
        health = requests.get(f"{url}/healthz", timeout=30).json()
        served.terminate()
        served.wait(60)
        shutil.rmtree(folder / "env", ignore_errors=True)
    return {
        "wheel": wheel.name,
        "init": json.loads(doctor.stdout)["created"],
        "health": health["status"],
    }


def main() -> None:
    """Run everything in full and write benchmarks/results/soak.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--examples", type=int, default=200_000)
    chosen = parser.parse_args()
    from tests import postgres

    figures: dict[str, Any] = {"kill_sqlite": kill_test(chosen.kills)}
    print(figures)
    if postgres.BINARIES is not None:
        with postgres.server() as prefix:
            figures["kill_postgresql"] = kill_test(chosen.kills, database_url=f"{prefix}postgres")
        print(figures["kill_postgresql"])
    figures["load"] = load_test(20, 60)
    figures["fuzz_files"] = fuzz_files(chosen.examples)
    print(figures["load"], figures["fuzz_files"])
    figures["windows_wheels"] = windows_wheels()
    print(figures["windows_wheels"])
    figures["wheel_with_dependencies"] = wheel_with_dependencies()
    write("soak", figures)
    failed = [
        name
        for name, found in figures.items()
        if found.get("lost") or found.get("twice") or found.get("without_windows_wheel")
    ]
    if failed:
        sys.exit(f"FAILED: {', '.join(failed)}")


if __name__ == "__main__":
    main()
