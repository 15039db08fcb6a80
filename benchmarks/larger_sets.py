"""Make larger sets like ``perturbed_*``: new works from parts of the old ones, and copies.

A new work has the title and abstract of an old one, with most longer words replaced by words drawn
from all titles in proportion to how often they occur. It has another work's authors and a random
place. (Joining halves of titles would make thousands begin alike, which no corpus does.) Three in
ten records are copies of a work, changed as in those sets: author format, "et al.", case, brackets,
a typing error, an abbreviated journal, page style, missing DOI, pages, issue or volume, a cut or
missing abstract, or a year that is one off.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.labelled import rows

COLUMNS = (
    *("record_id", "cluster_id", "title", "authors", "year", "journal", "volume", "issue"),
    *("pages", "doi", "abstract", "source"),
)
_COPIES = 0.3
_ABSTRACT = 600
_REDRAWN = 0.7


def redraw(text: str, words: list[str], rng: random.Random) -> str:
    """A text with most of its longer words replaced by others."""
    return " ".join(
        rng.choice(words) if len(word) > 3 and rng.random() < _REDRAWN else word
        for word in text.split()
    )


def _work(
    old: list[dict[str, str]], words: list[str], number: int, rng: random.Random
) -> dict[str, str]:
    one, two, three = rng.choice(old), rng.choice(old), rng.choice(old)
    page = rng.randint(1, 2400)
    return {
        "cluster_id": f"g{number}",
        "title": redraw(one["title"], words, rng),
        "authors": three["authors"],
        "year": str(rng.randint(1985, 2024)),
        "journal": rng.choice(old)["journal"] or one["journal"],
        "volume": str(rng.randint(1, 150)),
        "issue": str(rng.randint(1, 12)),
        "pages": f"{page}-{page + rng.randint(1, 19)}",
        "doi": f"10.{rng.randint(1000, 9999)}/g{number}" if rng.random() < 0.7 else "",
        "abstract": redraw(two["abstract"][:_ABSTRACT], words, rng),
        "source": "",
    }


def _typed_wrong(title: str, rng: random.Random) -> str:
    if len(title) < 12:
        return title
    place = rng.randrange(4, len(title) - 4)
    return title[:place] + title[place + 1 :]


def _shortened(journal: str) -> str:
    return " ".join(word[: 3 + len(word) % 3] for word in journal.split() if len(word) > 2)


def perturb(work: dict[str, str], rng: random.Random) -> dict[str, str]:
    """A copy of a record as another database would have it."""
    copy = dict(work)
    names = [name.strip() for name in copy["authors"].replace(" and ", ";").split(";")]
    style = rng.random()
    if style < 0.25:
        copy["authors"] = " and ".join(names)
    elif style < 0.35 and len(names) > 2:
        copy["authors"] = "; ".join([*names[:2], "et al."])
    elif style < 0.45:
        copy["authors"] = copy["authors"].upper()
    style = rng.random()
    if style < 0.15:
        copy["title"] = copy["title"].upper()
    elif style < 0.25:
        copy["title"] = f"[{copy['title']}]"
    elif style < 0.4:
        copy["title"] = _typed_wrong(copy["title"], rng)
    if rng.random() < 0.3:
        copy["journal"] = _shortened(copy["journal"])
    if rng.random() < 0.3:
        first, _, last = copy["pages"].partition("-")
        copy["pages"] = first if rng.random() < 0.3 else f"{first}-{last[-2:]}"
    for field, share in (("doi", 0.3), ("pages", 0.1), ("issue", 0.2), ("volume", 0.1)):
        if rng.random() < share:
            copy[field] = ""
    if rng.random() < 0.3:
        copy["abstract"] = copy["abstract"][: rng.randint(0, 300)]
    if rng.random() < 0.08:
        copy["year"] = str(int(copy["year"]) + rng.choice((-1, 1)))
    return copy


def grown(number: int, *, seed: int = 1) -> Iterator[dict[str, str]]:
    """A number of records, the same for the same seed. Ids count from ``r0000000``."""
    rng = random.Random(seed)
    old = [row for row in rows("perturbed_30k") if len(row["title"].split()) > 3]
    words = [word for row in old for word in row["title"].split() if len(word) > 3]
    recent: list[dict[str, str]] = []
    works = 0
    for place in range(number):
        if recent and rng.random() < _COPIES:
            row = perturb(rng.choice(recent), rng)
        else:
            row = _work(old, words, works, rng)
            works += 1
            # Copies lie up to some thousands of records apart, as in an update search.
            if len(recent) < 5000:
                recent.append(row)
            else:
                recent[rng.randrange(len(recent))] = row
        yield {"record_id": f"r{place:07d}", **row}


def write_grown(path: Path, number: int, *, seed: int = 1) -> None:
    """Write such a set to a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(grown(number, seed=seed))
