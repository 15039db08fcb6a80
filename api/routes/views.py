"""Rows of the store as the API's JSON."""

from __future__ import annotations

from api import schemas
from api.services.importing import ImportOutcome
from api.services.screening import Card, Hand
from api.services.telling import TELL
from store import records, searches
from store.decisions import DecisionInfo
from store.records import Counts, StoredRecord
from store.reviews import ReviewInfo
from store.session import ReadSession


def counts(found: Counts) -> schemas.CountsOut:
    """Counts of a review."""
    return schemas.CountsOut.model_validate(found)


def review(session: ReadSession, info: ReviewInfo) -> schemas.ReviewOut:
    """A review with its counts."""
    return schemas.ReviewOut(
        slug=info.slug,
        title=info.title,
        banner=info.banner,
        created_at=info.created_at,
        # To whom the morning summary goes is for leads, see GET …/telling.
        settings={key: value for key, value in info.settings.items() if key != TELL},
        counts=counts(records.counts(session, info.id)),
    )


def record(stored: StoredRecord) -> schemas.RecordOut:
    """A record with its decision."""
    own = stored.record
    return schemas.RecordOut(
        id=stored.id,
        report=stored.report_id,
        source=stored.source,
        source_id=stored.source_id,
        title=own.title,
        abstract=own.abstract,
        authors=[author.name for author in own.authors],
        year=own.year,
        venue=own.venue,
        volume=own.volume,
        issue=own.issue,
        pages=own.pages,
        doi=own.doi,
        pmid=own.pmid,
        pmcid=own.pmcid,
        urls=list(own.urls),
        language=own.language,
        types=list(own.types),
        keywords=list(own.keywords),
        flags=list(own.flags),
        active=stored.active,
        decision=stored.decision,
        decided_by=stored.decided_by,
        decided_at=stored.decided_at,
    )


def card(found: Card) -> schemas.CardOut:
    """A card of the queue."""
    return schemas.CardOut(
        report=found.report_id,
        text_hash=found.stored.text_hash,
        place=found.place,
        score=found.score,
        record=record(found.stored),
    )


def hand(found: Hand) -> schemas.QueueOut:
    """Cards and the ranking that ordered them."""
    return schemas.QueueOut(
        ranking=schemas.RankingOut.model_validate(found.ranking) if found.ranking else None,
        cards=[card(each) for each in found.cards],
        remaining=found.remaining,
        lost=sorted(found.lost),
        again=found.again,
    )


def decision(info: DecisionInfo) -> schemas.DecisionOut:
    """A line of the decision log."""
    return schemas.DecisionOut.model_validate(info)


def file(info: searches.BatchInfo) -> schemas.FileOut:
    """An imported file."""
    return schemas.FileOut.model_validate(info)


def search(info: searches.SearchInfo) -> schemas.SearchOut:
    """A search with its files."""
    return schemas.SearchOut.model_validate(info)


def imported(outcome: ImportOutcome) -> schemas.ImportOut:
    """What became of an imported file."""
    return schemas.ImportOut(
        file=file(outcome.batch),
        repeated=outcome.repeated,
        labelled=outcome.labelled,
        copies=outcome.copies,
        gold_added=outcome.gold_added,
        decisions_added=outcome.decisions_added,
        rejected=[schemas.RejectedOut.model_validate(entry) for entry in outcome.rejected],
    )
