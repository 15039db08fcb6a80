"""The routers of the API, in the order in which paths are matched and documented."""

from __future__ import annotations

from api.routes import (
    agreement,
    assignments,
    bulk,
    conflicts,
    duplicates,
    evaluation,
    gold,
    harvests,
    likely_misses,
    living,
    marks,
    people,
    records,
    rescreens,
    reviews,
    screening,
    searches,
    team,
)

API_ROUTERS = tuple(
    module.router
    for module in (
        reviews,
        searches,
        records,
        gold,
        evaluation,
        duplicates,
        harvests,
        living,
        screening,
        conflicts,
        agreement,
        likely_misses,
        rescreens,
        people,
        team,
        marks,
        assignments,
        bulk,
    )
)
