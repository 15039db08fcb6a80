"""Read labelled duplicate sets, and score groups against their labels."""

from __future__ import annotations

import csv
import gzip
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.measuring import ROOT
from harvest.files.people import split_people
from harvest.identifiers import clean_doi
from harvest.record import Record
from harvest.text import clean_markup, find_year

SETS = ROOT.parent / "shared" / "data" / "dedupe"
POOLED = ("cytology_screening", "stroke", "diabetes", "digital_work", "tafenoquine")
APART = ("haematology", "nagtegaal")
MADE = ("perturbed_2k", "perturbed_10k", "perturbed_30k")
# Sets on which the rules were written; the others were used only to check them.
DEVELOPMENT = ("cytology_screening", "stroke", "diabetes", "digital_work")

# Labels that are wrong or contradict others of their set, each read by hand: pairs of record ids.
LABEL_ERRORS: Mapping[str, Mapping[frozenset[str], str]] = {
    "stroke": {
        frozenset(("id_0000892", "id_0000893")): "one dissertation in two indexes, labelled apart; "
        "id_0000009 and id_0000010, the same case, are labelled together"
    },
    "haematology": {
        frozenset(("id_0000001", "id_0000002")): "the same article, its title missing on one side",
        frozenset(("id_0000002", "id_0000003")): "the same article, its title missing on one side",
    },
    "nagtegaal": {
        frozenset(("1017", "1018")): "one abstract, one title with its subtitle",
        frozenset(("1895", "1896")): "one abstract, one title with its subtitle",
        frozenset(("1961", "1962")): "one abstract, British and American spelling",
        frozenset(("613", "614")): "one abstract, one title with its subtitle",
    },
}


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a set, as strings."""
    with gzip.open(SETS / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def record(row: Mapping[str, str], position: int = 1) -> Record:
    """A row as the importer would read it."""
    return Record(
        position=position,
        title=clean_markup(row["title"]),
        abstract=clean_markup(row["abstract"]),
        authors=tuple(split_people(row["authors"])),
        year=find_year(row["year"]),
        venue=clean_markup(row["journal"]),
        volume=row["volume"] or None,
        issue=row["issue"] or None,
        pages=row["pages"] or None,
        doi=clean_doi(row["doi"]),
    )


def read_clusters(path: Path) -> dict[str, str]:
    """Record id to cluster id from a CSV with these two columns, whatever their names."""
    with path.open(encoding="utf-8", newline="") as stream:
        lines = csv.reader(stream)
        next(lines)
        return {row[0]: row[1] for row in lines}


def _groups(own: Mapping[str, str]) -> list[list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for record_id, cluster in own.items():
        groups[cluster].append(record_id)
    return list(groups.values())


def pairs(groups: Iterable[Iterable[str]]) -> Iterator[frozenset[str]]:
    """All pairs of records that share a group."""
    for members in groups:
        for pair in itertools.combinations(members, 2):
            yield frozenset(pair)


def score(name: str, truth: Mapping[str, str], found: Mapping[str, str]) -> dict[str, Any]:
    """Compare groups with labels.

    A work is *lost*, so that nobody would read it, if it is not the main work of any group.
    ``left`` is the number of copies that stay: groups beyond one for each work. Pairs of
    ``LABEL_ERRORS`` count as false in the figures; they are listed with the reason.
    """
    known = LABEL_ERRORS.get(name, {})
    wanted, got = set(pairs(_groups(truth))), set(pairs(_groups(found)))
    groups = _groups(found)
    seen = {Counter(truth[i] for i in members).most_common(1)[0][0] for members in groups}
    lost = sorted(set(truth.values()) - seen)
    false = sorted(sorted(pair) for pair in got - wanted)
    exact = {frozenset(members) for members in groups} & {
        frozenset(members) for members in _groups(truth)
    }
    return {
        "records": len(truth),
        "works": len(set(truth.values())),
        "true_pairs": len(wanted),
        "merged_pairs": len(got),
        "right_pairs": len(got & wanted),
        "precision": len(got & wanted) / len(got) if got else 1.0,
        "recall": len(got & wanted) / len(wanted) if wanted else 1.0,
        "false_pairs": [
            {"a": a, "b": b, "label_error": known.get(frozenset((a, b)))} for a, b in false[:30]
        ],
        "false_pairs_total": len(false),
        "label_errors": sum(frozenset(pair) in known for pair in false),
        "works_lost": len(lost),
        "works_lost_not_by_label_errors": sum(
            not any(truth[i] == work for pair in known for i in pair if frozenset(pair) in got)
            for work in lost
        ),
        "copies_left": len(groups) - len(set(truth.values())) + len(lost),
        "clusters_exact": len(exact) / len(set(truth.values())),
        "pair_f1": 2 * len(got & wanted) / (len(got) + len(wanted)) if got or wanted else 1.0,
    }
