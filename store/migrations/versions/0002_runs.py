"""Strategies in versions, runs of harvests, and the fate *filtered*.

Revision: 0002
Follows: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

_FATES = "fate IN ('new', 'changed', 'same', 'filtered')"


def upgrade() -> None:
    op.create_table('strategy',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('review_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('body', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('peer_review', sa.Text(), nullable=True),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_strategy_person_id_person')),
    sa.ForeignKeyConstraint(['review_id'], ['review.id'], name=op.f('fk_strategy_review_id_review')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_strategy')),
    sa.UniqueConstraint('review_id', 'version', name=op.f('uq_strategy_review_id_version'))
    )
    op.create_table('strategy_acceptance',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('strategy_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('source', sa.String(length=40), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('leaf', sa.Text(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('carried', sa.Boolean(), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_strategy_acceptance_person_id_person')),
    sa.ForeignKeyConstraint(['strategy_id'], ['strategy.id'], name=op.f('fk_strategy_acceptance_strategy_id_strategy')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_strategy_acceptance'))
    )
    with op.batch_alter_table('strategy_acceptance', schema=None) as batch_op:
        batch_op.create_index('ix_strategy_acceptance_strategy', ['strategy_id'], unique=False)

    op.create_table('run',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('review_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('search_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('held', sa.Boolean(), nullable=False),
    sa.Column('queries', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.Column('losses', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('understood', sa.Text(), nullable=True),
    sa.Column('reported', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('at_most', sa.Boolean(), nullable=False),
    sa.Column('warnings', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.Column('notices', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.Column('cursor', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=True),
    sa.Column('pages', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('received', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('problems', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.Column('gold_filtered', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.Column('stop_reason', sa.Text(), nullable=True),
    sa.Column('released_reason', sa.Text(), nullable=True),
    sa.Column('owner', sa.String(length=40), nullable=True),
    sa.Column('heartbeat_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.CheckConstraint("state IN ('waiting', 'running', 'blocked', 'stopped', 'failed', 'complete', 'incomplete')", name=op.f('ck_run_state')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_run_person_id_person')),
    sa.ForeignKeyConstraint(['review_id'], ['review.id'], name=op.f('fk_run_review_id_review')),
    sa.ForeignKeyConstraint(['search_id'], ['search.id'], name=op.f('fk_run_search_id_search')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_run'))
    )
    with op.batch_alter_table('run', schema=None) as batch_op:
        batch_op.create_index('ix_run_review', ['review_id', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_run_search_id'), ['search_id'], unique=False)

    op.create_table('line_hits',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('strategy_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('source', sa.String(length=40), nullable=False),
    sa.Column('line', sa.String(length=100), nullable=False),
    sa.Column('hits', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('at_most', sa.Boolean(), nullable=False),
    sa.Column('problem', sa.Text(), nullable=True),
    sa.Column('detail', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.Column('run_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['run_id'], ['run.id'], name=op.f('fk_line_hits_run_id_run')),
    sa.ForeignKeyConstraint(['strategy_id'], ['strategy.id'], name=op.f('fk_line_hits_strategy_id_strategy')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_line_hits'))
    )
    with op.batch_alter_table('line_hits', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_line_hits_run_id'), ['run_id'], unique=False)
        batch_op.create_index('ix_line_hits_strategy', ['strategy_id', 'source'], unique=False)

    op.create_table('gold_lookup',
    sa.Column('gold_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('source', sa.String(length=40), nullable=False),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('rejected_by', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.Column('strategy_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['gold_id'], ['gold_record.id'], name=op.f('fk_gold_lookup_gold_id_gold_record')),
    sa.ForeignKeyConstraint(['strategy_id'], ['strategy.id'], name=op.f('fk_gold_lookup_strategy_id_strategy')),
    sa.PrimaryKeyConstraint('gold_id', 'source', name=op.f('pk_gold_lookup'))
    )
    # SQLite adds a column that refers to another table only as plain SQL.
    whole = 'BIGINT' if op.get_bind().dialect.name == 'postgresql' else 'INTEGER'
    moment = 'TIMESTAMP WITH TIME ZONE' if whole == 'BIGINT' else 'DATETIME'
    for table, column in (
        ('batch', f'run_id {whole} CONSTRAINT fk_batch_run_id_run REFERENCES run (id)'),
        ('batch', 'number INTEGER'),
        ('batch', 'problem TEXT'),
        ('batch', 'held BOOLEAN NOT NULL DEFAULT FALSE'),
        ('gold_record', f'opened_at {moment}'),
        ('gold_record', 'development_from INTEGER'),
        ('search', f'strategy_id {whole} CONSTRAINT fk_search_strategy_id_strategy REFERENCES strategy (id)'),
        ('search', 'line VARCHAR(100)'),
        ('search', 'route VARCHAR(20)'),
        ('search', 'limits_reason TEXT'),
        ('search', 'filters TEXT'),
        ('search', 'prior_work TEXT'),
        ('search', 'update_method TEXT'),
        ('search', 'peer_review TEXT'),
        ('search', 'source_name VARCHAR(40)'),
    ):
        op.execute(f'ALTER TABLE {table} ADD COLUMN {column}')
    op.create_index('ix_batch_run_number', 'batch', ['run_id', 'number'], unique=True)
    with op.batch_alter_table('batch_entry', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_batch_entry_fate'), type_='check')
        batch_op.create_check_constraint(op.f('ck_batch_entry_fate'), _FATES)
