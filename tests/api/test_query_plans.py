"""What is asked for each card and decision goes by keys, however many records a review has.

SQLite chooses between two indexes without knowing how many rows share a value: a condition on the
review beside one on the report makes it read all records of the review.
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
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from tests.api.test_conflicts import api, dual
from tests.api.test_team import browser
from tests.store.made import add_records, join

# Reads every record of a review, or of all reviews.
_WHOLE = re.compile(
    r"SCAN record\b|SEARCH record USING (COVERING )?INDEX ix_record_review\w+ \(review_id=\?\)"
)


@contextmanager
def whole_readings(store: Store) -> Iterator[list[str]]:
    """Statements meanwhile that go through all records, as SQLite's planner says."""
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
def test_cards_and_decisions_do_not_go_through_all_records(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> None:
    add_records(store, review.id, 60)
    with store.write() as session:
        bo = join(session, review.id, "bo")
    app = create_app(settings, store)
    lead, other = api(app, store, person), api(app, store, bo)
    page = browser(app, store, bo)
    dual(lead, review.slug)
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
    assert found == []
