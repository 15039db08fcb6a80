"""Indexes that nothing reads are dropped: each cost time and space with every record stored.

Revision: 0020
Follows: 0019
"""

from __future__ import annotations

from alembic import op

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ('doi', 'pmid', 'title'):
        op.drop_index(f'ix_record_review_{name}', 'record')
