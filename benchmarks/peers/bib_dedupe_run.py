"""bib-dedupe by its own interpreter: IN.csv OUT.csv CPUS. Its four steps as its README has them.

Writes ID,cluster per record and prints one JSON object with the seconds of each step.
"""

import json
import resource
import sys
import time

import pandas as pd
from bib_dedupe.bib_dedupe import block, cluster, match, prep


def main():
    """Run the four steps on one file."""
    source, target, cpus = sys.argv[1], sys.argv[2], int(sys.argv[3])
    frame = pd.read_csv(source, dtype=str, keep_default_na=False)
    frame = frame.rename(columns={"record_id": "ID", "authors": "author", "issue": "number"}).drop(
        columns=["cluster_id", "source"], errors="ignore"
    )
    frame["ENTRYTYPE"] = "article"
    frame["search_set"] = ""
    seconds = {}

    def timed(name, step, *arguments, **options):
        started = time.perf_counter()
        result = step(*arguments, verbosity_level=0, **options)
        seconds[name] = time.perf_counter() - started
        return result

    prepared = timed("prep", prep, frame, cpu=cpus)
    pairs = timed("block", block, prepared, cpu=cpus)
    matched = timed("match", match, pairs, cpu=cpus)
    found = timed("cluster", cluster, matched)
    own = {}
    for number, members in enumerate(found):
        for member in members:
            own[member] = f"c{number}"
    frame[["ID"]].assign(cluster=[own.get(i, f"u{i}") for i in frame["ID"]]).to_csv(
        target, index=False
    )
    usage = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    peak = max(resource.getrusage(who).ru_maxrss for who in usage) / 1024
    print(json.dumps({"seconds": seconds, "total": sum(seconds.values()), "peak_mib": peak}))


if __name__ == "__main__":
    main()
