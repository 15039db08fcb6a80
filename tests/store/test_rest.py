"""People, reviews, rankings, gold lists, audit trail, migrations, raw uploads, jobs."""

from __future__ import annotations

import datetime as dt
from array import array
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import select, text, update

from api.protocol import ProtocolBody
from store import (
    audit,
    decisions,
    flow,
    gold,
    jobs,
    members,
    migrate,
    pairs,
    people,
    rankings,
    records,
    reviews,
    searches,
    uploads,
)
from store.errors import AlreadyUsed, NotFound, SchemaOutdated
from store.gold import NewGold
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store
from store.tables import AuditEvent
from tests.store.made import add_records

MINUTE = dt.timedelta(minutes=1)


def test_models_and_migrations_agree(store: Store) -> None:
    assert migrate.differences(store.engine) == []
    assert migrate.current(store.engine) == migrate.head()
    migrate.check(store.engine)


def test_an_older_database_keeps_its_records(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'old.db'}")
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
    assert migrate.differences(store.engine) == []
    with store.read() as session:
        (search,) = searches.everything(session, 1)
        assert (search.received, search.batches[0].new, search.batches[0].held) == (1, 1, False)
        assert flow.flow(session, 1).screened == 1
        # The decision belongs to the record that was shown, and stands.
        (line,) = decisions.log(session, 1, seen_by=None)
        assert (line.record_id, line.report_id, line.counts) == (1, 1, True)
        assert decisions.on_title_alone(session, 1) == []
        # Who was everything everywhere owns what there was.
        assert members.role_of(session, 1, 1) == "owner"
        assert records.counts(session, 1).exclude == 1
        # Its records are compared by the next worker.
        assert pairs.due(session) == [1]
    # Only now may an entry be filtered.
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE batch_entry SET fate = 'filtered'"))
    store.close()


def test_an_empty_or_newer_database_is_told_apart(store: Store) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaOutdated, match="newer"):
        migrate.check(store.engine)
    with store.engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    with pytest.raises(SchemaOutdated, match="winnow init"):
        migrate.check(store.engine)


def test_a_login_link_works_once_and_only_in_time(store: Store, person: PersonInfo) -> None:
    with store.write() as session:
        link = people.make_link(session, person.id, valid=MINUTE)
        late = people.make_link(session, person.id, valid=-MINUTE)
    with store.write() as session:
        assert people.redeem_link(session, link) == person
    for bad in (link, late, "unknown"):
        with store.write() as session, pytest.raises(NotFound, match="not valid any more"):
            people.redeem_link(session, bad)


def test_secrets_are_not_in_the_database(store: Store, person: PersonInfo) -> None:
    with store.write() as session:
        made = [
            people.make_link(session, person.id, valid=MINUTE),
            people.open_session(session, person.id, valid=MINUTE),
            people.make_token(session, person.id, "t")[1],
        ]
    with store.engine.connect() as connection:
        for table in ("login_link", "web_session", "api_token"):
            rows = str(connection.execute(text(f"SELECT * FROM {table}")).all())
            assert not any(secret in rows for secret in made)


def test_sessions_and_tokens_name_their_person_until_they_end(
    store: Store, person: PersonInfo
) -> None:
    with store.write() as session:
        cookie = people.open_session(session, person.id, valid=MINUTE)
        old = people.open_session(session, person.id, valid=-MINUTE)
        info, token = people.make_token(session, person.id, "t")
    with store.read() as session:
        assert people.by_session(session, cookie) == person
        assert people.by_session(session, old) is None
        assert people.by_token(session, token) == person
    with store.write() as session:
        people.close_session(session, cookie)
        people.revoke_token(session, person.id, info.id)
        with pytest.raises(NotFound):
            people.revoke_token(session, person.id + 1, info.id)
    with store.read() as session:
        assert people.by_session(session, cookie) is None
        assert people.by_token(session, token) is None


def test_setting_a_password_signs_out_everywhere(store: Store, person: PersonInfo) -> None:
    with store.write() as session:
        cookie = people.open_session(session, person.id, valid=MINUTE)
        people.set_password_hash(session, person.id, "hash")
    with store.read() as session:
        assert people.by_session(session, cookie) is None
        assert people.password_hash(session, person.id) == "hash"


