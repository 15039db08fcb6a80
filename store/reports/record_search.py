"""Words searched in the texts of records: an index of three letters at a time, and what it lacks.

A word is found anywhere in a text, also within another word. On SQLite the index is an FTS5 table
that holds, for each three letters, the records that have them. It says which records may have a
word, and only their texts are read. On PostgreSQL it is an index of pg_trgm, which the database
uses by itself. Both are made afterwards, beside other work: until then, and for newer records on
SQLite, all texts are read. So a search finds the same with a whole index, a part of one and none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Engine,
    bindparam,
    false,
    func,
    literal_column,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.exc import DBAPIError

from store.core.session import ReadSession, WriteSession
from store.core.tables import RecordRow, SearchIndex

# The most different words of one search; SQLite limits how deep a condition may nest.
MOST_WORDS: Final = 50
# Words that no record has, for what was typed and has no letter or sign that can be seen.
NOTHING: Final = " "
# The index knows three letters at a time.
_LETTERS: Final = 3
_OLD_SQLITE: Final = "this SQLite has no index of three letters (FTS5, version 3.34)"
_TABLE: Final = "record_search"
_PG_INDEX: Final = "ix_record_search_text"
# Held while the index is made on PostgreSQL, so that two processes do not make it at once.
_PG_LOCK: Final = 7_264_031
# After the rows that the index has, it follows every change by itself.
_TRIGGERS: Final = {
    "record_search_added": "AFTER INSERT ON record WHEN new.id <= {done} BEGIN {add} END",
    "record_search_changed": (
        "AFTER UPDATE OF search_text ON record "
        "WHEN old.id <= {done} AND old.search_text <> new.search_text BEGIN {drop} {add} END"
    ),
    "record_search_removed": "AFTER DELETE ON record WHEN old.id <= {done} BEGIN {drop} END",
}
_PARTS: Final = {
    "done": "(SELECT done_to FROM search_index)",
    "add": "INSERT INTO record_search(rowid, search_text) VALUES (new.id, new.search_text);",
    "drop": "INSERT INTO record_search(record_search, rowid, search_text) "
    "VALUES ('delete', old.id, old.search_text);",
}


@dataclass(frozen=True, slots=True)
class IndexState:
    """How far the index is.

    Attributes:
        done: records in the index.
        total: records.
        missing: why there is no index at all; None if there is one, or if it is being made.
    """

    done: int
    total: int
    missing: str | None = None


def record_conditions(session: ReadSession, review_id: int, words: str) -> list[Any]:
    """Conditions on a record: it is in a review and its text has all of these words, in any place.

    Args:
        session: a reading session.
        review_id: the review.
        words: folded, as the texts are; none at all finds every record, ``NOTHING`` finds none.

    Raises:
        ValueError: there are more than ``MOST_WORDS`` different words.
    """
    in_review: Any = RecordRow.review_id == review_id
    found = list(dict.fromkeys(words.split()))
    if words and not found:
        return [in_review, false()]
    if len(found) > MOST_WORDS:
        raise ValueError(
            f"A search has {MOST_WORDS} different words at most, and this one has {len(found)}. "
            "Leave some out."
        )
    conditions: list[Any] = [_contains(word) for word in found]
    query = _trigram_query([word for word in found if len(word) >= _LETTERS])
    done_to = _find_indexed_to(session) if query else None
    if done_to:
        indexed: Any = (
            select(literal_column("rowid"))
            .select_from(text(_TABLE))
            .where(text(f"{_TABLE} MATCH :letters").bindparams(bindparam("letters", query)))
        )
        newer = select(RecordRow.id).where(RecordRow.id > done_to)
        conditions.append(RecordRow.id.in_(union_all(indexed, newer)))
        # A sum, which no index has: or SQLite would read all records of the review.
        in_review = RecordRow.review_id + 0 == review_id
    return [in_review, *conditions]


def _contains(word: str) -> Any:
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return RecordRow.search_text.like(f"%{escaped}%", escape="\\")


def _trigram_query(words: Sequence[str]) -> str:
    """The FTS5 query for the records that have every three letters of these words."""
    letters = dict.fromkeys(
        word[start : start + _LETTERS]
        for word in words
        for start in range(len(word) - _LETTERS + 1)
    )
    return " AND ".join('"{}"'.format(each.replace('"', '""')) for each in letters)


def _find_indexed_to(session: ReadSession) -> int | None:
    """Records up to this id are in the index of SQLite; None if there is none, or another."""
    if _dialect(session) != "sqlite":
        return None
    return session.scalar(select(SearchIndex.done_to))


def _dialect(session: ReadSession) -> str:
    return session.get_bind().dialect.name


def _is_prepared(session: ReadSession) -> bool:
    """Whether SQLite has the index's table, and all triggers that keep it."""
    names = [_TABLE, *_TRIGGERS]
    query = text("SELECT count(*) FROM sqlite_master WHERE name IN :names")
    there = session.scalar(query.bindparams(bindparam("names", names, expanding=True)))
    return there == len(names) and _find_indexed_to(session) is not None


