"""The curve of includes found follows from the decision log, whatever has happened."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from api.protocol import ProtocolBody
from store.core import migrate
from store.core.session import ReadSession
from store.core.tables import (
    BulkDecision,
    Decision,
    Outdated,
    RecordRow,
    ReportState,
    Rescreen,
)
from store.reports import state_check
from store.reviews import members, reviews
from store.reviews.reviews import NewReview
from store.rules.plans import TITLE_ABSTRACT
from store.screening import decision_labels
from tests.api.histories import History
from tests.shared import on_sqlite
from tests.store.reports.test_counters import FIXED, history

__all__ = ["history"]

_numbers = itertools.count()
_READ = ("own", "look", "consensus", "adjudication")
# What moves a report's first decision by reading, some steps together.
_ACTS = (
    *(("import",), ("decide",), ("decide", "decide", "decide"), ("decide by file",)),
    *(("decide in bulk",), ("undo bulk",), ("undo",), ("undo", "decide"), ("settle",)),
    *(("rescreen",), ("one person", "rescreen"), ("rescreen", "decide"), ("withdraw rescreen",)),
    *(("one person",), ("two people",), ("compare",), ("judge",), ("split",), ("withdraw",)),
    *(("begin import", "end import"), ("undo judgement",)),
)


def find_by_log(session: ReadSession, review_id: int) -> tuple[int, list[int]]:
    """What ``find_includes_read`` gives, from the log of decisions, one by one."""
    log = session.scalars(select(Decision).order_by(Decision.id)).all()
    undone = {line.supersedes for line in log if line.decision == "undo"}
    in_force = select(Rescreen.id).where(Rescreen.withdrawn_at.is_(None))
    outdated = session.scalars(
        select(Outdated.decision_id).where(Outdated.rescreen_id.in_(in_force))
    ).all()
    in_bulk = session.scalars(select(BulkDecision.decision_id)).all()
    out = undone | {*outdated, *in_bulk}
    report_of = {
        row[0]: row[1] for row in session.execute(select(RecordRow.id, RecordRow.report_id))
    }
    first: dict[int, int] = {}
    for line in log:
        read = line.kind in _READ and line.decision != "undo" and line.id not in out
        if read and line.stage == TITLE_ABSTRACT:
            first.setdefault(report_of[line.record_id or 0], line.id)
    states = session.scalars(
        select(ReportState).where(
            ReportState.review_id == review_id,
            ReportState.stage == TITLE_ABSTRACT,
            ReportState.state == "settled",
            ReportState.active.is_(True),
        )
    )
    outcomes = {row.report_id: row.outcome for row in states}
    order = sorted((id_ for id_ in first if id_ in outcomes), key=first.__getitem__)
    return len(order), [
        place for place, id_ in enumerate(order, start=1) if outcomes[id_] == "include"
    ]


def check(lived: History, step: str) -> tuple[int, list[int]]:
    with lived.store.read() as session:
        found = decision_labels.find_includes_read(session, lived.review.id)
        assert found == find_by_log(session, lived.review.id), step
    return found


def test_a_history_of_every_kind_of_change_leaves_the_curve_right(history: History) -> None:
    curves = []
    for step in FIXED:
        history.do(step)
        curves.append(check(history, step))
    for acts in _ACTS * 2:
        for step in acts:
            history.do(step)
            curves.append(check(history, step))
    # Neither always empty nor always the same.
    assert len({(read, len(includes)) for read, includes in curves}) > 10


def test_an_upgrade_finds_what_was_read_first(history: History) -> None:
    for step in (*FIXED, *itertools.chain(*_ACTS), "import", "import", "decide by file"):
        history.do(step)
    assert history.do("decide in bulk")
    for step in ("import", "one person", *["decide"] * 12, "undo"):
        history.do(step)
    right = check(history, "before")
    assert right[1]
    with history.store.engine.begin() as connection:
        for statement in (
            "DROP INDEX ix_report_state_read",
            "DROP INDEX ix_bulk_decision_decision",
            "ALTER TABLE report_state DROP COLUMN first_read_id",
            "UPDATE alembic_version SET version_num = '0029'",
        ):
            connection.execute(text(statement))
    migrate.upgrade(history.store.engine)
    assert migrate.find_schema_differences(history.store.engine) == []
    assert check(history, "after") == right
    with history.store.read() as session:
        assert list(state_check.find_wrong_states(session)) == []


@on_sqlite
@settings(max_examples=40)
@given(seed=st.integers(0, 2**16), acts=st.lists(st.sampled_from(_ACTS), max_size=20))
def test_any_history_leaves_the_curve_right(
    history: History, seed: int, acts: list[tuple[str, ...]]
) -> None:
    lead, *others = history.people
    with history.store.write() as session:
        new = NewReview(f"c{next(_numbers)}", "A review", ProtocolBody().stored())
        review = reviews.create_review(session, new, person_id=lead.id)
        for other in others:
            role = "adjudicator" if other is others[-1] else "reviewer"
            members.add_member(session, review.id, other.id, role, by=lead.id)
    lived = History(history.store, review, history.people, random.Random(seed))
    for step in ("import", "import", *itertools.chain(*acts)):
        lived.do(step)
        check(lived, step)


@pytest.mark.parametrize("first_step", ["decide by file", "decide in bulk"])
def test_a_record_decided_without_reading_is_placed_where_somebody_reads_it(
    history: History, first_step: str
) -> None:
    history.import_records()
    assert history.do(first_step)
    assert check(history, first_step) == (0, [])
    for number in range(12):
        history.do("decide")
        check(history, f"decide {number}")
    read, _ = check(history, "")
    assert read > 0
