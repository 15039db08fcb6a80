"""Screening again after the criteria have changed.

Revision: 0011
Follows: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_MOMENT = sa.DateTime(timezone=True)


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f'{other}.id'], name=op.f(f'fk_{table}_{column}_{other}'))


def upgrade() -> None:
    op.create_table('rescreen',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('protocol_version', sa.Integer(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('picked', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False),
    sa.Column('reports', sa.Integer(), nullable=False),
    sa.Column('asked_by', _ID, nullable=False),
    sa.Column('asked_at', _MOMENT, nullable=False),
    sa.Column('withdrawn_by', _ID, nullable=True),
    sa.Column('withdrawn_at', _MOMENT, nullable=True),
    _refers('rescreen', 'review_id', 'review'),
    _refers('rescreen', 'asked_by', 'person'),
    _refers('rescreen', 'withdrawn_by', 'person'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rescreen'))
    )
    op.create_index(op.f('ix_rescreen_review_id'), 'rescreen', ['review_id'])
    op.create_table('outdated',
    sa.Column('decision_id', _ID, nullable=False),
    sa.Column('rescreen_id', _ID, nullable=False),
    _refers('outdated', 'decision_id', 'decision'),
    _refers('outdated', 'rescreen_id', 'rescreen'),
    sa.PrimaryKeyConstraint('decision_id', 'rescreen_id', name=op.f('pk_outdated'))
    )
    op.create_index(op.f('ix_outdated_rescreen_id'), 'outdated', ['rescreen_id'])
