"""Roles of a review's people, and invitations.

Until now everyone was everything in every review: everyone becomes owner of each.

Revision: 0007
Follows: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_MOMENT = sa.DateTime(timezone=True)
_ROLES = "role IN ('owner', 'manager', 'adjudicator', 'reviewer', 'viewer')"


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f'{other}.id'], name=op.f(f'fk_{table}_{column}_{other}'))


def upgrade() -> None:
    op.create_table('membership',
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('person_id', _ID, nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('since', _MOMENT, nullable=False),
    sa.CheckConstraint(_ROLES, name=op.f('ck_membership_role')),
    _refers('membership', 'review_id', 'review'),
    _refers('membership', 'person_id', 'person'),
    sa.PrimaryKeyConstraint('review_id', 'person_id', name=op.f('pk_membership'))
    )
    op.create_index(op.f('ix_membership_person_id'), 'membership', ['person_id'])
    op.create_table('invitation',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('secret_hash', sa.String(length=64), nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('invited_by', _ID, nullable=False),
    sa.Column('created_at', _MOMENT, nullable=False),
    sa.Column('expires_at', _MOMENT, nullable=False),
    sa.Column('used_at', _MOMENT, nullable=True),
    sa.Column('used_by', _ID, nullable=True),
    sa.Column('withdrawn_at', _MOMENT, nullable=True),
    sa.CheckConstraint(_ROLES, name=op.f('ck_invitation_role')),
    _refers('invitation', 'review_id', 'review'),
    _refers('invitation', 'invited_by', 'person'),
    _refers('invitation', 'used_by', 'person'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invitation')),
    sa.UniqueConstraint('secret_hash', name=op.f('uq_invitation_secret_hash'))
    )
    op.create_index(op.f('ix_invitation_review_id'), 'invitation', ['review_id'])
    op.execute(
        "INSERT INTO membership (review_id, person_id, role, since) "
        "SELECT review.id, person.id, 'owner', CURRENT_TIMESTAMP FROM review CROSS JOIN person "
        "WHERE EXISTS (SELECT 1 FROM identity WHERE identity.person_id = person.id)"
    )
