"""The fields that the package nbib reads from a file of PubMed's format: FILE. Prints JSON."""

import json
import sys

import nbib


def fields(entry):
    """One record, by the names that the benchmark compares."""
    return {
        "title": entry.get("title"),
        "authors": [author["author"] for author in entry.get("authors", [])],
        "year": str(entry.get("publication_date") or ""),
        "venue": entry.get("journal") or entry.get("journal_abbreviated"),
        "volume": entry.get("journal_volume"),
        "pages": entry.get("pages"),
        "doi": entry.get("doi"),
        "pmid": entry.get("pubmed_id"),
        "abstract": entry.get("abstract"),
        "keywords": entry.get("keywords", [])
        + [d["descriptor"] for d in entry.get("descriptors", [])],
        "type": entry.get("publication_types", []),
    }


print(json.dumps([fields(entry) for entry in nbib.read_file(sys.argv[1])]))
