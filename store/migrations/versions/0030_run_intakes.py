"""The records of a run are made ready in pieces that nobody sees, as those of an import are.

Revision: 0030
Follows: 0029
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0030'
down_revision = '0029'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    if op.get_bind().dialect.name == 'sqlite':
        op.execute(
            'ALTER TABLE run ADD COLUMN intake_id INTEGER '
            'CONSTRAINT fk_run_intake_id_intake REFERENCES intake (id)'
        )
    else:
        op.add_column('run', sa.Column('intake_id', _ID, nullable=True))
        op.create_foreign_key(
            op.f('fk_run_intake_id_intake'), 'run', 'intake', ['intake_id'], ['id']
        )
