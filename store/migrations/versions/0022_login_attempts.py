"""Attempts to sign in, and browsers that have signed in.

Revision: 0022
Follows: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table('login_attempt',
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('attempts', _ID, nullable=False),
    sa.Column('blocked_until', _MOMENT, nullable=False),
    sa.Column('updated_at', _MOMENT, nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_login_attempt'))
    )
    op.create_table('known_browser',
    sa.Column('secret_hash', sa.String(length=64), nullable=False),
    sa.Column('person_id', _ID, nullable=False),
    sa.Column('expires_at', _MOMENT, nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_known_browser_person_id_person')),
    sa.PrimaryKeyConstraint('secret_hash', name=op.f('pk_known_browser'))
    )
