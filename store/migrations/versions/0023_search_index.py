"""How far the index of words is. The index itself is made afterwards, in pieces.

Revision: 0023
Follows: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('search_index',
    sa.Column('id', _ID, nullable=False),
    sa.Column('done_to', _ID, nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_search_index'))
    )
