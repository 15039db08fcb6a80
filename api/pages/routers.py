"""The routers of all pages, in the order in which paths are matched."""

from __future__ import annotations

from api.pages import (
    agreement,
    bulk,
    conflicts,
    duplicates,
    evaluation,
    gold,
    harvests,
    invitations,
    likely_misses,
    living,
    marks,
    protocols,
    records,
    rescreens,
    reviews,
    screening,
    screening_report,
    searches,
    session,
    team,
)

PAGE_ROUTERS = tuple(
    module.router
    for module in (
        session,
        reviews,
        evaluation,
        records,
        protocols,
        searches,
        harvests,
        living,
        duplicates,
        gold,
        screening,
        conflicts,
        agreement,
        screening_report,
        likely_misses,
        rescreens,
        team,
        invitations,
        marks,
        bulk,
    )
)
