"""Compare the fields read from real files with oracles and with other readers.

Run: python -m benchmarks.fields (a minute; ``make bench-peers`` first, for the package nbib).

1. Every file for which Zotero's, JabRef's or CoLRev's tests state what is right: agreement for each
   field, beside rispy, nbib and bibtexparser on the files of their formats. ``field_values`` says
   when two values are the same, ``field_exceptions`` where an oracle is wrong.
2. Every other file: entries counted by their start marks must be records or refused entries, and
   the values are compared with those of the peer.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.entry_marks import count_entries
from benchmarks.field_exceptions import EXCEPTIONS
from benchmarks.field_readers import PEERS, read_bibtexparser, read_ours, read_zotero
from benchmarks.field_values import FIELDS, comparable
from benchmarks.measuring import write
from harvest.errors import UnreadableFile
from harvest.file_content import FileContent
from harvest.files.read import read_file
from tests.shared import IMPORTS

Values = dict[str, Any]
# JabRef numbers some of its oracles in another way than the files.
_RENAMED: Final = {
    f"OvidImporterTestBib{number}.bib": f"OvidImporterTest{number}" for number in range(1, 8)
}


def pairs() -> Iterator[tuple[Path, Path]]:
    """Each source file with its oracle."""
    for oracle in sorted(IMPORTS.rglob("*.expected-*")):
        case = oracle.name.split(".")[0]
        for source in sorted(oracle.parent.glob(f"{case}.*")):
            if ".expected-" not in source.name:
                yield source, oracle
    loader = IMPORTS / "colrev-loader"
    yield loader / "enl_data.enl", loader / "enl_data_expected.bib"
    yield loader / "pubmed-chatbot.csv", loader / "pubmed-chatbot-expected.bib"
    for oracle in sorted((IMPORTS / "jabref").glob("*.bib")):
        stem = _RENAMED.get(oracle.name, oracle.stem)
        for source in sorted(oracle.parent.glob(f"{stem}.*")):
            if source.suffix != ".bib":
                yield source, oracle


def _read_oracle(path: Path) -> list[Values]:
    raw = read_zotero(path) if path.suffix == ".json" else read_bibtexparser(path, decode=False)
    found = [comparable(item) for item in raw]
    for item in found:
        # JabRef's "misc" says that it found no type.
        item["type"] = item["type"] or ""
    return found


def _matched(expected: list[Values], found: list[Values]) -> list[Values]:
    """The record of each item: by place, or the most similar if the numbers differ."""
    if len(expected) == len(found):
        return found
    none: Values = dict.fromkeys(FIELDS, "")
    return [
        max(found, key=lambda one: sum(bool(one[f]) and one[f] == item[f] for f in FIELDS))
        if found
        else none
        for item in expected
    ]


def _left_out(name: str) -> set[str]:
    wrong = [one for one in EXCEPTIONS if one.file == name]
    return {field for one in wrong for field in (one.fields or FIELDS)}


def _read_peer(file_format: str, path: Path) -> tuple[str, list[Values] | None, str]:
    """The peer's name, its values, or why it has none."""
    if file_format not in PEERS:
        return "", None, ""
    name, read = PEERS[file_format]
    try:
        return name, [comparable(raw) for raw in read(path)], ""
    except Exception as error:  # noqa: BLE001 - what a peer raises is a result
        return name, [], type(error).__name__


def _short(value: object) -> str:
    text = ", ".join(value) if isinstance(value, list) else str(value)
    return text if len(text) <= 80 else f"{text[:60]}… ({len(text)} characters)"


class Tally:
    """Values stated by the oracles, and how many of them each reader gives."""

    def __init__(self) -> None:
        self.ours: Counter[tuple[str, str]] = Counter()
        self.peers: Counter[tuple[str, str, str]] = Counter()
        self.different: list[dict[str, str]] = []
        self.excepted: Counter[str] = Counter()

    def add(self, name: str, items: list[Values], ours: list[Values]) -> None:
        """Count Winnow's values of a file."""
        for at, (item, record) in enumerate(zip(items, ours, strict=True), start=1):
            for field in FIELDS:
                if field in _left_out(name):
                    self.excepted["winnow"] += bool(item[field]) and item[field] != record[field]
                    continue
                if not item[field]:
                    self.ours[field, "more"] += bool(record[field])
                    continue
                same = item[field] == record[field]
                self.ours[field, "stated"] += 1
                self.ours[field, "same"] += same
                if not same:
                    self.different.append(
                        {
                            "file": f"{name}, entry {at}",
                            "field": field,
                            "oracle": _short(item[field]),
                            "winnow": _short(record[field]),
                        }
                    )

    def add_peer(
        self, peer: str, name: str, items: list[Values], readers: tuple[list[Values], list[Values]]
    ) -> None:
        """Count the values of a file that a peer reads, and ours on the same file."""
        for item, own, others in zip(items, *readers, strict=True):
            for field in FIELDS:
                if field in _left_out(name):
                    self.excepted["peers"] += bool(item[field]) and item[field] != others[field]
                elif item[field]:
                    self.peers[peer, field, "stated"] += 1
                    self.peers[peer, field, "winnow"] += item[field] == own[field]
                    self.peers[peer, field, "peer"] += item[field] == others[field]


