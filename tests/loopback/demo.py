"""`make demo-harvest`: search three simulated sources at once, kill, resume, and print the log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.loopback.corpus import corpus
from tests.loopback.server import Loopback, World

ROOT = Path(__file__).parents[2]
STRATEGY = "configs/reviews/childrens-services-integration/strategy.toml"


def main() -> None:
    """Go through a search from the strategy to its log, and show every command."""
    server = Loopback(World(corpus(3000), delay=0.05))
    folder = Path(tempfile.mkdtemp(prefix="winnow-demo-"))
    environment = {
        **os.environ,
        **server.environment(),
        "WINNOW_DATA_DIR": str(folder / "data"),
        # Small pages, so that the kill comes in the middle of each run.
        "WINNOW_SOURCES__PUBMED__PAGE_SIZE": "50",
        "WINNOW_SOURCES__EUROPEPMC__PAGE_SIZE": "50",
    }

    def command(*arguments: str) -> list[str]:
        print(f"\n$ winnow {' '.join(arguments)}", flush=True)
        return [sys.executable, "-m", "api.cli", *arguments]

    def winnow(*arguments: str) -> int:
        return subprocess.run(
            command(*arguments), env=environment, cwd=ROOT, check=False, stdin=subprocess.DEVNULL
        ).returncode

    try:
        print(
            f"PubMed, Europe PMC and OpenAlex are simulated at {server.address}, with a made-up corpus."
        )
        winnow("init")
        winnow("review", "add", "demo", "--title", "Children's services, a demonstration")
        winnow("strategy", "save", STRATEGY)
        winnow("harvest", "run", "--source", "openalex")
        print("\nThat was refused: OpenAlex has no MeSH. A person accepts the loss in writing.")
        words = "lines 1 to 4 hold the words"
        for source, kind in (("openalex", "thesaurus"), ("europepmc", "explosion")):
            winnow(*("strategy", "accept", "--source", source, "--kind", kind, "--reason", words))
        process = subprocess.Popen(command("harvest", "run"), env=environment, cwd=ROOT)
        while not _under_way(server):
            time.sleep(0.05)
        time.sleep(0.3)
        process.kill()
        process.wait()
        print("\nKilled (SIGKILL) in the middle of three runs. What is stored:")
        winnow("harvest", "status")
        failed = winnow("harvest", "resume")
        log = folder / "search-log.md"
        winnow("export", "--what", "search-log", "--output", str(log))
        shown = subprocess.run(
            command("harvest", "status", "--json"),
            env=environment,
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        runs = json.loads(shown.stdout)["runs"]
        whole = all(run["state"] == "complete" for run in runs) and not failed
        print("\nEvery hit was received, none twice." if whole else "\nSomething is missing.")
        print(f"The search log: {log}")
    finally:
        server.close()
    sys.exit(0 if whole else 1)


def _under_way(server: Loopback) -> bool:
    """Whether all three sources have given records."""
    asked = server.world.asked
    return (
        any(service == "efetch.fcgi" for service, _ in asked.get("pubmed", []))
        and any(values.get("resultType") == "core" for _, values in asked.get("europepmc", []))
        and any("cursor" in values for _, values in asked.get("openalex", []))
    )


if __name__ == "__main__":
    main()
