"""Searching words finds the same with a whole index, with a part of one and without."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text, update

from api.services.searching.indexing import build_search_index
from api.services.searching.record_keys import fold_words
from harvest.record import Author, Record
from harvest.text import fold
from store.core.session import Store
from store.core.tables import BatchEntry, RecordRow, Report
from store.reports import record_search
from store.reports.record_listing import RecordFilter, find_matching_reports, list_records
from store.reports.record_search import MOST_WORDS
from store.reviews.reviews import ReviewInfo
from store.screening.conflicts import ConflictFilter, find_conflicts
from tests.shared import on_postgresql, on_sqlite
from tests.store.builders import content, store_content

pytestmark = pytest.mark.both_databases

RECORDS = (
    Record(1, title="Home visiting for Families", abstract="Health visitors call.", year=2011),
    Record(2, title="Größe und Gesundheit", authors=(Author("Müller, K"),), doi="10.1000/a_b%c"),
    Record(3, title="Дети и семья", abstract="ab cde", notes=("visiting is a note",)),
    Record(4, title='He said "visit" 100% of the time', venue="O'Reilly\\Health", pmid="4711"),
    Record(5, title="The unhealthy visit", abstract="Two\nlines, and a visit-ing hyphen"),
    Record(6, title="儿童服务的整合", abstract="x" * 40),
)
# Words as a person types them, and the records that have all of them.
HITS = {
    "visit": {1, 4, 5},
    "VISITING": {1},
    "visiting health": {1},
    "health": {1, 4, 5},
    "ealth": {1, 4, 5},
    "he": {1, 2, 4, 5, 6},
    "h": {1, 2, 4, 5, 6},
    "h visit": {1, 4, 5},
    "of visit": {4},
    "müller": {2},
    "mueller": set(),
    "grosse": {2},
    "große": {2},
    "GRÖSSE": {2},
    "groesse": set(),
    "große 10.1000": {2},
    "gesundheit": {2},
    "a_b": {2},
    "_b%": {2},
    "a%c": set(),
    "%": {2, 4},
    "100%": {4},
    '"visit"': {4},
    '"': {4},
    "o'reilly\\health": {4},
    "\\": {4},
    "дети": {3},
    "Семья": {3},
    "note": set(),
    "ab cde": {3},
    "cde ab": {3},
    "abcde": set(),
    "b c": {2, 3},
    "2011": {1},
    "4711": {4},
    "visit-ing": {5},
    "lines, and": {5},
    "xxxxxxxx": {6},
    "儿童": {6},
    "and or near": set(),
    "visit*": set(),
    "-visit": set(),
    "visit OR families": {1},
    "": {1, 2, 3, 4, 5, 6},
    "  ": {1, 2, 3, 4, 5, 6},
}


def found(store: Store, review: ReviewInfo, words: str) -> set[int]:
    """Titles' places in RECORDS that the list of records finds."""
    with store.read() as session:
        total, listed = list_records(
            session, review.id, RecordFilter(text=fold(words)), offset=0, limit=50
        )
        matching = find_matching_reports(session, review.id, RecordFilter(text=fold(words)))
    assert total == len(listed) == len(matching)
    titles = [record.title for record in RECORDS]
    return {titles.index(each.record.title) + 1 for each in listed}


def read_plainly(records: Iterable[Record], words: str) -> set[int]:
    """The same by reading every text."""
    hits = set()
    for record in records:
        authors = " ".join(author.name for author in record.authors)
        parts = (record.title, record.abstract, authors, record.venue, record.doi, record.pmid)
        whole = fold(" ".join([*(part for part in parts if part), str(record.year or "")]))
        if all(word in whole for word in fold(words).split()):
            hits.add(record.position)
    return hits


