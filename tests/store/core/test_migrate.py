"""Migrations: the schema they build, and databases of other versions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, select, text

from api.services.reviews.limits import set_in_force
from store.core import migrate
from store.core.errors import SchemaOutdated
from store.core.session import Store
from store.core.tables import ReportState
from store.core.tables.base import Base
from store.reports import counters, limits, pairs, record_counts
from store.reviews import imported_people, members, people, reviews
from store.screening import decision_log, imported_decisions
from store.searching import flow, searches

pytestmark = pytest.mark.both_databases


def test_models_and_migrations_agree(store: Store) -> None:
    assert migrate.find_schema_differences(store.engine) == []
    assert migrate.get_current_migration(store.engine) == migrate.get_newest_migration()
    migrate.check(store.engine)


def test_an_older_database_keeps_its_records(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'old.db'}", create=True)
    with store.engine.begin() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in (
            "INSERT INTO review (id, slug, title, settings, revision, created_at) "
            "VALUES (1, 'r', 'R', '{}', 0, '2026-01-01')",
            "INSERT INTO search (id, review_id, kind, source, created_at) "
            "VALUES (1, 1, 'file', 'PsycINFO', '2026-01-01')",
            "INSERT INTO batch (id, review_id, search_id, name, sha256, size, format, columns, "
            "notices, created_at) VALUES (1, 1, 1, 'a.ris', 'x', 1, 'ris', '{}', '[]', "
            "'2026-01-01')",
            "INSERT INTO report (id, review_id, active) VALUES (1, 1, 1)",
            "INSERT INTO record (id, review_id, report_id, source, source_id, authors, urls, "
            "types, keywords, notes, flags, extra, title_key, search_text, active, created_at) "
            "VALUES (1, 1, 1, 'psycinfo', 'a', '[]', '[]', '[]', '[]', '[]', '[]', '{}', '', '', "
            "1, '2026-01-01')",
            "INSERT INTO batch_entry (batch_id, position, record_id, fate) VALUES (1, 1, 1, 'new')",
            "INSERT INTO person (id, created_at) VALUES (1, '2026-01-01')",
            "INSERT INTO identity (person_id, name) VALUES (1, 'ada')",
            "INSERT INTO decision (id, review_id, report_id, person_id, stage, decision, "
            "protocol_version, token, recorded_at) VALUES (1, 1, 1, 1, 'title-abstract', "
            "'exclude', 1, 't', '2026-01-01')",
            "UPDATE report SET decision_id = 1, first_decision_id = 1",
        ):
            connection.execute(text(statement))
    with pytest.raises(SchemaOutdated, match="winnow init"):
        migrate.check(store.engine)
    migrate.upgrade(store.engine)
    assert migrate.find_schema_differences(store.engine) == []
    with store.read() as session:
        (search,) = searches.list_searches(session, 1)
        assert (search.received, search.batches[0].new, search.batches[0].held) == (1, 1, False)
        assert flow.count_flow(session, 1).screened == 1
        # The decision belongs to the record that was shown, and still counts.
        (line,) = decision_log.list_log(session, 1, seen_by=None)
        assert (line.record_id, line.report_id, line.counts) == (1, 1, True)
        assert decision_log.list_decided_on_title(session, 1) == []
        assert line.person == "ada"
        assert imported_people.list_imported_people(session, 1) == []
        assert imported_decisions.list_imported(session, 1, seen_by=None) == []
        # People who could do everything become owners of every review.
        assert members.get_role(session, 1, 1) == "owner"
        assert [member.screens for member in members.list_members(session, 1)] == [True]
        assert record_counts.count_reports(session, 1).exclude == 1
        # Its limits leave nothing out until a lead says so.
        assert not limits.are_in_force(session, 1)
        # The next worker compares its records.
        assert pairs.list_reviews_to_compare(session) == [1]
    # Only this version allows filtered entries.
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE batch_entry SET fate = 'filtered'"))
    store.close()


@pytest.mark.case("service", 4)
def test_of_two_people_with_the_same_name_the_later_gets_a_number(database_url: str) -> None:
    store = Store(database_url)
    with store.engine.begin() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        if store.dialect == "postgresql":
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        else:
            connection.execute(text("PRAGMA foreign_keys = OFF"))
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(text(f"DROP TABLE {table.name}"))
            connection.execute(text("DROP TABLE alembic_version"))
        command.upgrade(config, "0018")
    names = ("lead", "ann", "LEAD", "Ｌｅａｄ", "LEAD (2)", "ANN")
    with store.engine.begin() as connection:
        for number, name in enumerate(names, start=1):
            row = {"id": number, "name": name, "password": str(number)}
            for statement in (
                "INSERT INTO person (id, created_at) VALUES (:id, '2026-01-01')",
                "INSERT INTO identity (person_id, name, password_hash) "
                "VALUES (:id, :name, :password)",
            ):
                connection.execute(text(statement), row)
    migrate.upgrade(store.engine)
    assert migrate.find_schema_differences(store.engine) == []
    with store.read() as session:
        assert [person.name for person in people.list_people(session)] == [
            "lead",
            "ann",
            "LEAD (3)",
            "Ｌｅａｄ (4)",
            "LEAD (2)",
            "ANN (2)",
        ]
        assert [person.former_name for person in people.list_renamed_people(session)] == [
            "LEAD",
            "Ｌｅａｄ",
            "ANN",
        ]
        assert people.get_person_by_name(session, "Lead").id == 1
        assert [str(people.get_password_hash(session, id_)) for id_ in (1, 3, 4)] == ["1", "3", "4"]
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def older_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty database without tables."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    if request.param == "postgresql":
        prefix = request.getfixturevalue("postgres_url")
        engine = create_engine(f"{prefix}postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE before_states"))
        engine.dispose()
        url = f"{prefix}before_states"
    store = Store(url, create=True)
    yield store
    store.close()


def test_an_upgrade_keeps_states_and_gives_full_texts_their_own(older_store: Store) -> None:
    store = older_store
    decision = (
        "INSERT INTO decision (id, review_id, report_id, record_id, person_id, stage, decision, "
        "protocol_version, token, supersedes, recorded_at) VALUES "
        "({0}, 1, {1}, {1}, 1, '{2}', '{3}', 1, 't{0}', {4}, '2026-01-01')"
    )
    with store.engine.begin() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0018")
        for statement in (
            "INSERT INTO review (id, slug, title, settings, revision, regrouped, created_at) "
            "VALUES (1, 'r', 'R', '{}', 0, 0, '2026-01-01')",
            "INSERT INTO person (id, created_at) VALUES (1, '2026-01-01')",
            "INSERT INTO report (id, review_id, active, state) VALUES (1, 1, true, 'open'), "
            "(2, 1, true, 'awaiting'), (3, 1, false, 'settled'), (4, 1, true, 'settled')",
            *(
                "INSERT INTO record (id, review_id, report_id, own_report_id, source, source_id, "
                "authors, urls, types, keywords, notes, flags, extra, title_key, search_text, "
                f"active, paired, notice, created_at) VALUES ({n}, 1, {n}, {n}, 'x', '{n}', '[]', "
                "'[]', '[]', '[]', '[]', '[]', '{}', '', '', true, true, false, '2026-01-01')"
                for n in (1, 2, 3, 4)
            ),
            decision.format(1, 2, "title-abstract", "include", "NULL"),
            decision.format(2, 3, "title-abstract", "exclude", "NULL"),
            decision.format(3, 4, "title-abstract", "include", "NULL"),
            decision.format(4, 4, "full-text", "exclude", "NULL"),
            decision.format(5, 3, "full-text", "include", "NULL"),
            decision.format(6, 3, "full-text", "undo", "5"),
            decision.format(7, 2, "full-text", "maybe", "NULL"),
            "UPDATE report SET first_decision_id = 1 WHERE id = 2",
            "UPDATE report SET decision_id = 2, first_decision_id = 2 WHERE id = 3",
            "UPDATE report SET decision_id = 3, first_decision_id = 3 WHERE id = 4",
        ):
            connection.execute(text(statement))
    migrate.upgrade(store.engine)
    assert migrate.find_schema_differences(store.engine) == []
    with store.read() as session:
        rows = session.scalars(
            select(ReportState).order_by(ReportState.stage.desc(), ReportState.report_id)
        )
        found = [
            (row.stage, row.report_id, row.active, row.outcome, row.decision_id, row.state)
            for row in rows
        ]
    assert found == [
        ("title-abstract", 1, True, "open", None, "open"),
        ("title-abstract", 2, True, "awaiting", None, "awaiting"),
        ("title-abstract", 3, False, "exclude", 2, "settled"),
        ("title-abstract", 4, True, "include", 3, "settled"),
        ("full-text", 2, True, "awaiting", None, "awaiting"),
        ("full-text", 4, True, "exclude", 4, "settled"),
    ]
    with store.read() as session:
        counts = record_counts.count_reports(session, 1)
        assert counters.find_differences(session) == counters.find_wrong_reports(session) == {}
        assert counters.find_missing_triggers(session) == []
    assert (counts.records, counts.without_abstract) == (3, 3)
    assert (counts.reports, counts.include, counts.awaiting, counts.not_screened) == (3, 1, 1, 1)


def test_an_empty_and_a_newer_database_get_different_messages(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaOutdated, match="newer"):
        migrate.check(store.engine)
    with store.engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    with pytest.raises(SchemaOutdated, match="winnow init"):
        migrate.check(store.engine)


def test_an_upgrade_moves_no_report_and_a_lead_then_leaves_those_outside_out(
    tmp_path: Path,
) -> None:
    store = Store(f"sqlite:///{tmp_path / 'old.db'}", create=True)
    record = (
        "INSERT INTO record (id, review_id, report_id, own_report_id, source, source_id, year, "
        "authors, urls, types, keywords, notes, flags, extra, title_key, search_text, active, "
        "paired, notice, created_at) VALUES ({0}, 1, {0}, {0}, 'x', '{0}', {1}, '[]', '[]', '[]', "
        "'[]', '[]', '[]', '{{}}', '', '', 1, 1, 0, '2026-01-01')"
    )
    with store.engine.begin() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0015")
        for statement in (
            "INSERT INTO review (id, slug, title, settings, revision, regrouped, created_at) "
            "VALUES (1, 'r', 'R', '{\"a\": 1}', 0, 0, '2026-01-01')",
            "INSERT INTO protocol (id, review_id, version, body, created_at) VALUES (1, 1, 1, "
            '\'{"limits": {"year_from": 2011, "year_to": 2022}}\', \'2026-01-01\')',
            "INSERT INTO person (id, created_at) VALUES (1, '2026-01-01')",
            "INSERT INTO report (id, review_id, active) VALUES (1, 1, 1), (2, 1, 1), (3, 1, 1)",
            *(record.format(number, year) for number, year in ((1, 2000), (2, 2001), (3, 2012))),
            "INSERT INTO decision (id, review_id, report_id, record_id, person_id, stage, "
            "decision, protocol_version, token, recorded_at) VALUES (1, 1, 1, 1, 1, "
            "'title-abstract', 'include', 1, 't', '2026-01-01')",
            "UPDATE report SET decision_id = 1, first_decision_id = 1, state = 'settled' "
            "WHERE id = 1",
        ):
            connection.exec_driver_sql(statement)
    migrate.upgrade(store.engine)
    with store.read() as session:
        counts = limits.count_limits(session, 1)
        assert (counts.in_force, counts.out_of_range) == (False, 0)
        assert (counts.still_in, counts.decided) == (1, 1)
        assert record_counts.count_reports(session, 1).reports == 3
        assert reviews.get_review(session, 1).settings["a"] == 1
    after = set_in_force(store, 1, True, person_id=1)
    assert (after.out_of_range, after.still_in, after.decided) == (1, 0, 1)
    with store.read() as session:
        assert limits.list_out_of_range(session, 1) == {2}
    store.close()
