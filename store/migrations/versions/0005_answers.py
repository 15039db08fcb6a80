"""Columns of a gold list beside its bibliographic ones, and what pages ask the model.

Revision: 0005
Follows: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    kind = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
    op.add_column('gold_record', sa.Column('tags', kind, nullable=False, server_default='{}'))
    op.create_table('model_answer',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('subject', _ID, nullable=False),
    sa.Column('body', kind, nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['review_id'], ['review.id'], name=op.f('fk_model_answer_review_id_review')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_model_answer')),
    sa.UniqueConstraint('review_id', 'kind', 'subject', name=op.f('uq_model_answer_review_id_kind_subject'))
    )
