"""Figures that take long to work out are stored, with what they were worked out from.

Revision: 0029
Follows: 0028
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0029'
down_revision = '0028'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table(
        'computed_result',
        sa.Column('id', _ID, nullable=False),
        sa.Column('review_id', _ID, nullable=False),
        sa.Column('kind', sa.String(length=40), nullable=False),
        sa.Column('basis', sa.String(length=200), nullable=False),
        sa.Column('decisions', _ID, nullable=False),
        sa.Column('computed_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('seconds', sa.Double(), nullable=False),
        sa.Column('body', sa.Text(), nullable=True),
        sa.Column('problem', sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ['review_id'], ['review.id'], name=op.f('fk_computed_result_review_id_review')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_computed_result')),
    )
    op.create_index(
        'ix_computed_result_kind', 'computed_result', ['review_id', 'kind', 'id']
    )
