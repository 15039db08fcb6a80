"""Reports outside the protocol's years. Nothing moves: a lead of each review decides that.

Revision: 0016
Follows: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql')
_review = sa.table('review', sa.column('id', sa.BigInteger()), sa.column('settings', _JSON))


def upgrade() -> None:
    op.add_column('report',
    sa.Column('out_of_range', sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    connection = op.get_bind()
    for number, settings in connection.execute(sa.select(_review.c.id, _review.c.settings)).all():
        connection.execute(
            sa.update(_review)
            .where(_review.c.id == number)
            .values(settings={**(settings or {}), 'limits_in_force': False})
        )
