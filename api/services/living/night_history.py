"""The nights of a review so far, and how up to date each source is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harvest.http import masked
from store.core.session import ReadSession
from store.searching import nights
from store.searching.nights import NightInfo
from store.searching.runs import run_outlines
from store.searching.runs.run_outlines import RunOutline


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How up to date a source is.

    Attributes:
        last: day of the last run that got everything it asked for.
        whole: day of the last such run that asked for all records.
        failing: how many of the newest nights in a row it has failed.
        why: why it failed in the newest of them.
    """

    source: str
    last: dt.date | None
    whole: dt.date | None
    failing: int
    why: str | None

    def age(self, today: dt.date) -> int | None:
        """Days since it was last up to date; None if it never was."""
        return None if self.last is None else (today - self.last).days

    @property
    def up_to_date(self) -> str:
        """Since when it is up to date, in words."""
        return f"up to date since {self.last}" if self.last else "never searched completely"


@dataclass(frozen=True, slots=True)
class NightHistory:
    """Nights, newest first, and the sources in order of name."""

    nights: tuple[NightInfo, ...]
    checked: tuple[SourceStatus, ...]


def get_history(session: ReadSession, review_id: int) -> NightHistory:
    """The newest hundred nights of a review, and how up to date each source is."""
    return NightHistory(
        nights=tuple(nights.list_nights(session, review_id)),
        checked=tuple(list_source_status(session, review_id)),
    )


def list_source_status(session: ReadSession, review_id: int) -> list[SourceStatus]:
    """How up to date each source of a review is, in order of name."""
    runs_by_source: dict[str, list[RunOutline]] = {}
    for run in run_outlines.list_run_outlines(session, review_id):
        runs_by_source.setdefault(run.source, []).append(run)
    newest_first = nights.list_nights(session, review_id)
    names = sorted({*runs_by_source, *(name for night in newest_first for name in night.problems)})
    return [_status(name, runs_by_source.get(name, []), newest_first) for name in names]


def _status(
    name: str, runs: Sequence[RunOutline], newest_first: Sequence[NightInfo]
) -> SourceStatus:
    good = [run for run in runs if run.good]
    failures = _failures(name, {run.night_id: run for run in runs}, newest_first)
    return SourceStatus(
        source=name,
        last=max((run.day for run in good), default=None),
        whole=max((run.day for run in good if run.mode == "whole"), default=None),
        failing=len(failures),
        why=masked(failures[0]) if failures else None,
    )


def _failures(
    name: str, run_of_night: Mapping[int | None, RunOutline], newest_first: Sequence[NightInfo]
) -> list[str]:
    """Why a source failed in the nights since it last succeeded, newest first."""
    failures = []
    for night in newest_first:
        if night.ended_at is None:
            continue
        run = run_of_night.get(night.id)
        if run is not None and run.good:
            break
        reason = night.problems.get(name) or (run.stop_reason if run else None)
        # A run that a later night took over counts as that night's.
        if reason is not None:
            failures.append(reason)
    return failures
