"""The sample review: its protocol, known studies, strategy and records."""

from __future__ import annotations

import csv
from pathlib import Path

from api import resources
from api.services.reviews.protocols import read_protocol_file
from api.services.searching import importing, strategies
from store.core.session import Store, WriteSession
from store.reviews import reviews
from store.reviews.reviews import NewReview, ReviewInfo
from store.searching import gold


def load_sample(store: Store, person_id: int) -> tuple[ReviewInfo, bool]:
    """Create the sample review, unless it exists; then it is left as it is with its decisions.

    Returns:
        The review, and whether it was created now.
    """
    folder = resources.configs() / "reviews" / resources.SAMPLE
    head, body = read_protocol_file(folder / "protocol.toml")
    with store.write() as session:
        for review in reviews.list_reviews(session):
            if review.slug == head["slug"]:
                return review, False
        review = reviews.create_review(
            session,
            NewReview(head["slug"], head["title"], body.stored(), banner=head["banner"]),
            person_id=person_id,
        )
        _add_sample_gold(session, review.id, folder / "known-relevant.csv", person_id)
        strategy = resources.toml(folder / "strategy.toml")
        strategies.save_version(session, review.id, strategy, reason=None, person_id=person_id)
    sample = folder / "sample.jsonl"
    request = importing.ImportRequest(
        search_fields={
            "source": "Records put together by hand for the sample",
            "route": "other",
            "exported": len(sample.read_text(encoding="utf-8").splitlines()),
            "searcher": "the developers of Winnow",
        }
    )
    with sample.open("rb") as stream:
        importing.import_file(store, review.id, stream, sample.name, request, person_id=person_id)
    return review, True


def _add_sample_gold(session: WriteSession, review_id: int, path: Path, person_id: int) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        records = [
            gold.NewGold(
                title=row["title"] or None,
                year=int(row["year"]) if row["year"] else None,
                doi=row["doi"] or None,
                pmid=row["pmid"] or None,
                source_id=row["source_id"] or None,
                search_use=row["search_use"],
                ranking_use=row["ranking_use"],
            )
            for row in csv.DictReader(file)
        ]
    gold.add_gold(session, review_id, records, list_name=path.name, person_id=person_id)
