"""Known studies of a review, and the jobs that answer questions about its ranking."""

from __future__ import annotations

from store.core import jobs
from store.core.session import Store
from store.reports import record_texts
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.searching import gold
from tests.api.corpus import corpus


def add_gold(
    store: Store, review: ReviewInfo, person: PersonInfo, titles: list[str], use: str = "held_out"
) -> None:
    chosen = [gold.NewGold(title, ranking_use=use) for title in titles]
    with store.write() as session:
        gold.add_gold(session, review.id, chosen, list_name="list", person_id=person.id)


def start_job(store: Store, review: ReviewInfo, kind: str) -> int:
    with store.write() as session:
        return jobs.start_job(session, review.id, kind)


def newest_job(store: Store, review: ReviewInfo, kind: str) -> jobs.JobInfo:
    with store.read() as session:
        return next(job for job in jobs.list_recent_jobs(session, review.id) if job.kind == kind)


def titles_by_report(store: Store, review: ReviewInfo) -> dict[int, str]:
    with store.read() as session:
        return {
            text.report_id: str(text.title)
            for text in record_texts.list_report_texts(session, review.id)
        }


def corpus_with_gold(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> tuple[dict[int, bool], list[int]]:
    """A corpus with eight known studies, and a ninth that is shown to the ranking."""
    truth = corpus(store, review, person)
    relevant = [report for report in truth if truth[report]]
    titles = titles_by_report(store, review)
    add_gold(store, review, person, [titles[report] for report in relevant[:8]])
    add_gold(store, review, person, [titles[relevant[8]]], "seed")
    return truth, relevant