def test_the_same_words_are_found_with_the_index_with_a_part_and_without(
    store: Store, review: ReviewInfo
) -> None:
    store_content(store, review.id, content(RECORDS[:3]))
    without = {words: found(store, review, words) for words in HITS}
    build_search_index(store)
    store_content(store, review.id, content(RECORDS[3:]))
    with_part = {words: found(store, review, words) for words in HITS}
    build_search_index(store)
    with_whole = {words: found(store, review, words) for words in HITS}
    assert without == {words: hits & {1, 2, 3} for words, hits in with_whole.items()}
    assert with_part == with_whole == {words: read_plainly(RECORDS, words) for words in HITS}
    with store.read() as session:
        state = record_search.get_index_state(session)
    assert (state.done, state.total, state.missing) == (6, 6, None)


def test_the_hits_are_those_of_the_list() -> None:
    assert {words: read_plainly(RECORDS, words) for words in HITS} == HITS


_LETTERS = st.text(alphabet="abé\"%_\\' ", max_size=9)


@on_sqlite
@settings(max_examples=30)
@given(
    texts=st.lists(_LETTERS, min_size=1, max_size=5),
    changed=_LETTERS,
    indexed=st.integers(0, 5),
    words=st.lists(_LETTERS, min_size=1, max_size=6),
)
def test_any_words_are_found_as_by_reading_every_text(
    store: Store,
    review: ReviewInfo,
    texts: list[str],
    changed: str,
    indexed: int,
    words: list[str],
) -> None:
    with store.write() as session:
        session.execute(delete(BatchEntry))
        session.execute(delete(RecordRow))
    store_content(store, review.id, content([Record(n, title="t") for n in range(len(texts))]))
    with store.write() as session:
        ids = session.scalars(select(RecordRow.id).order_by(RecordRow.id)).all()
        for number, own in zip(ids, texts, strict=True):
            session.execute(
                update(RecordRow).where(RecordRow.id == number).values(search_text=fold(own))
            )
        assert record_search.prepare_index(session)
        record_search.index_next_records(session, limit=indexed or 1)
        # A record whose text changes, whether it is in the index or not.
        session.execute(
            update(RecordRow).where(RecordRow.id == ids[0]).values(search_text=fold(changed))
        )
    held = [fold(changed), *map(fold, texts[1:])]
    for asked in [*words, *texts]:
        folded = fold(asked)
        with store.read() as session:
            hits = session.scalars(
                select(RecordRow.id).where(
                    *record_search.record_conditions(session, review.id, folded)
                )
            ).all()
        wanted = {
            number
            for number, own in zip(ids, held, strict=True)
            if all(word in own for word in folded.split())
        }
        assert set(hits) == wanted


@on_sqlite
def test_the_index_follows_what_changes_and_what_goes(store: Store, review: ReviewInfo) -> None:
    store_content(store, review.id, content(RECORDS))
    build_search_index(store)
    with store.write() as session:
        first, *_, last = session.scalars(select(RecordRow.id).order_by(RecordRow.id)).all()
        changed = update(RecordRow).where(RecordRow.id == first)
        session.execute(changed.values(search_text="zebra crossing"))
        session.execute(delete(BatchEntry).where(BatchEntry.record_id == last))
        session.execute(delete(RecordRow).where(RecordRow.id == last))
    assert found(store, review, "families") == set()
    assert found(store, review, "zebra") == {1}
    # SQLite gives the id of the record that went to the next one.
    store_content(store, review.id, content([RECORDS[5]]))
    assert found(store, review, "xxxxxxxx") == {6}
    with store.write() as session:
        session.execute(text("INSERT INTO record_search(record_search) VALUES('integrity-check')"))
        session.execute(text("DROP TRIGGER record_search_changed"))
    build_search_index(store)
    assert found(store, review, "zebra crossing") == {1}


@on_sqlite
@pytest.mark.case("service", 21)
def test_a_search_reads_only_the_texts_that_the_index_gives(
    store: Store, review: ReviewInfo
) -> None:
    store_content(store, review.id, content(RECORDS))
    build_search_index(store)
    with store.read() as session:
        query = (
            select(RecordRow.report_id)
            .join(Report, Report.id == RecordRow.report_id)
            .where(
                *record_search.record_conditions(session, review.id, "visit h"),
                RecordRow.active.is_(True),
                Report.active.is_(True),
            )
        )
        bind = session.connection()
        compiled = query.compile(bind, compile_kwargs={"render_postcompile": True})
        values = tuple(compiled.params[name] for name in compiled.positiontup or ())
        plan = bind.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values).all()
    steps = [row[3] for row in plan]
    assert steps[0] == "SEARCH record USING INTEGER PRIMARY KEY (rowid=?)"
    assert any("SCAN record_search VIRTUAL TABLE" in step for step in steps)
    assert not any(step.startswith("SCAN record ") or step == "SCAN record" for step in steps)


