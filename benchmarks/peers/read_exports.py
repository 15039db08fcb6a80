"""Other programs' readers on Winnow's exports, by their own interpreter: FOLDER, JSON to stdout.

ASReview reads its three formats as when a project is made; rispy reads RIS, pandas CSV and XLSX.
"""

import json
import sys
from pathlib import Path

import pandas as pd
import rispy
from asreview.data.ris import RISReader
from asreview.data.tabular import CSVReader, ExcelReader

READERS = {".ris": RISReader, ".csv": CSVReader, ".xlsx": ExcelReader}
FIELDS = ("title", "abstract", "authors", "keywords", "year", "doi", "url", "included")


def asreview(path):
    """The records of an ASReview project made from this file."""
    records = READERS[path.suffix].read_records(path, "export")
    return [{name: getattr(record, name) for name in FIELDS} for record in records]


def plain(path):
    """What a script reads: dictionaries of rispy, or rows of pandas with texts as they are."""
    if path.suffix == ".ris":
        with path.open(encoding="utf-8") as stream:
            return rispy.load(stream)
    if path.suffix == ".csv":
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    else:
        frame = pd.read_excel(path, dtype=str, keep_default_na=False)
    return frame.to_dict("records")


def attempt(read, path):
    """What a reader finds, or what it refuses the file with."""
    try:
        return read(path)
    except Exception as error:  # noqa: BLE001 - a reader may raise anything
        return f"{type(error).__name__}: {error}"


def main():
    """Read every export in a folder."""
    found = {
        path.name: {"asreview": attempt(asreview, path), "plain": attempt(plain, path)}
        for path in sorted(Path(sys.argv[1]).iterdir())
        if path.suffix in READERS
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
