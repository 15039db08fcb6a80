"""Time the main jobs: import, embedding, fit and rank, decision to new order, next card.

Run: python -m benchmarks.speed [--quick]. The texts come from the labelled sets next to the
checkout. The larger pools have random projections of the word features as vectors: a fit costs the
same, and encoding 100,000 texts would take an hour. The embedding rate is measured on real
texts.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import requests
from numpy.typing import NDArray
from sklearn.random_projection import SparseRandomProjection

from api import resources
from api.protocol import ProtocolBody
from api.services.ranking.ranker import summarise_expectations
from api.services.reviews.opening import open_store
from api.services.searching.importing import ImportRequest, import_file
from api.settings import Settings, load
from benchmarks.measuring import DATA, percentile, summary, write
from harvest.files.read import read_file
from model.cache import VectorCache
from model.encode import Encoder
from model.features import Document, build, tfidf
from model.order import Evidence, PoolRanker
from model.vector_files import text_hash
from store.core.session import Store
from store.reviews import people, reviews
from store.reviews.reviews import NewReview


def texts(number: int) -> tuple[list[Document], NDArray[np.bool_]]:
    """Documents and labels of the sets in order of name, starting over when they run out."""
    made: list[Document] = []
    labels: list[bool] = []
    rows: list[tuple[str, str, bool]] = []
    for path in sorted(DATA.glob("*.csv.gz")):
        with path.open("rb") as file:
            rows += [
                (record.title or "", record.abstract or "", record.label == "include")
                for record in read_file(file).records
            ]
    for at, (title, abstract, label) in zip(range(number), itertools.cycle(rows), strict=False):
        # Each copy differs a little, since no two real records are quite the same.
        again = f" ({at // len(rows)})" if at >= len(rows) else ""
        made.append(Document(title + again, abstract))
        labels.append(label)
    return made, np.array(labels, bool)


def projected(words: Any) -> NDArray[np.float32]:
    """Vectors of 384 numbers and unit length, made from each text's words."""
    projection = SparseRandomProjection(384, dense_output=True, random_state=0)
    vectors = projection.fit_transform(words.astype(np.float32)).astype(np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def as_csv(documents: list[Document]) -> bytes:
    """A table with a title and an abstract of each."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["title", "abstract"])
    writer.writerows([(document.title, document.abstract) for document in documents])
    return buffer.getvalue().encode()


def _ris(documents: list[Document]) -> bytes:
    return "".join(
        f"TY  - JOUR\nTI  - {d.title}\nAB  - {d.abstract}\nER  -\n\n" for d in documents
    ).encode()


@contextmanager
def fresh(**overrides: Any) -> Iterator[tuple[Settings, Store, int, int]]:
    """Create a SQLite store with one person and one review."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load(data_dir=Path(folder), **overrides)
        store = open_store(settings, create=True, first_person="bench").store
        with store.write() as session:
            (person,) = people.list_people(session)
            review = reviews.create_review(
                session, NewReview("bench", "Bench", ProtocolBody().stored()), person_id=person.id
            )
        yield settings, store, review.id, person.id
        store.close()


def import_rate(documents: list[Document], repeats: int) -> dict[str, Any]:
    """Records a second from file to store, compared with all others for duplicates."""
    figures: dict[str, Any] = {"records": len(documents)}
    for name, data in (("csv", as_csv(documents)), ("ris", _ris(documents))):
        rates = []
        for _ in range(repeats):
            with fresh() as (_, store, review, person):
                start = time.perf_counter()
                outcome = import_file(
                    store, review, io.BytesIO(data), name, ImportRequest(), person_id=person
                )
                rates.append(outcome.batch.read / (time.perf_counter() - start))
        figures[name] = summary(rates)
    return figures


def embed_rate(documents: list[Document], repeats: int) -> dict[str, Any]:
    """Abstracts a second with the embedded encoder; loading it is timed separately."""
    start = time.perf_counter()
    encoder = Encoder()
    list(encoder.encode(["warm"]))
    loaded = time.perf_counter() - start
    rates = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            cache = VectorCache(Path(folder), encoder)
            start = time.perf_counter()
            cache.vectors([document.prose for document in documents])
            rates.append(len(documents) / (time.perf_counter() - start))
    return {"abstracts": len(documents), "load_seconds": loaded, "per_second": summary(rates)}


def fit_and_rank(size: int, decisions: int, repeats: int) -> dict[str, Any]:
    """Time the default pipeline with features ready: the first fit, then after each decision.

    Run in its own process, so that the memory is only this pool's.
    """
    pipeline = resources.pipeline("default")
    documents, y = texts(size)
    words, _ = tfidf([document.words for document in documents])
    vectors = projected(words)
    start = time.perf_counter()
    prior = resources.study_prior().for_encoder(None)
    features = build(documents, pipeline, lambda _: vectors, prior)
    features_seconds = time.perf_counter() - start
    del words, documents
    rng = np.random.default_rng(0)
    rows = rng.choice(size, decisions + repeats, replace=False).astype(np.int64)
    ranker = PoolRanker(features, pipeline)
    none = np.array([], np.int64)
    seconds = []
    for known in range(decisions, decisions + repeats + 1):
        unread = np.ones(size, bool)
        unread[rows[:known]] = False
        evidence = Evidence(rows[:known], y[rows[:known]], unread, none, none)
        start = time.perf_counter()
        ranked = ranker.rank(evidence)
        summarise_expectations(ranker.curve(), ranked)
        seconds.append(time.perf_counter() - start)
    assert ranked.warm
    return {
        "records": size,
        "decisions": decisions,
        "relevant_among_them": int(y[rows[:decisions]].sum()),
        "features_seconds": features_seconds,
        "first_seconds": seconds[0],
        "after_a_decision_seconds": summary(seconds[1:]),
        "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def alone(size: int, decisions: int, repeats: int) -> dict[str, Any]:
    """``fit_and_rank`` in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(fit_and_rank, size, decisions, repeats).result()


class Server:
    """A running `winnow serve` with a review, and a token for it."""

    def __init__(self, settings: Settings, store: Store, person: int) -> None:
        with store.write() as session:
            token = people.create_token(session, person, "bench")[1]
        self.headers = {"authorization": f"Bearer {token}"}
        environment = {**os.environ, "WINNOW_DATA_DIR": str(settings.data_dir)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", "serve", "--port", "0", "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = json.loads(self.process.stdout.readline())["url"] + "/api/v1/reviews/bench"

    def session(self) -> requests.Session:
        made = requests.Session()
        made.headers.update(self.headers)
        return made

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


def _keep_vectors(settings: Settings, documents: list[Document]) -> None:
    """Put projected vectors where the worker looks for the encoder's."""
    cache = VectorCache(settings.data_dir / "vectors", Encoder())
    vectors = projected(tfidf([document.words for document in documents])[0])
    seen: dict[bytes, int] = {}
    for row, document in enumerate(documents):
        seen.setdefault(text_hash(document.prose), row)
    cache._write(list(seen), vectors[list(seen.values())])


def _ranking(client: requests.Session, url: str) -> Any:
    return client.get(f"{url}/ranking", timeout=60).json()["ranking"]


def served(size: int, rounds: int, clients: int, each: int) -> dict[str, Any]:
    """Time, over HTTP, a decision to the new order, and the next card with many clients at once."""
    documents, y = texts(size)
    with fresh() as (settings, store, review, person):
        import_file(
            store, review, io.BytesIO(as_csv(documents)), "f", ImportRequest(), person_id=person
        )
        _keep_vectors(settings, documents)
        server = Server(settings, store, person)
        try:
            client = server.session()
            while not (newest := _ranking(client, server.url)):
                time.sleep(0.2)
            figures = _decision_to_order(client, server.url, y, rounds, newest["n_decisions"])
            return figures | _next_card(server, clients, each)
        finally:
            server.stop()


def _decision_to_order(
    client: requests.Session,
    url: str,
    y: NDArray[np.bool_],
    rounds: int,
    known: int,
) -> dict[str, Any]:
    waits = []
    for number in range(rounds):
        hand = client.post(f"{url}/queue/next", json={"n": 1}, timeout=60).json()
        report = hand["cards"][0]["report"]
        relevant = bool(y[(report - 1) % len(y)])
        # The first two decisions differ, so that a fit follows every later one.
        decision = ("include", "exclude")[number] if number < 2 else None
        body = {
            "token": str(uuid.uuid4()),
            "report": report,
            "decision": decision or ("include" if relevant else "exclude"),
        }
        start = time.perf_counter()
        client.post(f"{url}/decisions", json=body, timeout=60).raise_for_status()
        known += 1
        while _ranking(client, url)["n_decisions"] < known:
            time.sleep(0.005)
        waits.append(time.perf_counter() - start)
    fitted = waits[2:]
    return {
        "records": len(y),
        "decision_to_order_seconds": summary(fitted) | {"p95": percentile(fitted, 0.95)},
    }


def _next_card(server: Server, clients: int, each: int) -> dict[str, Any]:
    waits: list[float] = []
    lock = threading.Lock()

    def work() -> None:
        client = server.session()
        mine = []
        for _ in range(each):
            start = time.perf_counter()
            client.post(f"{server.url}/queue/next", json={"n": 1}, timeout=120).raise_for_status()
            mine.append(time.perf_counter() - start)
        with lock:
            waits.extend(mine)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "next_card": {
            "clients": clients,
            "requests": len(waits),
            "p50_seconds": percentile(waits, 0.5),
            "p99_seconds": percentile(waits, 0.99),
        }
    }


def main() -> None:
    """Measure and write benchmarks/results/speed.json and order_speed.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a slice that takes a minute")
    parser.add_argument("--only", choices=("speed", "order_speed"), help="one of the two files")
    chosen = parser.parse_args()
    quick = chosen.quick
    if not DATA.is_dir():
        sys.exit(f"skipped: the labelled sets are not at {DATA}")
    sizes = (1_000, 10_000) if quick else (1_000, 10_000, 100_000)
    repeats = 2 if quick else 5
    documents, _ = texts(2_000 if quick else 20_000)
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "speed": lambda: {
            "import": import_rate(documents, repeats),
            "embed": embed_rate(documents[: 64 if quick else 600], 1 if quick else 3),
        },
        "order_speed": lambda: {
            "fit_and_rank": [
                alone(size, min(2_000, size // 4), 10 if quick else 60) for size in sizes
            ],
            "served": served(10_000, 8 if quick else 60, 20, 5 if quick else 25),
        },
    }
    for name, measure in parts.items():
        if chosen.only in (None, name):
            figures = measure()
            write(f"{name}-quick" if quick else name, figures)
            print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