def with_oracles() -> dict[str, Any]:
    """Agreement with the oracles, for each field."""
    tally, files = Tally(), []
    for source, oracle in pairs():
        name = str(source.relative_to(IMPORTS))
        items = _read_oracle(oracle)
        row: dict[str, Any] = {"file": name, "oracle": oracle.name, "expected": len(items)}
        files.append(row)
        try:
            content = _read(source)
        except UnreadableFile as error:
            row["refused"] = error.message
            continue
        row |= {"format": content.format, "records": len(content.records)}
        row["rejected"] = len(content.rejected)
        ours = _matched(items, [comparable(raw) for raw in read_ours(content)])
        tally.add(name, items, ours)
        peer, theirs, why = _read_peer(content.format, source)
        if theirs is not None:
            row["peer"] = {"name": peer, "records": len(theirs), "error": why}
            tally.add_peer(peer, name, items, (ours, _matched(items, theirs)))
    names = [name for name, _ in PEERS.values()]
    return {
        "files": files,
        "fields": {
            field: {key: tally.ours[field, key] for key in ("stated", "same", "more")}
            for field in FIELDS
        },
        "peers": {
            peer: {
                field: {key: tally.peers[peer, field, key] for key in ("stated", "winnow", "peer")}
                for field in FIELDS
            }
            for peer in names
        },
        "different": tally.different,
        "with_exceptions": {key: tally.excepted[key] for key in ("winnow", "peers")},
        "exceptions": [one._asdict() for one in EXCEPTIONS],
    }


def _read(path: Path) -> FileContent:
    with path.open("rb") as stream:
        return read_file(stream)


def all_files() -> dict[str, Any]:
    """Entries of every file: those marked in it, records, refused ones; values beside a peer's."""
    rows: list[dict[str, Any]] = []
    agreed: Counter[tuple[str, str, str]] = Counter()
    for path in sorted(file for file in IMPORTS.rglob("*") if file.is_file()):
        if ".expected-" in path.name:
            continue
        row: dict[str, Any] = {"file": str(path.relative_to(IMPORTS))}
        rows.append(row)
        try:
            content = _read(path)
        except UnreadableFile as error:
            row["refused"] = error.message
            continue
        row |= {
            "format": content.format,
            "marked": count_entries(path, content.format),
            "records": len(content.records),
            "rejected": len(content.rejected),
        }
        peer, theirs, why = _read_peer(content.format, path)
        if theirs is None:
            continue
        row["peer"] = {"name": peer, "records": len(theirs), "error": why}
        if len(theirs) == len(content.records):
            _count_agreed(agreed, peer, [comparable(raw) for raw in read_ours(content)], theirs)
    names = [name for name, _ in PEERS.values()]
    kinds = ("same", "different", "only winnow", "only peer")
    return {
        "files": rows,
        "beside_peers": {
            peer: {field: {kind: agreed[peer, field, kind] for kind in kinds} for field in FIELDS}
            for peer in names
        },
    }


def _count_agreed(
    agreed: Counter[tuple[str, str, str]], peer: str, ours: list[Values], theirs: list[Values]
) -> None:
    for own, other in zip(ours, theirs, strict=True):
        for field in FIELDS:
            if own[field] == other[field]:
                agreed[peer, field, "same"] += bool(own[field])
            elif own[field] and other[field]:
                agreed[peer, field, "different"] += 1
            else:
                agreed[peer, field, "only winnow" if own[field] else "only peer"] += 1


def behind(found: dict[str, Any]) -> list[str]:
    """The fields in which a peer agrees with the oracles more often than Winnow does."""
    return [
        f"{peer}: {field}"
        for peer, fields in found["peers"].items()
        for field, numbers in fields.items()
        if numbers["peer"] > numbers["winnow"]
    ]


def main() -> None:
    """Write benchmarks/results/fields.json."""
    if not IMPORTS.is_dir():
        sys.exit("The recorded files are not here.")
    found = with_oracles()
    found["behind"] = behind(found)
    write("fields", {"oracles": found, "all": all_files()})
    print("behind a peer:", found["behind"] or "in no field")


if __name__ == "__main__":
    main()
