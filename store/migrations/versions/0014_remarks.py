"""Discussion of the criteria.

Revision: 0014
Follows: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def _refers(column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f'{other}.id'], name=op.f(f'fk_criteria_note_{column}_{other}'))


def upgrade() -> None:
    op.create_table('criteria_note',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('person_id', _ID, nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('protocol_version', sa.Integer(), nullable=False),
    sa.Column('record_id', _ID, nullable=True),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    _refers('review_id', 'review'),
    _refers('person_id', 'person'),
    _refers('record_id', 'record'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_criteria_note'))
    )
    op.create_index(op.f('ix_criteria_note_review_id'), 'criteria_note', ['review_id'])
