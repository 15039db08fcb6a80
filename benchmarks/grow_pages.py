"""How the cost of pages grows with the size of a review: seconds of computing for each page.

Run: python -m benchmarks.grow_pages [--sizes N …] [--pages NAME …] [--repeats N] [--stores FOLDER]
[--only light|heavy] [--quick]. Each page is asked of the application in this process, signed in as
the review's lead, once to warm up and then several times; the median counts. For an export, the
time to its first byte counts. The figures of heavy pages are worked out beforehand, and that is
measured, too. With a folder, the stores are kept there and used again; their figures are then
worked out already.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from api.app import create_app
from api.services.reporting import stored_results
from api.settings import Settings, load
from benchmarks import pages_store
from benchmarks.grow import exponent
from benchmarks.measuring import summary, write
from benchmarks.pages_store import COMMON_WORD, RARE_WORD, SLUG, LargeReview
from tests.api.people import browser

SIZES = (10_000, 30_000, 100_000)
# The bar of computing for any page at the largest size, in milliseconds.
BAR_MS = 300
_OWN = f"/reviews/{SLUG}"
LIGHT = {
    "front page": "/",
    "overview": _OWN,
    "records": f"{_OWN}/records",
    "records, page 100": f"{_OWN}/records?page=100",
    "records included": f"{_OWN}/records?decision=include",
    "records undecided": f"{_OWN}/records?decision=undecided",
    "records without abstract": f"{_OWN}/records?flag=no-abstract",
    "records of one search": f"{_OWN}/records?search=1",
    "records since 2020": f"{_OWN}/records?year_from=2020",
    "search, common word": f"{_OWN}/records?q={COMMON_WORD}",
    "search, two common words": f"{_OWN}/records?q={COMMON_WORD}+ra",
    "search, rare word": f"{_OWN}/records?q={RARE_WORD}",
    "flow": f"{_OWN}/harvest",
    "searches": f"{_OWN}/searches",
    "one search": f"{_OWN}/searches/1",
    "search log": f"{_OWN}/search-log",
    "progress": f"{_OWN}/plots/progress.svg",
    "protocol": f"{_OWN}/protocol",
    "team": f"{_OWN}/team",
    "incoming records": f"{_OWN}/pool",
    "conflicts": f"{_OWN}/conflicts",
}
HEAVY = {
    "duplicates": f"{_OWN}/duplicates",
    "questions": f"{_OWN}/duplicates/questions",
    "evaluation": f"{_OWN}/evaluation",
    "search check": f"{_OWN}/evaluation/search",
    "agreement": f"{_OWN}/agreement",
    "screening report": f"{_OWN}/screening-report",
    "likely misses": f"{_OWN}/likely-misses",
    "CSV": f"{_OWN}/exports/csv",
    "RIS": f"{_OWN}/exports/ris",
    "XLSX": f"{_OWN}/exports/xlsx",
}
PAGES = LIGHT | HEAVY


class _Browser:
    """Asks the application itself, without a server between."""

    def __init__(self, large: LargeReview, settings: Settings) -> None:
        self._app = create_app(settings, large.store)
        signed_in = browser(self._app, large.store, large.lead)
        cookies = "; ".join(f"{name}={value}" for name, value in signed_in.cookies.items())
        self._headers = [(b"host", b"127.0.0.1:8000"), (b"cookie", cookies.encode())]

    def ask(self, address: str) -> float:
        """Seconds of computing until a page has come, or the first byte of an export."""
        path, _, query = address.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": self._headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
            "state": {},
        }
        spent: list[float] = []
        status: list[int] = []

        asked: list[bool] = []
        enough = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if asked:
                # The client stays until it has what it wants.
                await enough.wait()
                return {"type": "http.disconnect"}
            asked.append(True)
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                status.append(message["status"])
            elif message.get("body") and "/exports/" in path:
                spent.append(time.process_time() - started)
                enough.set()
                await asyncio.sleep(0)

        started = time.process_time()
        asyncio.run(self._app(scope, receive, send))
        if status != [200]:
            raise SystemExit(f"{address} answered {status}")
        return spent[0] if spent else time.process_time() - started


def measure(
    large: LargeReview, settings: Settings, names: Sequence[str], repeats: int
) -> dict[str, Any]:
    """Milliseconds of computing of each page."""
    client = _Browser(large, settings)
    found = {}
    for name in names:
        client.ask(PAGES[name])
        spent = [1000 * client.ask(PAGES[name]) for _ in range(repeats)]
        found[name] = summary(spent)
        print(f"  {name}: {statistics.median(spent):,.0f} ms", flush=True)
    return found


def _work_out(large: LargeReview) -> dict[str, float]:
    """Have the figures worked out that heavy pages show, as the worker would; seconds of each."""
    spent = {}
    for kind in stored_results.KINDS:
        started = time.process_time()
        problem = stored_results.work_out(large.store, large.review.id, kind)
        if problem is not None:
            raise SystemExit(problem)
        spent[kind] = time.process_time() - started
        print(f"  working out {kind}: {spent[kind]:.1f} s", flush=True)
    return spent


def _prepare(folder: Path, size: int) -> tuple[LargeReview, Settings]:
    data = folder / f"pages-{size}"
    settings = load(data_dir=data)
    if (data / "winnow.db").is_file():
        return pages_store.open_prepared(settings), settings
    data.mkdir(parents=True)
    return pages_store.prepare(settings, size, say=lambda words: print(f"  {words}")), settings


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--pages", nargs="*", choices=list(PAGES), help="these pages only")
    parser.add_argument("--only", choices=["light", "heavy"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--stores", type=Path, help="a folder that keeps the stores")
    parser.add_argument("--quick", action="store_true", help="1,000 and 2,000 records only")
    parser.add_argument("--no-write", action="store_true", help="only print")
    chosen = parser.parse_args()
    sizes = [1_000, 2_000] if chosen.quick else sorted(chosen.sizes)
    if len(sizes) < 2:
        parser.error("growth needs two sizes at least")
    groups = {"light": LIGHT, "heavy": HEAVY}
    names = chosen.pages or list(groups.get(chosen.only, PAGES))
    lines = []
    with tempfile.TemporaryDirectory() as temporary:
        for size in sizes:
            print(f"{size:,} records")
            large, settings = _prepare(chosen.stores or Path(temporary), size)
            heavy = HEAVY.keys() & set(names)
            lines.append(
                {
                    "records": size,
                    "worked_out_s": _work_out(large) if heavy else {},
                    "pages": measure(large, settings, names, chosen.repeats),
                }
            )
            large.store.close()
    exponents = {
        name: exponent(sizes, [line["pages"][name]["median"] for line in lines]) for name in names
    }
    over = [name for name in names if lines[-1]["pages"][name]["median"] > BAR_MS]
    for name in names:
        print(f"{name}: grows with exponent {exponents[name]:.2f}")
    print(f"over {BAR_MS} ms: {', '.join(over) or 'none'}")
    if not chosen.no_write:
        figures = {"bar_ms": BAR_MS, "sizes": lines, "exponents": exponents, "over": over}
        write("grow_pages-quick" if chosen.quick else "grow_pages", figures)


if __name__ == "__main__":
    main()