def test_names_and_short_names_are_taken_once(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session, pytest.raises(AlreadyUsed, match="ada"):
        people.create(session, "ada")
    with store.write() as session, pytest.raises(AlreadyUsed, match="review"):
        reviews.create(session, slug="review", title="x", protocol={}, person_id=None)


def test_a_protocol_is_versioned_and_the_same_text_makes_no_version(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    changed = ProtocolBody(inclusion=("x",)).stored()
    with store.write() as session:
        for _ in range(2):
            version = reviews.add_protocol(
                session, review.id, changed, person_id=person.id, reason="why"
            )
            assert version == 2
        newest, first = reviews.protocols(session, review.id)
    assert (newest.body, newest.reason, newest.person) == (changed, "why", "ada")
    assert first.version == 1


def _ranking(revision: int, ids: list[int]) -> rankings.NewRanking:
    return rankings.NewRanking(
        revision=revision,
        pipeline="p",
        pipeline_hash="0" * 64,
        encoder=None,
        seed=0,
        n_decisions=0,
        n_include=0,
        last_decision_id=None,
        cold_start=True,
        warm=False,
        seconds=0.1,
        detail={"head_starts": {"question": 0.25}},
        report_ids=array("q", ids),
        scores=array("f", [float(n) for n in ids]),
    )


def test_the_newest_ranking_is_read_and_old_orders_are_let_go(
    store: Store, review: ReviewInfo
) -> None:
    with store.write() as session:
        saved = [rankings.save(session, review.id, _ranking(n, [3, 1, n])) for n in range(8)]
    with store.read() as session:
        newest = rankings.newest(session, review.id)
        assert newest is not None
        assert (newest.id, newest.size) == (saved[-1], 3)
        order = rankings.order(session, review.id, newest.id)
        assert order.report_ids.tolist() == [3, 1, 7]
        assert order.scores.tolist() == [3.0, 1.0, 7.0]
        for gone in (saved[0], newest.id + 1):
            with pytest.raises(NotFound, match="not kept"):
                rankings.order(session, review.id, gone)


def test_a_ranking_is_due_when_something_changed_since(store: Store, review: ReviewInfo) -> None:
    with store.read() as session:
        assert rankings.due(session) == []
    add_records(store, review.id, 2)
    with store.write() as session:
        assert rankings.due(session) == [review.id]
        revision = reviews.by_id(session, review.id).revision
        rankings.save(session, review.id, _ranking(revision, [1]))
        assert rankings.due(session) == []
        reviews.touch(session, review.id)
        assert rankings.due(session) == [review.id]


def test_a_gold_record_is_listed_once_and_uses_are_checked(
    store: Store, review: ReviewInfo
) -> None:
    one = NewGold("One", year=2012, doi="10.1000/a")
    with store.write() as session:
        assert gold.add(session, review.id, [one, one], list_name="l", person_id=None) == 1
        assert gold.add(session, review.id, [one], list_name="m", person_id=None) == 0
        with pytest.raises(ValueError, match="search use"):
            gold.add(session, review.id, [NewGold("x", search_use="?")], list_name="l", person_id=1)
        gold.set_use(
            session,
            review.id,
            "l",
            search_use="development",
            ranking_use="seed",
            person_id=None,
        )
        (listed,) = gold.everything(session, review.id)
        assert (listed.search_use, listed.ranking_use) == ("development", "seed")
        gold.remove(session, review.id, "l", person_id=None)
        assert gold.everything(session, review.id) == []
        versions = reviews.protocols(session, review.id)
    # The list is versioned with the protocol: added, its uses changed, removed.
    named = [v.body.get("known_relevant", []) for v in versions]
    assert [len(lists) for lists in named] == [0, 1, 1, 0]
    assert (named[1][0]["validation"], named[2][0]["validation"]) == (0, 1)
    assert named[1][0]["sha256"] != named[2][0]["sha256"]


def test_the_audit_trail_shows_a_changed_and_a_removed_event(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        for number in range(3):
            audit.append(
                session, "made", review_id=review.id, person_id=person.id, detail={"n": number}
            )
    with store.read() as session:
        assert audit.first_broken(session) is None
        ids = list(session.scalars(select(AuditEvent.id).order_by(AuditEvent.id)))
        assert audit.events(session, review.id)[0].detail == {"n": 2}
    with store.write() as session:
        session.execute(update(AuditEvent).where(AuditEvent.id == ids[2]).values(action="forged"))
    with store.read() as session:
        assert audit.first_broken(session) == ids[2]
    with store.write() as session:
        session.execute(text("DELETE FROM audit_event WHERE id = :id"), {"id": ids[-1]})
        session.execute(update(AuditEvent).where(AuditEvent.id == ids[2]).values(action="made"))
    with store.read() as session:
        assert audit.first_broken(session) == -1


def test_an_upload_waits_until_it_is_imported_or_forgotten(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        made = uploads.add(
            session, review.id, person.id, name="f", sha256="0" * 64, size=3, chunks=[b"abc"]
        )
        uploads.confirm(session, made, {"labels": "gold"})
        assert uploads.by_id(session, made, review.id).request == {"labels": "gold"}
        with pytest.raises(NotFound):
            uploads.by_id(session, made, review.id + 1)
        uploads.remove(session, made)
        with pytest.raises(NotFound):
            uploads.by_id(session, made)


def test_all_jobs_under_way_are_shown_and_one_that_never_ended_can_be_closed(
    store: Store, review: ReviewInfo
) -> None:
    with store.write() as session:
        first = jobs.begin(session, review.id, "import")
    with store.write() as session:
        second = jobs.begin(session, review.id, "import")
    with store.read() as session:
        assert [job.id for job in jobs.newest(session, review.id)] == [second, first]
    with store.write() as session:
        jobs.interrupted(session, kind="import", review_id=review.id)
        second = jobs.begin(session, review.id, "import", total=9)
        jobs.advance(session, second, done=4, total=9)
    with store.read() as session:
        (newest,) = jobs.newest(session, review.id)
    assert (newest.id, newest.state, newest.done, newest.total) == (second, "running", 4, 9)


def test_a_write_that_raises_leaves_nothing(store: Store, review: ReviewInfo) -> None:
    with pytest.raises(RuntimeError), store.write() as session:
        people.create(session, "half")
        raise RuntimeError
    with store.read() as session, pytest.raises(NotFound):
        people.by_name(session, "half")