@on_postgresql
@pytest.mark.case("service", 21)
def test_postgresql_can_use_its_index(store: Store, review: ReviewInfo) -> None:
    store_content(store, review.id, content(RECORDS))
    build_search_index(store)
    build_search_index(store)
    with store.read() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_indexscan = off"))
        plan = session.scalars(
            text("EXPLAIN SELECT id FROM record WHERE search_text LIKE '%visit%'")
        ).all()
    assert any("ix_record_search_text" in step for step in plan)


@on_postgresql
def test_a_database_without_the_extension_is_searched_and_says_why(
    store: Store, review: ReviewInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_content(store, review.id, content(RECORDS))
    user = "no_extensions"
    with store.engine.begin() as connection:
        connection.execute(text("DROP EXTENSION IF EXISTS pg_trgm CASCADE"))
        connection.execute(text(f"DROP ROLE IF EXISTS {user}"))
        connection.execute(text(f"CREATE ROLE {user} LOGIN"))
        connection.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {user}"))
    limited = Store(store.engine.url.set(username=user).render_as_string(hide_password=False))
    try:
        build_search_index(limited)
        assert found(limited, review, "visit") == {1, 4, 5}
        with limited.read() as session:
            state = record_search.get_index_state(session)
        assert state.missing == "the database's user may not create the extension pg_trgm"
    finally:
        limited.close()
        with store.engine.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {user}"))
            connection.execute(text(f"DROP ROLE {user}"))


@pytest.mark.parametrize("typed", ["\u200b", "\u0301", "\ufeff", "\0", " \u200b\u0301 "])
def test_what_cannot_be_seen_finds_nothing(store: Store, review: ReviewInfo, typed: str) -> None:
    store_content(store, review.id, content(RECORDS))
    with store.read() as session:
        filters = RecordFilter(text=fold_words(typed))
        assert list_records(session, review.id, filters, offset=0, limit=50) == (0, [])
        assert find_matching_reports(session, review.id, filters) == []
        conflicts = ConflictFilter(text=fold_words(typed))
        assert find_conflicts(session, review.id, conflicts) == (0, [])


def test_blanks_narrow_nothing() -> None:
    assert {fold_words(typed) for typed in ("", "  ", "\t\n", "\u00a0\u3000")} == {""}


def test_a_word_counts_once_and_too_many_are_refused(store: Store, review: ReviewInfo) -> None:
    store_content(store, review.id, content(RECORDS))
    many = [f"word{number}" for number in range(MOST_WORDS)]
    with store.read() as session:
        for words in ("\ufdfa" * 499, "visit " * 3000, " ".join(many)):
            find_matching_reports(session, review.id, RecordFilter(text=fold_words(words)))
        again = RecordFilter(text=fold_words("visit " * 3000))
        assert len(find_matching_reports(session, review.id, again)) == len(HITS["visit"])
        many.append("another")
        with pytest.raises(ValueError, match="50 different words at most, and this one has 51"):
            find_matching_reports(session, review.id, RecordFilter(text=" ".join(many)))


def test_a_long_word_without_blanks_can_be_looked_for(store: Store, review: ReviewInfo) -> None:
    store_content(store, review.id, content(RECORDS))
    build_search_index(store)
    # Each sign is five or six letters once folded, and no two threes of letters are the same.
    signs = "".join(chr(code) for code in range(0x4E00, 0x4E00 + 400))
    with store.read() as session:
        for words in (signs, "\u3316\u3315\u334d" * 166, "\\" * 500, "%" * 500):
            filters = RecordFilter(text=fold_words(words))
            assert find_matching_reports(session, review.id, filters) == []
