"""Counts of entries by file and page, and of what became of all of them.

Revision: 0028
Follows: 0027
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0028'
down_revision = '0027'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql')
_FATES = ('new', 'changed', 'same', 'filtered')


def upgrade() -> None:
    for kind in (*_FATES, 'rejected'):
        op.add_column('batch', sa.Column(f'n_{kind}', _ID, server_default=sa.text('0'), nullable=False))
    op.create_table('flow_count',
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('changes', _ID, nullable=False),
    sa.Column('body', _JSON, nullable=False),
    sa.ForeignKeyConstraint(['review_id'], ['review.id'], name=op.f('fk_flow_count_review_id_review')),
    sa.PrimaryKeyConstraint('review_id', name=op.f('pk_flow_count'))
    )
    op.create_table('flow_report',
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('report_id', _ID, nullable=False),
    sa.Column('admission_id', _ID, nullable=False),
    sa.Column('held', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['review_id'], ['review.id'], name=op.f('fk_flow_report_review_id_review')),
    sa.PrimaryKeyConstraint('review_id', 'report_id', name=op.f('pk_flow_report'))
    )
    # Years are looked up without reading the records' texts.
    op.create_index(
        'ix_record_review_year', 'record', ['review_id', 'year', 'report_id', 'active', 'intake_id']
    )
    _count()
    add_triggers()


def add_triggers() -> None:
    """Make the triggers; they may also be made again later."""
    if op.get_bind().dialect.name == 'sqlite':
        _add_sqlite_triggers()
    else:
        _add_postgresql_triggers()


def _count() -> None:
    sums = ', '.join(f"sum(CASE WHEN fate = '{fate}' THEN 1 ELSE 0 END) AS n_{fate}" for fate in _FATES)
    values = ', '.join(f'n_{fate} = counted.n_{fate}' for fate in _FATES)
    op.execute(
        f'UPDATE batch SET {values} FROM (SELECT batch_id, {sums} FROM batch_entry GROUP BY batch_id) AS counted '
        'WHERE counted.batch_id = batch.id'
    )
    op.execute(
        'UPDATE batch SET n_rejected = counted.number FROM '
        '(SELECT batch_id, count(*) AS number FROM batch_rejected GROUP BY batch_id) AS counted '
        'WHERE counted.batch_id = batch.id'
    )


# The number of the kind "changes" only grows.
_ADD = (
    'INSERT INTO report_count (review_id, stage, kind, intake_id, slot, number) {rows} '
    'ON CONFLICT (review_id, stage, kind, intake_id, slot) '
    'DO UPDATE SET number = report_count.number + excluded.number'
)


def _add_sqlite_triggers() -> None:
    def note(where: str) -> str:
        rows = f"SELECT review_id, 'all', 'changes', coalesce(intake_id, 0), 0, 1 FROM {where}"
        return f'{_ADD.format(rows=rows)};'

    def entry(row: str, sign: str) -> str:
        values = ', '.join(f"n_{fate} = n_{fate} {sign} ({row}.fate = '{fate}')" for fate in _FATES)
        return f'UPDATE batch SET {values} WHERE id = {row}.batch_id;'

    def rejected(row: str, sign: str) -> str:
        return f'UPDATE batch SET n_rejected = n_rejected {sign} 1 WHERE id = {row}.batch_id;'

    moved = ('withdrawn_at', 'held', 'pooled', 'admission_id', *(f'n_{kind}' for kind in (*_FATES, 'rejected')))
    differs = ' OR '.join(f'OLD.{column} IS NOT NEW.{column}' for column in moved)
    triggers = {
        'entry_added': f"AFTER INSERT ON batch_entry BEGIN {entry('NEW', '+')} END",
        'entry_removed': f"AFTER DELETE ON batch_entry BEGIN {entry('OLD', '-')} END",
        'entry_changed': 'AFTER UPDATE OF fate ON batch_entry WHEN OLD.fate <> NEW.fate '
        f"BEGIN {entry('OLD', '-')} {entry('NEW', '+')} END",
        'rejected_added': f"AFTER INSERT ON batch_rejected BEGIN {rejected('NEW', '+')} END",
        'rejected_removed': f"AFTER DELETE ON batch_rejected BEGIN {rejected('OLD', '-')} END",
        # Every change of an entry changes its batch.
        'batch_changed': f"AFTER UPDATE OF {', '.join(moved)} ON batch WHEN {differs} "
        f"BEGIN {note('batch WHERE id = NEW.id')} END",
        'record_moved': 'AFTER UPDATE OF report_id, notice ON record '
        'WHEN OLD.report_id <> NEW.report_id OR OLD.notice <> NEW.notice '
        f"BEGIN {note('record WHERE id = NEW.id')} END",
    }
    for name, body in triggers.items():
        op.execute(f'CREATE TRIGGER count_{name} {body}')


def _add_postgresql_triggers() -> None:
    def note(source: str) -> str:
        rows = (
            "SELECT review_id, 'all', 'changes', coalesce(intake_id, 0), pg_backend_pid(), count(*) "
            f'FROM ({source}) AS changed GROUP BY review_id, coalesce(intake_id, 0) '
            'ORDER BY review_id, coalesce(intake_id, 0)'
        )
        return f'{_ADD.format(rows=rows)};'

    def entry(source: str) -> str:
        sums = ', '.join(f"sum(CASE WHEN fate = '{fate}' THEN number ELSE 0 END) AS n_{fate}" for fate in _FATES)
        values = ', '.join(f'n_{fate} = batch.n_{fate} + counted.n_{fate}' for fate in _FATES)
        return (
            f'UPDATE batch SET {values} FROM (SELECT batch_id, {sums} FROM ({source}) AS changes '
            'GROUP BY batch_id) AS counted WHERE counted.batch_id = batch.id;'
        )

    def rejected(rows: str, sign: str) -> str:
        return (
            f'UPDATE batch SET n_rejected = batch.n_rejected {sign} counted.number FROM '
            f'(SELECT batch_id, count(*) AS number FROM {rows} GROUP BY batch_id) AS counted '
            'WHERE counted.batch_id = batch.id;'
        )

    plus, minus = 'SELECT batch_id, fate, 1 AS number FROM added', 'SELECT batch_id, fate, -1 FROM removed'
    both = f'{plus} UNION ALL {minus}'
    lost = 'SELECT batch_id, fate, -1 AS number FROM removed'
    moved = ('withdrawn_at', 'held', 'pooled', 'admission_id', *(f'n_{kind}' for kind in (*_FATES, 'rejected')))
    before, after = (', '.join(f'{row}.{column}' for column in moved) for row in ('removed', 'added'))
    joined = 'SELECT added.review_id, added.intake_id FROM removed JOIN added ON added.id = removed.id'
    functions = (
        ('entry_added', 'INSERT ON batch_entry', entry(plus)),
        ('entry_removed', 'DELETE ON batch_entry', entry(lost)),
        ('entry_changed', 'UPDATE ON batch_entry', entry(both)),
        ('rejected_added', 'INSERT ON batch_rejected', rejected('added', '+')),
        ('rejected_removed', 'DELETE ON batch_rejected', rejected('removed', '-')),
        ('batch_changed', 'UPDATE ON batch', note(f'{joined} WHERE ({before}) IS DISTINCT FROM ({after})')),
        (
            'record_moved',
            'UPDATE ON record',
            note(f'{joined} WHERE removed.report_id <> added.report_id OR removed.notice <> added.notice'),
        ),
    )
    for name, event, statement in functions:
        tables = {
            'INSERT': 'NEW TABLE AS added',
            'DELETE': 'OLD TABLE AS removed',
            'UPDATE': 'OLD TABLE AS removed NEW TABLE AS added',
        }[event.split()[0]]
        # Exact text, as SQLAlchemy would read a colon or a per cent sign.
        op.get_bind().exec_driver_sql(
            f'CREATE FUNCTION count_{name}() RETURNS trigger LANGUAGE plpgsql AS '
            f'$$ BEGIN {statement} RETURN NULL; END $$'
        )
        op.get_bind().exec_driver_sql(
            f'CREATE TRIGGER count_{name} AFTER {event} REFERENCING {tables} '
            f'FOR EACH STATEMENT EXECUTE FUNCTION count_{name}()'
        )
