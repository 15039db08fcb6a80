"""Queries for cards and decisions use keys, however many records a review has.

SQLite chooses between two indexes without knowing how many rows share a value. With conditions on
both review and report, it reads all records of the review.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from api.app import create_app
from api.settings import Settings
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.api.people import api_client, browser, set_dual_plan
from tests.store.builders import add_records, join

# Reads every record of a review, or of all reviews.
_WHOLE = re.compile(
    r"SCAN record\b|SEARCH record USING (COVERING )?INDEX ix_record_review\w+ \(review_id=\?\)"
)


@contextmanager
def whole_readings(store: Store) -> Iterator[list[str]]:
    """Statements run meanwhile that read all records, according to SQLite's planner."""
    found: list[str] = []
    asked: dict[str, bool] = {}

    def look(
        _connection: Any, cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> None:
        if "record" not in statement or not statement.lstrip().startswith(("SELECT", "UPDATE")):
            return
        if statement not in asked:
            plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            asked[statement] = any(_WHOLE.search(row[3]) for row in plan.fetchall())
            if asked[statement]:
                found.append(" ".join(statement.split()))

    event.listen(store.engine, "before_cursor_execute", look)
    yield found
    event.remove(store.engine, "before_cursor_execute", look)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_cards_and_decisions_never_scan_all_records(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    add_records(store, review.id, 60)
    with store.write() as session:
        bo, cy = (join(session, review.id, name) for name in ("bo", "cy"))
    app = create_app(settings, store)
    lead, other = api_client(app, store, person), api_client(app, store, bo)
    page = browser(app, store, bo)
    set_dual_plan(lead, review.slug)
    own = f"/api/v1/reviews/{review.slug}"
    with whole_readings(store) as found:
        for client in (lead, other):
            hand = client.post(f"{own}/queue/next", json={"n": 5}).json()
            reports = [card["report"] for card in hand["cards"]]
            for number, report in enumerate(reports):
                decision = ("include", "exclude")[(number + (client is lead)) % 2]
                body = {"token": f"{client is lead} {number}", "report": report}
                sent = client.post(f"{own}/decisions", json=body | {"decision": decision})
                assert sent.status_code == 200
            client.post(f"{own}/marks", json={"report": reports[0], "kind": "star", "text": ""})
        undo = {"token": "u", "undoes": "False 0", "report": reports[0]}
        assert other.post(f"{own}/decisions/undo", json=undo).status_code == 200
        page.get(f"/reviews/{review.slug}/records/{hand['cards'][1]['record']['id']}")
        page.get(f"/reviews/{review.slug}/screen")
        for client in (lead, other):
            assert client.post(f"{own}/queue/next", json={"n": 50}).json()["cards"]
            client.post(f"{own}/queue/next", json={"n": 50})
        last = api_client(app, store, cy)
        while (hand := last.post(f"{own}/queue/next", json={"n": 50}).json())["cards"]:
            for card in hand["cards"]:
                body = {"token": f"cy {card['report']}", "report": card["report"]}
                last.post(f"{own}/decisions", json=body | {"decision": "exclude"})
        assert hand["end"]["state"] in ("held", "others")
    assert found == []
