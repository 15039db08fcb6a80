"""`winnow verify`: what it counts again, what it finds, and what it corrects."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from api.services.reviews import verifying
from api.services.searching.flow_counting import count_flow
from store.core.session import Store
from store.reports import counters
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.api.command_line import Run, result
from tests.api.histories import History
from tests.shared import on_postgresql
from tests.store.between import Between
from tests.store.builders import add_records, join
from tests.store.deciding import decide, lease

# What makes each check fail.
_DAMAGE = {
    "counts of reports": "UPDATE report_count SET number = number + 1 WHERE kind = 'open'",
    "records of reports": "UPDATE report SET records = 7",
    "what keeps the counts": {
        "sqlite": "DROP TRIGGER count_record_added",
        "postgresql": "DROP TRIGGER count_record_added ON record",
    },
    "states of reports": "UPDATE report_state SET outcome = 'exclude' WHERE outcome = 'include'",
    "files and flow": "UPDATE batch SET n_new = 7",
    "cards that people hold": "DELETE FROM membership WHERE person_id = 2",
    "audit trail": "UPDATE audit_event SET action = 'other' WHERE id = 1",
}


def failing(store: Store) -> set[str]:
    return {check.name for check in verifying.verify(store) if not check.ok}


@pytest.mark.parametrize("check", list(verifying.CHECKS))
def test_each_check_finds_what_it_is_for(
    store: Store, review: ReviewInfo, person: PersonInfo, check: str
) -> None:
    with store.write() as session:
        bo = join(session, review.id, "bo")
    ranked = add_records(store, review.id, 4)
    decide(store, review, person, ranked[0], "include")
    assert lease(store, review, bo, ranked, 2)
    assert failing(store) == set()
    damage = _DAMAGE[check]
    with store.engine.begin() as connection:
        connection.execute(text(damage if isinstance(damage, str) else damage[store.dialect]))
    assert check in failing(store)
    verifying.repair_counts(store)
    # Only counts and what keeps them; a decision is nobody's to correct.
    correctable = {
        "counts of reports",
        "records of reports",
        "what keeps the counts",
        "files and flow",
    }
    assert failing(store) == ({check} - correctable)


def test_what_went_wrong_without_triggers_is_corrected_with_them(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    add_records(store, review.id, 2)
    count_flow(store, review.id)
    with store.engine.begin() as connection:
        for name in sorted(counters.TRIGGERS):
            table = name.removeprefix("count_").rpartition("_")[0]
            table = {"entry": "batch_entry", "rejected": "batch_rejected"}.get(table, table)
            place = f" ON {table}" if store.dialect == "postgresql" else ""
            connection.execute(text(f"DROP TRIGGER {name}{place}"))
    decide(store, review, person, add_records(store, review.id, 2)[0], "include")
    wrong = {"counts of reports", "records of reports", "what keeps the counts", "files and flow"}
    assert failing(store) == wrong
    verifying.repair_counts(store)
    assert failing(store) == set()
    # From now on they are kept again.
    decide(store, review, person, add_records(store, review.id, 2)[0], "include")
    assert failing(store) == set()


@on_postgresql
@pytest.mark.parametrize("repair", [False, True])
def test_what_others_change_meanwhile_is_no_problem_and_is_not_repaired(
    store: Store, database_url: str, review: ReviewInfo, person: PersonInfo, repair: bool
) -> None:
    other = Store(database_url, busy_seconds=0.05)
    add_records(store, review.id, 1)
    new: list[int] = []

    def change() -> None:
        new[:] = add_records(other, review.id, 2)
        decide(other, review, person, new[0], "include")

    at, statements = 1, 1
    while at <= statements:
        with Between(store, at, change) as between:
            if repair:
                verifying.repair_counts(store)
            else:
                assert failing(store) == set(), f"statement {at}"
        at, statements = at + 1, max(statements, between.seen)
        with store.read() as session:
            assert counters.find_differences(session) == {}, f"statement {at}"
            assert counters.find_wrong_reports(session) == {}, f"statement {at}"
    other.close()
    assert statements >= 5


def test_a_lived_in_review_passes_all_checks(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        bo = join(session, review.id, "bo")
        people = [person, bo, join(session, review.id, "di", "adjudicator")]
    history = History(store, review, people)
    for step in (*("import", "compare", "two people"), *("decide",) * 9, "settle", "judge", "undo"):
        history.do(step)
    assert failing(store) == set()


def test_the_command_lists_problems_and_repairs_counts(here: Run, tmp_path: Path) -> None:
    here("init", "--name", "ada")
    here("review", "add", "r", "--question", "What works?")
    file = tmp_path / "f.csv"
    file.write_text("title\nOne study of many\nAnother study of few\n")
    here("import", str(file))
    number = len(verifying.CHECKS)
    assert f"All {number} checks passed." in here("verify").stdout
    store = Store(f"sqlite:///{next(tmp_path.rglob('winnow.db'))}")
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE report_count SET number = 9 WHERE kind = 'open'"))
    found = result(here("verify", "--json"), code=1)
    (wrong,) = [check for check in found["checks"] if not check["ok"]]
    assert wrong["problems"] == ["review 1, title-abstract, open: 9 stored, 2 counted"]
    shown = here("verify")
    assert shown.returncode == 1
    assert "winnow verify --repair" in shown.stdout
    assert result(here("verify", "--repair", "--json")) | {"checks": []} == {
        "ok": True,
        "repaired": 1,
        "checks": [],
    }
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE report_count SET number = 9 WHERE kind = 'open'"))
    assert "Corrected 1 problem." in here("verify", "--repair").stdout
    store.close()
