"""Time reading PubMed XML against other readers, memory on a large file, and the store.

Run: python -m benchmarks.harvest [--quick]. The files are the recorded ones next to the checkout.
The other readers (`make bench-peers`) and Winnow take turns on the same compressed file, each in
its own process.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from api.protocol import ProtocolBody
from api.services.reviews.opening import open_store
from api.services.searching import run_starts, strategies
from api.services.searching.page_entries import key_entries
from api.settings import load
from benchmarks.measuring import ROOT, summary, write
from harvest.errors import UnreadableFile
from harvest.files.pubmed_xml import ROOTS, parse
from harvest.record import Record, Rejected
from harvest.xml import root_name
from store.core.session import Store
from store.reviews import people, reviews
from store.reviews.reviews import NewReview
from store.searching.ingest import FileInfo
from store.searching.runs import run_endings, run_progress, runs
from store.searching.runs.run_progress import NewPage
from tests import postgres
from tests.loopback.corpus import corpus
from tests.loopback.shapes import pubmed_set

PAYLOADS = ROOT.parent / "shared" / "data" / "payloads" / "pubmed"
SAMPLE = PAYLOADS / "fatcat" / "pubmedsample_2019.xml.gz"
PEER = ROOT / ".venv-peers" / "bin" / "python"
FIELDS = (
    *("pmid", "title", "abstract", "authors", "venue", "year", "volume", "issue", "pages", "doi"),
    *("pmcid", "language", "types", "keywords"),
)


def _grown(copies: int, path: Path) -> None:
    """Repeat the sample's articles in one file."""
    text = gzip.decompress(SAMPLE.read_bytes())
    start = text.index(b"<PubmedArticle>")
    end = text.rindex(b"</PubmedArticle>") + len(b"</PubmedArticle>")
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wb") as file:
        file.write(text[:start])
        for _ in range(copies):
            file.write(text[start:end])
        file.write(b"</PubmedArticleSet>")


def _ours(path: Path, number: int) -> dict[str, Any]:
    seconds = []
    found: list[Record] = []
    for _ in range(number):
        started = time.perf_counter()
        with gzip.open(path) as stream:
            found = [entry for entry in parse(stream) if isinstance(entry, Record)]  # type: ignore[arg-type] # GzipFile is a BinaryIO in all but its stub
        seconds.append(time.perf_counter() - started)
    filled = {field: sum(bool(getattr(record, field)) for record in found) for field in FIELDS}
    return {"records": len(found), "filled": filled, "seconds": seconds}


