"""List every vendor export among the recorded files: database, platform, records, rejected.

Run: python -m benchmarks.vendors (seconds). The files are read where they are; one that cannot be
read is listed with the reason that a user would see.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmarks.measuring import write
from harvest.errors import UnreadableFile
from harvest.files.read import read_file
from tests.shared import IMPORTS

# Folders with exports of databases and platforms; the others hold those of reference managers.
_FOLDERS = (
    *("asreview", "citesource", "colrev", "colrev-loader", "metaknowledge"),
    *("zotero-OVIDTagged", "zotero-WebOfScienceTagged", "ASySD", "dedupe-sweep"),
)
_JABREF = (
    *("Ovid", "Isi", "Endnote.", "refer", "Inspec", "IEEE", "MedlinePlain", "Nbib"),
    "RisImporterTestScopus",
)


def files() -> list[Path]:
    """The vendor files, by name."""
    found = [p for folder in _FOLDERS for p in (IMPORTS / folder).rglob("*") if p.is_file()]
    found += [
        p
        for p in (IMPORTS / "jabref").iterdir()
        if p.name.startswith(_JABREF) and p.suffix != ".bib"
    ]
    return sorted(p for p in found if ".expected" not in p.name and "generic" not in p.name)


def row(path: Path) -> dict[str, Any]:
    """How a file is read."""
    name = str(path.relative_to(IMPORTS))
    try:
        with path.open("rb") as stream:
            found = read_file(stream)
    except UnreadableFile as error:
        return {"file": name, "refused": error.message}
    return {
        "file": name,
        "format": found.format,
        "database": found.origin.database,
        "platform": found.origin.platform,
        "records": len(found.records),
        "rejected": len(found.rejected),
        "strategy": found.origin.strategy is not None,
    }


def main() -> None:
    """Write benchmarks/results/vendors.json."""
    if not IMPORTS.is_dir():
        sys.exit("The recorded files are not here.")
    write("vendors", {"files": [row(path) for path in files()]})


if __name__ == "__main__":
    main()
