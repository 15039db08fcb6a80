"""Whose job it is, and what happened during a run.

Revision: 0017
Follows: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    listed = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
    op.add_column('job', sa.Column('owner', sa.String(length=40), nullable=True))
    op.add_column('job', sa.Column('heartbeat_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('job', sa.Column('upload_id', _ID, nullable=True))
    op.add_column('run', sa.Column('log', listed, nullable=False, server_default='[]'))
    op.add_column('run', sa.Column('repeated', _ID, nullable=False, server_default='0'))