def _child(name: str, path: Path, number: int) -> dict[str, Any] | None:
    """Run one reader in its own process; None if it is not installed."""
    command = [sys.executable, "-m", "benchmarks.harvest", "--read", str(path), str(number)]
    if name != "winnow":
        if not PEER.is_file():
            return None
        script = ROOT / "benchmarks" / "peers" / "pubmed_xml.py"
        command = [str(PEER), str(script), name, str(path), str(number)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{name}: {done.stderr[-400:]}")
        return None
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def reading(copies: int, rounds: int) -> dict[str, Any]:
    """Records a second for each reader, with the readers taking turns."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "grown.xml.gz"
        _grown(copies, path)
        seconds: dict[str, list[float]] = {}
        for _ in range(rounds):
            for name in ("winnow", "pubmed_parser", "biopython"):
                found = _child(name, path, 1)
                if found is None:
                    continue
                seconds.setdefault(name, []).extend(found.pop("seconds"))
                figures[name] = found
    for name, found in figures.items():
        found["records_per_second"] = summary([found["records"] / s for s in seconds[name]])
    base = figures.get("winnow", {}).get("records_per_second", {}).get("median")
    for name, found in figures.items():
        if name != "winnow":
            found["ours_over_it"] = base / found["records_per_second"]["median"]
    return figures


def memory(megabytes: list[int]) -> list[dict[str, Any]]:
    """Peak memory of a process that reads a file of this many megabytes record by record."""
    size = len(gzip.decompress(SAMPLE.read_bytes())) / 1e6
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for wanted in megabytes:
            path = Path(folder) / "grown.xml"
            _grown(max(1, round(wanted / size)), path)
            command = [sys.executable, "-m", "benchmarks.harvest", "--memory", str(path)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
            rows.append({"megabytes": path.stat().st_size / 1e6, **json.loads(done.stdout)})
            path.unlink()
    return rows


def recorded() -> dict[str, Any]:
    """All recorded article and book XML: records, rejected, and fields filled."""
    counts = {"files": 0, "records": 0, "rejected": 0, "refused_by_root": 0}
    filled = dict.fromkeys(FIELDS, 0)
    for path in sorted(PAYLOADS.rglob("*")):
        if not path.is_file() or path.suffix not in (".xml", ".gz", ".html") or "dtd" in path.parts:
            continue
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            if root_name(stream.read(65536)) not in ROOTS:
                counts["refused_by_root"] += 1
                continue
            stream.seek(0)
            counts["files"] += 1
            try:
                for entry in parse(stream):  # type: ignore[arg-type] # GzipFile is a BinaryIO in all but its stub
                    counts["records"] += isinstance(entry, Record)
                    counts["rejected"] += isinstance(entry, Rejected)
                    if isinstance(entry, Record):
                        for field in FIELDS:
                            filled[field] += bool(getattr(entry, field))
            except UnreadableFile:
                counts["refused_by_root"] += 1
    return {**counts, "filled": filled}


@contextmanager
def _store(url: str) -> Iterator[tuple[Store, int, int]]:
    """Create a store with a review and a run in progress."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load(data_dir=folder, database_url=url or None)
        store = open_store(settings, create=True, first_person="bench").store
        with store.write() as session:
            (person,) = people.list_people(session)
            review = reviews.create_review(
                session, NewReview("bench", "Bench", ProtocolBody().stored()), person_id=person.id
            )
            strategies.save_version(
                session, review.id, {"text": "#1 child*[tiab]"}, reason=None, person_id=person.id
            )
        (run_id,) = run_starts.start_runs(store, settings, review.id, "pubmed", searcher=person)
        with store.write() as session:
            run_progress.claim_run(session, run_id, "bench", due_only=False)
        yield store, review.id, run_id
        store.close()


def storing(records: int, url: str = "") -> dict[str, Any]:
    """Records a second from raw page to committed rows, in pages of 200, raw page included."""
    articles = corpus(records)
    pages = [pubmed_set(articles[at : at + 200]) for at in range(0, records, 200)]
    with _store(url) as (store, review_id, run_id):
        with store.read() as session:
            run = runs.get_run(session, run_id)
        started = time.perf_counter()
        reading_seconds = 0.0
        for body in pages:
            before = time.perf_counter()
            found = [e for e in parse(io.BytesIO(body)) if isinstance(e, Record | Rejected)]
            reading_seconds += time.perf_counter() - before
            entries = key_entries("pubmed", body, found)
            page = FileInfo(
                name="",
                sha256="0" * 64,
                size=len(body),
                format="pubmed",
                columns={"kind": "records"},
                notices=(),
            )
            with store.write() as session:
                new = NewPage(
                    file=page,
                    body=body,
                    content=entries.content,
                    gold_filtered=(),
                    cursor={"at": 1},
                )
                run_progress.add_page(session, run, "bench", new)
        with store.write() as session:
            run_endings.finish_run(session, run_id, "bench")
        seconds = time.perf_counter() - started
        assert review_id
        return {
            "database": store.dialect,
            "records": records,
            "records_per_second": records / seconds,
            "share_of_reading": reading_seconds / seconds,
        }


def main() -> None:
    """Measure and write benchmarks/results/harvest.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--read", nargs=2)
    parser.add_argument("--memory")
    chosen = parser.parse_args()
    if chosen.read:
        print(json.dumps(_ours(Path(chosen.read[0]), int(chosen.read[1]))))
        return
    if chosen.memory:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        with open(chosen.memory, "rb") as stream:  # noqa: PTH123 - the plain file object
            count = sum(1 for _ in parse(stream))
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # Linux reports kibibytes.
        figures = {"records": count, "seconds": seconds, "peak_mib": peak / 1024}
        print(json.dumps({**figures, "before_mib": before / 1024}))
        return
    figures: dict[str, Any] = {"recorded": recorded()}
    print(figures["recorded"])
    figures["reading"] = reading(2 if chosen.quick else 20, 2 if chosen.quick else 5)
    print(json.dumps(figures["reading"], indent=1))
    figures["memory"] = memory([10, 50] if chosen.quick else [10, 100, 1000])
    print(figures["memory"])
    number = 2_000 if chosen.quick else 20_000
    figures["storing"] = [storing(number)]
    if postgres.BINARIES is not None:
        with postgres.server() as prefix:
            figures["storing"].append(storing(number, f"{prefix}postgres"))
    print(figures["storing"])
    write("harvest-quick" if chosen.quick else "harvest", figures)


if __name__ == "__main__":
    main()
