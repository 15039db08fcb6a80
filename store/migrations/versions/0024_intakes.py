"""Imports under way, and what they hide until they have ended.

Revision: 0024
Follows: 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_MOMENT = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql')


def upgrade() -> None:
    op.create_table('intake',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('person_id', _ID, nullable=True),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('size', _ID, nullable=False),
    sa.Column('request', _JSON, nullable=False),
    sa.Column('batch_id', _ID, nullable=True),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('closed', sa.Boolean(), nullable=False),
    sa.Column('stage', sa.String(length=10), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=True),
    sa.Column('starts', sa.Integer(), nullable=False),
    sa.Column('owner', sa.String(length=40), nullable=True),
    sa.Column('heartbeat_at', _MOMENT, nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('started_at', _MOMENT, nullable=False),
    sa.Column('ended_at', _MOMENT, nullable=True),
    sa.ForeignKeyConstraint(['review_id'], ['review.id'], name=op.f('fk_intake_review_id_review')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_intake_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_intake'))
    )
    op.create_index('ix_intake_closed', 'intake', ['closed'])
    op.create_index('ix_intake_review', 'intake', ['review_id', 'id'])
    sqlite = op.get_bind().dialect.name == 'sqlite'
    for table in ('batch', 'search', 'report', 'report_state', 'record'):
        if sqlite:
            # Adding a column this way writes no row, where a copy of the table would write them all.
            op.execute(
                f'ALTER TABLE {table} ADD COLUMN intake_id INTEGER '
                f'CONSTRAINT fk_{table}_intake_id_intake REFERENCES intake (id)'
            )
        else:
            op.add_column(table, sa.Column('intake_id', _ID, nullable=True))
            op.create_foreign_key(
                op.f(f'fk_{table}_intake_id_intake'), table, 'intake', ['intake_id'], ['id']
            )
    op.drop_index('ix_report_review_active', 'report')
    op.create_index('ix_report_review_active', 'report', ['review_id', 'active', 'intake_id'])
    # The queue and the counts still read these indexes alone.
    for name, last in (('queue', ['state', 'report_id']), ('outcome', ['outcome'])):
        op.drop_index(f'ix_report_state_{name}', 'report_state')
        columns = ['review_id', 'stage', 'active', *last, 'intake_id']
        op.create_index(f'ix_report_state_{name}', 'report_state', columns)
