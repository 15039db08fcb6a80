"""Lists of likely misses.

Revision: 0009
Follows: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_MOMENT = sa.DateTime(timezone=True)


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f'{other}.id'], name=op.f(f'fk_{table}_{column}_{other}'))


def upgrade() -> None:
    op.create_table('recheck',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('likely', sa.Integer(), nullable=False),
    sa.Column('random', sa.Integer(), nullable=False),
    sa.Column('seed', sa.Integer(), nullable=False),
    sa.Column('asked_by', _ID, nullable=False),
    sa.Column('asked_at', _MOMENT, nullable=False),
    sa.Column('made_at', _MOMENT, nullable=True),
    _refers('recheck', 'review_id', 'review'),
    _refers('recheck', 'asked_by', 'person'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recheck'))
    )
    op.create_index(op.f('ix_recheck_review_id'), 'recheck', ['review_id'])
    op.create_table('recheck_item',
    sa.Column('recheck_id', _ID, nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.Column('report_id', _ID, nullable=False),
    sa.Column('likely', sa.Boolean(), nullable=False),
    sa.Column('decision_id', _ID, nullable=True),
    _refers('recheck_item', 'recheck_id', 'recheck'),
    _refers('recheck_item', 'report_id', 'report'),
    _refers('recheck_item', 'decision_id', 'decision'),
    sa.PrimaryKeyConstraint('recheck_id', 'place', name=op.f('pk_recheck_item'))
    )
    op.create_index(op.f('ix_recheck_item_report_id'), 'recheck_item', ['report_id'])
