"""What a ranking's model says of itself.

Revision: 0004
Follows: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    kind = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
    op.add_column('ranking', sa.Column('detail', kind, nullable=False, server_default='{}'))
