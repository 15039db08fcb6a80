"""People and decisions that imported files name.

Revision: 0018
Follows: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_MOMENT = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql')


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f'{other}.id'], name=op.f(f'fk_{table}_{column}_{other}'))


def upgrade() -> None:
    op.create_table('imported_person',
    sa.Column('person_id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('tool', sa.String(length=40), nullable=True),
    sa.Column('mapped_to', _ID, nullable=True),
    sa.Column('created_at', _MOMENT, nullable=False),
    _refers('imported_person', 'person_id', 'person'),
    _refers('imported_person', 'review_id', 'review'),
    _refers('imported_person', 'mapped_to', 'person'),
    sa.UniqueConstraint('review_id', 'name', name=op.f('uq_imported_person_review_id_name')),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_imported_person'))
    )
    op.create_table('imported_decision',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('batch_id', _ID, nullable=False),
    sa.Column('record_id', _ID, nullable=False),
    sa.Column('person_id', _ID, nullable=True),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('decision', sa.String(length=10), nullable=False),
    sa.Column('reasons', _JSON, server_default='[]', nullable=False),
    sa.Column('labels', _JSON, server_default='[]', nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('decided_at', _MOMENT, nullable=True),
    sa.Column('recorded_at', _MOMENT, nullable=False),
    sa.CheckConstraint("decision IN ('include', 'exclude', 'maybe')", name=op.f('ck_imported_decision_decision')),
    _refers('imported_decision', 'review_id', 'review'),
    _refers('imported_decision', 'batch_id', 'batch'),
    _refers('imported_decision', 'record_id', 'record'),
    _refers('imported_decision', 'person_id', 'person'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_imported_decision'))
    )
    op.create_index('ix_imported_decision_record', 'imported_decision', ['record_id', 'stage'])
    op.create_index(op.f('ix_imported_decision_review_id'), 'imported_decision', ['review_id'])
