"""For which questions a record is included.

Revision: 0013
Follows: 0012
"""

from __future__ import annotations

from alembic import op
revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Raw, since Alembic would copy the table on SQLite, to whose rows others refer.
    kind = 'JSONB' if op.get_bind().dialect.name == 'postgresql' else 'JSON'
    op.execute(f"ALTER TABLE decision ADD COLUMN questions {kind} DEFAULT '[]' NOT NULL")
