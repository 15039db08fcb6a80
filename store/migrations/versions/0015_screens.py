"""People who are in a review without screening.

Revision: 0015
Follows: 0014
"""

from __future__ import annotations

from alembic import op
revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Raw, since Alembic would copy the table on SQLite. Until now everybody whose role allows it
    # screened.
    true = 'true' if op.get_bind().dialect.name == 'postgresql' else '1'
    op.execute(f'ALTER TABLE membership ADD COLUMN screens BOOLEAN DEFAULT {true} NOT NULL')
