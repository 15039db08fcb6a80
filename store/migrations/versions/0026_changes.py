"""Counts of changes, by which a process knows what it must read again to deal cards.

Revision: 0026
Follows: 0025
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    for table, column in (
        ('review', 'rule_changes'),
        ('review', 'state_changes'),
        ('report_state', 'change'),
    ):
        op.add_column(table, sa.Column(column, _NUMBER, nullable=False, server_default='0'))
    op.create_index(
        'ix_report_state_change', 'report_state', ['review_id', 'stage', 'change']
    )
