"""What the newest order knows and how far it is behind, in plain words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from api.wording import count_noun
from model.vector_files import list_set_aside
from store.core import jobs
from store.core.session import ReadSession
from store.reviews import reviews
from store.screening import decision_labels
from store.screening.rankings import RankingInfo

# Days for which a review's overview says that a file of vectors was damaged.
_NEWS_DAYS = 7


def describe_state(session: ReadSession, review_id: int, ranking: RankingInfo | None) -> list[str]:
    """Sentences on what the newest order does not know yet; empty if it is up to date.

    Args:
        session: a transaction.
        review_id: the review.
        ranking: its newest; None before the first.
    """
    if ranking is None:
        return []
    sentences = []
    meaning = ranking.detail.get("meaning")
    if meaning and not meaning["complete"]:
        sentences.append(_describe_meaning(meaning, _count_known(session, review_id, meaning)))
    if reviews.get_review(session, review_id).revision > ranking.revision:
        decisions = decision_labels.count_training_labels(session, review_id)
        if decisions > ranking.n_decisions:
            sentences.append(
                f"This order has learned from {ranking.n_decisions:,} of {decisions:,} decisions."
            )
    return sentences


def _count_known(session: ReadSession, review_id: int, meaning: Mapping[str, Any]) -> int:
    """How many records have been read for their meaning by now."""
    for job in jobs.list_recent_jobs(session, review_id):
        if job.kind == "embedding" and job.state == "running":
            left = job.total - job.done
            return max(int(meaning["known"]), int(meaning["of"]) - left)
    return int(meaning["known"])


def _describe_meaning(meaning: Mapping[str, Any], now: int) -> str:
    of = count_noun(int(meaning["of"]), "record")
    words = f"The order uses the words of all {of}"
    if meaning["used"]:
        return f"{words}, and the meaning of {int(meaning['known']):,} so far."
    return f"{words}. It does not use their meaning yet; {now:,} have been read for it so far."


def describe_damage(folder: Path, today: dt.date) -> list[str]:
    """Sentences on files of vectors that were found damaged in the last days.

    Args:
        folder: the vectors of all encoders.
        today: the day, in UTC.
    """
    recent = [one for one in list_set_aside(folder) if (today - one.day).days <= _NEWS_DAYS]
    if not recent:
        return []
    files = count_noun(len(recent), "file")
    was, it = ("was", "it") if len(recent) == 1 else ("were", "them")
    return [
        f"{files} with what Winnow read from records {was} damaged, last found on "
        f"{recent[-1].day:%Y-%m-%d}. Winnow set {it} aside and is reading those records again. "
        "No record and no decision is affected."
    ]


def explain_damage(folder: Path) -> str:
    """All files of vectors that were set aside, for the person who runs the server.

    Args:
        folder: the vectors of all encoders.
    """
    found = list_set_aside(folder)
    if not found:
        return "no file was found damaged"
    files = "\n".join(f"{one.path}, found damaged on {one.day:%Y-%m-%d}" for one in found)
    it = "it" if len(found) == 1 else "them"
    return f"{files}\nWinnow encodes these texts again. Check the disk; then you may delete {it}."
