"""Reasons for exclusion.

Revision: 0010
Follows: 0009
"""

from __future__ import annotations

from alembic import op
revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Raw, since Alembic would copy the table on SQLite, to whose rows others refer.
    kind = 'JSONB' if op.get_bind().dialect.name == 'postgresql' else 'JSON'
    op.execute(f"ALTER TABLE decision ADD COLUMN reasons {kind} DEFAULT '[]' NOT NULL")