def is_up_to_date(session: ReadSession) -> bool:
    """Whether the index of SQLite has every record, or cannot be made."""
    if not _is_prepared(session):
        return not _has_trigrams(session)
    newest = session.scalar(select(func.max(RecordRow.id))) or 0
    return newest <= (_find_indexed_to(session) or 0)


def prepare_index(session: WriteSession) -> bool:
    """Make the index's table on SQLite if it is missing or incomplete; False if SQLite cannot."""
    if not _has_trigrams(session):
        return False
    if _is_prepared(session):
        return True
    session.execute(text("DELETE FROM search_index"))
    for name in _TRIGGERS:
        session.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
    session.execute(text(f"DROP TABLE IF EXISTS {_TABLE}"))
    # Without the places of the letters, the index has a fifth of the size.
    session.execute(
        text(
            f"CREATE VIRTUAL TABLE {_TABLE} USING fts5(search_text, content='record', "
            "content_rowid='id', tokenize='trigram', detail='none')"
        )
    )
    for name, body in _TRIGGERS.items():
        session.execute(text(f"CREATE TRIGGER {name} {body.format(**_PARTS)}"))
    session.add(SearchIndex(id=1, done_to=0))
    session.flush()
    return True


def index_next_records(session: WriteSession, *, limit: int) -> int:
    """Put the next records into the index of SQLite; how many there were."""
    done_to = _find_indexed_to(session) or 0
    ids = session.scalars(
        select(RecordRow.id).where(RecordRow.id > done_to).order_by(RecordRow.id).limit(limit)
    ).all()
    if not ids:
        return 0
    session.execute(
        text(
            "INSERT INTO record_search(rowid, search_text) SELECT id, search_text FROM record "
            "WHERE id > :first AND id <= :last"
        ),
        {"first": done_to, "last": ids[-1]},
    )
    session.execute(update(SearchIndex).values(done_to=ids[-1]))
    return len(ids)


def make_postgresql_index(engine: Engine) -> None:
    """Make the index on PostgreSQL if it is missing. Nobody waits for it, whatever its size."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(select(func.pg_try_advisory_lock(_PG_LOCK))):
            return
        try:
            valid = connection.scalar(_select_pg_index())
            if valid:
                return
            if valid is False:
                # It was interrupted.
                connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {_PG_INDEX}"))
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
            connection.execute(
                text(
                    f"CREATE INDEX CONCURRENTLY {_PG_INDEX} ON record "
                    "USING gin (search_text gin_trgm_ops)"
                )
            )
        except DBAPIError:
            # The user may not create the extension, or it is not installed: see get_index_state.
            return
        finally:
            connection.scalar(select(func.pg_advisory_unlock(_PG_LOCK)))


def _select_pg_index() -> Any:
    return text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)").bindparams(
        name=_PG_INDEX
    )


def get_index_state(session: ReadSession) -> IndexState:
    """How far the index is, for people who run the server."""
    total = session.scalar(select(func.count()).select_from(RecordRow)) or 0
    if _dialect(session) == "sqlite":
        done_to = _find_indexed_to(session)
        indexed = select(func.count()).where(RecordRow.id <= (done_to or 0))
        missing = None if done_to is not None or _has_trigrams(session) else _OLD_SQLITE
        return IndexState(session.scalar(indexed) or 0, total, missing)
    if session.scalar(_select_pg_index()):
        return IndexState(total, total)
    return IndexState(0, total, _explain_missing(session))


def _has_trigrams(session: ReadSession) -> bool:
    """Whether this SQLite knows FTS5 and three letters at a time."""
    built_in = text("SELECT sqlite_compileoption_used('ENABLE_FTS5')")
    return sqlite3.sqlite_version_info >= (3, 34) and bool(session.scalar(built_in))


def _explain_missing(session: ReadSession) -> str | None:
    """Why PostgreSQL has no index; None if it can have one."""
    if session.scalar(text("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")):
        return None
    if not session.scalar(text("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")):
        return "PostgreSQL's extension pg_trgm is not installed"
    if not session.scalar(text("SELECT has_database_privilege(current_database(), 'CREATE')")):
        return "the database's user may not create the extension pg_trgm"
    return None
