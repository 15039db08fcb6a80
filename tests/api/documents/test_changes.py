"""The latest changes of a review are sentences."""

from __future__ import annotations

import ast
import datetime as dt
import re

import pytest

from api.documents import changes
from store.core.audit import AuditEntry
from store.core.tables import ACTS
from tests.project.test_walls import ROOT, modules

MOMENT = dt.datetime(2026, 11, 29, tzinfo=dt.UTC)


def actions() -> set[str]:
    """Every action that the code appends to the audit trail of a review."""
    found = {f"event.{act}" for act in ACTS} | {
        f"pair.{label}" for label in ("same", "related", "different")
    }
    for path in modules():
        for call in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(call, ast.Call) and is_in_review(call):
                found |= {
                    node.value
                    for node in call.args
                    if isinstance(node, ast.Constant)
                    and re.fullmatch(r"[a-z]+\.[a-z-]+", str(node.value))
                }
    return found


def is_in_review(call: ast.Call) -> bool:
    """Whether a call appends an event of a review; the overview shows no others."""
    name = ast.unparse(call.func)
    named = any(keyword.arg == "review_id" for keyword in call.keywords)
    return name.endswith("_record_change") or (name.endswith("append_event") and named)


def test_every_action_of_the_audit_trail_has_a_sentence_and_no_sentence_is_left_over() -> None:
    assert len(actions()) > 40
    assert actions() == set(changes.SENTENCES)


@pytest.mark.parametrize(
    ("action", "detail", "person", "text"),
    [
        (
            "file.imported",
            {"name": "psycinfo.ris", "records": 1204},
            "Ruth",
            "Ruth imported 1,204 records from psycinfo.ris",
        ),
        (
            "search.assigned",
            {"search": 3, "to": "pool", "reason": "too late"},
            "Ruth",
            "Ruth moved search 3 to incoming records: too late",
        ),
        ("search.assigned", {"search": 3, "to": "review"}, "Bo", "Bo moved search 3 to the review"),
        ("person.removed", {"person": 7}, "Bo", "Bo left the review"),
        ("person.removed", {"person": 8}, "Bo", "Bo removed a person from the review"),
        (
            "person.removed",
            {"person": 8},
            None,
            "The server's administrator removed a person from the review",
        ),
        ("run.ended", {"run": 3}, None, "Winnow finished run 3"),
        ("run.begun", {}, None, "Winnow run.begun"),
        ("file.withdrawn", {}, "Bo", "Bo withdrew (no name)"),
        ("bulk.done", {"records": 7}, "Bo", "Bo did a bulk action"),
        (
            "protocol.version",
            {"version": 2, "reason": "older ages"},
            "Ruth",
            "Ruth saved version 2 of the protocol: older ages",
        ),
    ],
)
def test_a_change_says_who_did_what_and_why(
    action: str, detail: dict[str, object], person: str | None, text: str
) -> None:
    person_id = 7 if person else None
    assert changes.sentence(AuditEntry(1, MOMENT, person_id, person, action, detail)) == text
