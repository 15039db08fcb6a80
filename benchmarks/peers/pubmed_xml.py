"""The peers' readers of PubMed XML, run by their own interpreter: NAME FILE RUNS.

Prints one JSON object: records, fields filled, seconds of each run.
"""

import gzip
import json
import sys
import time

FIELDS = (
    *("pmid", "title", "abstract", "authors", "venue", "year", "volume", "issue", "pages", "doi"),
    *("pmcid", "language", "types", "keywords"),
)


def pubmed_parser(path):
    """pubmed_parser, whose one function reads these fields and some more."""
    import pubmed_parser as peer

    names = {
        "pmid": "pmid",
        "title": "title",
        "abstract": "abstract",
        "authors": "authors",
        "venue": "journal",
        "year": "pubdate",
        "volume": "issue",
        "issue": "issue",
        "pages": "pages",
        "doi": "doi",
        "pmcid": "pmc",
        "language": "languages",
        "types": "publication_types",
        "keywords": "keywords",
    }
    for article in peer.parse_medline_xml(path):
        if not article["delete"]:
            yield {field: article.get(name) for field, name in names.items()}


def biopython(path):
    """Biopython's Entrez.read, with the same fields taken from what it gives.

    Its Entrez.parse refuses a PubmedArticleSet: by the DTD that is no list.
    """
    from Bio import Entrez

    with gzip.open(path) as stream:
        for article in Entrez.read(stream)["PubmedArticle"]:
            citation = article["MedlineCitation"]
            inner = citation["Article"]
            journal = inner.get("Journal", {})
            issue = journal.get("JournalIssue", {})
            ids = article.get("PubmedData", {}).get("ArticleIdList", [])
            yield {
                "pmid": str(citation["PMID"]),
                "title": str(inner.get("ArticleTitle", "")),
                "abstract": " ".join(
                    f"{part.attributes.get('Label', '')} {part}"
                    for part in inner.get("Abstract", {}).get("AbstractText", [])
                ),
                "authors": [
                    str(a.get("CollectiveName", "")) or f"{a.get('LastName')}, {a.get('ForeName')}"
                    for a in inner.get("AuthorList", [])
                ],
                "venue": str(journal.get("Title", "")),
                "year": issue.get("PubDate", {}).get("Year")
                or issue.get("PubDate", {}).get("MedlineDate"),
                "volume": issue.get("Volume"),
                "issue": issue.get("Issue"),
                "pages": inner.get("Pagination", {}).get("MedlinePgn"),
                "doi": next((str(i) for i in ids if i.attributes["IdType"] == "doi"), None),
                "pmcid": next((str(i) for i in ids if i.attributes["IdType"] == "pmc"), None),
                "language": inner.get("Language"),
                "types": [str(kind) for kind in inner.get("PublicationTypeList", [])],
                "keywords": [str(h["DescriptorName"]) for h in citation.get("MeshHeadingList", [])]
                + [str(word) for words in citation.get("KeywordList", []) for word in words],
            }


READERS = {"pubmed_parser": pubmed_parser, "biopython": biopython}


def main():
    """Read the file so many times."""
    name, path, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        found = list(READERS[name](path))
        seconds.append(time.perf_counter() - started)
    filled = {field: sum(bool(record[field]) for record in found) for field in FIELDS}
    print(json.dumps({"records": len(found), "filled": filled, "seconds": seconds}))


if __name__ == "__main__":
    main()
