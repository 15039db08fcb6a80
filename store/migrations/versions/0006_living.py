"""Nights, the pool, completed versions, and events on records.

Revision: 0006
Follows: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_JSON = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
_MOMENT = sa.DateTime(timezone=True)


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f'{other}.id'], name=op.f(f'fk_{table}_{column}_{other}'))


def upgrade() -> None:
    op.create_table('night',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('due_at', _MOMENT, nullable=False),
    sa.Column('missed', sa.Integer(), nullable=False),
    sa.Column('problems', _JSON, nullable=False),
    sa.Column('begun_at', _MOMENT, nullable=True),
    sa.Column('started_at', _MOMENT, nullable=False),
    sa.Column('ended_at', _MOMENT, nullable=True),
    sa.Column('told_at', _MOMENT, nullable=True),
    sa.Column('untold', _JSON, nullable=False),
    _refers('night', 'review_id', 'review'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_night')),
    sa.UniqueConstraint('review_id', 'due_at', name=op.f('uq_night_review_id_due_at'))
    )
    op.create_table('completion',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('protocol_version', sa.Integer(), nullable=False),
    sa.Column('counts', _JSON, nullable=False),
    sa.Column('included', _JSON, nullable=False),
    sa.Column('studies', sa.Integer(), nullable=False),
    sa.Column('unread_reason', sa.Text(), nullable=True),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('person_id', _ID, nullable=True),
    sa.Column('completed_at', _MOMENT, nullable=False),
    _refers('completion', 'review_id', 'review'),
    _refers('completion', 'person_id', 'person'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_completion')),
    sa.UniqueConstraint('review_id', 'number', name=op.f('uq_completion_review_id_number'))
    )
    op.create_table('admission',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('up_to', sa.String(length=10), nullable=False),
    sa.Column('rule', sa.Text(), nullable=True),
    sa.Column('records', sa.Integer(), nullable=False),
    sa.Column('reports', sa.Integer(), nullable=False),
    sa.Column('read_in_full', sa.Boolean(), nullable=False),
    sa.Column('completion_id', _ID, nullable=True),
    sa.Column('person_id', _ID, nullable=True),
    sa.Column('admitted_at', _MOMENT, nullable=False),
    sa.CheckConstraint("kind IN ('top-up', 'update')", name=op.f('ck_admission_kind')),
    _refers('admission', 'review_id', 'review'),
    _refers('admission', 'completion_id', 'completion'),
    _refers('admission', 'person_id', 'person'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_admission')),
    sa.UniqueConstraint('review_id', 'kind', 'number', name=op.f('uq_admission_review_id_kind_number'))
    )
    op.create_table('event',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('record_id', _ID, nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=False),
    sa.Column('batch_id', _ID, nullable=True),
    sa.Column('run_id', _ID, nullable=True),
    sa.Column('detail', _JSON, nullable=False),
    sa.Column('at', _MOMENT, nullable=False),
    sa.Column('mistaken_at', _MOMENT, nullable=True),
    sa.Column('mistaken_by', _ID, nullable=True),
    sa.Column('evidence', sa.Text(), nullable=True),
    _refers('event', 'review_id', 'review'),
    _refers('event', 'record_id', 'record'),
    _refers('event', 'batch_id', 'batch'),
    _refers('event', 'run_id', 'run'),
    _refers('event', 'mistaken_by', 'person'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_event')),
    sa.UniqueConstraint('record_id', 'kind', 'key', name=op.f('uq_event_record_id_kind_key'))
    )
    op.create_index('ix_event_review_at', 'event', ['review_id', 'at'])
    op.create_index('ix_event_run_id', 'event', ['run_id'])
    op.create_table('event_act',
    sa.Column('id', _ID, nullable=False),
    sa.Column('event_id', _ID, nullable=False),
    sa.Column('act', sa.String(length=20), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('person_id', _ID, nullable=False),
    sa.Column('at', _MOMENT, nullable=False),
    sa.CheckConstraint("act IN ('kept', 'excluded', 'sensitivity')", name=op.f('ck_event_act_act')),
    _refers('event_act', 'event_id', 'event'),
    _refers('event_act', 'person_id', 'person'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_event_act'))
    )
    op.create_index('ix_event_act_event_id', 'event_act', ['event_id'])
    server = op.get_bind().dialect.name == 'postgresql'
    # SQLite adds a column that refers to another table only as plain SQL.
    whole = 'BIGINT' if server else 'INTEGER'
    for table, column in (
        ('review', f'regrouped {whole} NOT NULL DEFAULT 0'),
        ('search', 'assigned VARCHAR(10)'),
        ('search', 'assigned_reason TEXT'),
        ('run', "mode VARCHAR(10) NOT NULL DEFAULT 'whole'"),
        ('run', 'since VARCHAR(10)'),
        ('run', 'until VARCHAR(10)'),
        ('run', f'night_id {whole} CONSTRAINT fk_run_night_id_night REFERENCES night (id)'),
        ('batch', 'searched_on VARCHAR(10)'),
        ('batch', 'pooled BOOLEAN NOT NULL DEFAULT FALSE'),
        ('batch', f'admission_id {whole} CONSTRAINT fk_batch_admission_id_admission REFERENCES admission (id)'),
        ('record', 'notice BOOLEAN NOT NULL DEFAULT FALSE'),
        ('record', f"said {'JSONB' if server else 'JSON'}"),
    ):
        op.execute(f'ALTER TABLE {table} ADD COLUMN {column}')
    op.create_index('ix_run_night_id', 'run', ['night_id'])
    op.create_index('ix_batch_admission_id', 'batch', ['admission_id'])
    # A day is what a search was run on: of a harvest the day it began, of a file at the latest when it came.
    day = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD')" if server else 'date({})'
    began = f"(SELECT {day.format('run.started_at')} FROM run WHERE run.id = batch.run_id)"
    op.execute(f"UPDATE batch SET searched_on = coalesce({began}, {day.format('created_at')})")
