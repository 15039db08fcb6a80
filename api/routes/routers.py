"""The routers of the API, in the order in which paths are matched and documented."""

from __future__ import annotations

from api.routes import (
    agreement,
    assignments,
    bulk,
    conflicts,
    duplicates,
    evaluation,
    figures,
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

# Those asked most come first: each request is compared with one route after the other.
API_ROUTERS = tuple(
    module.router
    for module in (
        screening,
        reviews,
        searches,
        records,
        gold,
        evaluation,
        figures,
        duplicates,
        harvests,
        living,
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
