"""Marks on records, assignments, cards handed over, bulk actions.

Revision: 0012
Follows: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_MOMENT = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql')


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f'{other}.id'], name=op.f(f'fk_{table}_{column}_{other}'))


def upgrade() -> None:
    op.create_table('bulk',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('action', sa.String(length=10), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('reasons', _JSON, nullable=False),
    sa.Column('picked', _JSON, nullable=False),
    sa.Column('reports', sa.Integer(), nullable=False),
    sa.Column('passed_over', sa.Integer(), nullable=False),
    sa.Column('token', sa.String(length=100), nullable=False),
    sa.Column('person_id', _ID, nullable=False),
    sa.Column('made_at', _MOMENT, nullable=False),
    sa.Column('undone_by', _ID, nullable=True),
    sa.Column('undone_at', _MOMENT, nullable=True),
    sa.CheckConstraint("action IN ('decide', 'tag')", name=op.f('ck_bulk_action')),
    _refers('bulk', 'review_id', 'review'),
    _refers('bulk', 'person_id', 'person'),
    _refers('bulk', 'undone_by', 'person'),
    sa.UniqueConstraint('review_id', 'token', name=op.f('uq_bulk_review_id_token')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bulk'))
    )
    op.create_table('bulk_decision',
    sa.Column('bulk_id', _ID, nullable=False),
    sa.Column('decision_id', _ID, nullable=False),
    _refers('bulk_decision', 'bulk_id', 'bulk'),
    _refers('bulk_decision', 'decision_id', 'decision'),
    sa.PrimaryKeyConstraint('bulk_id', 'decision_id', name=op.f('pk_bulk_decision'))
    )
    op.create_table('mark',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('record_id', _ID, nullable=False),
    sa.Column('person_id', _ID, nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('lead', sa.Boolean(), nullable=False),
    sa.Column('bulk_id', _ID, nullable=True),
    sa.Column('made_at', _MOMENT, nullable=False),
    sa.Column('removed_at', _MOMENT, nullable=True),
    sa.CheckConstraint("kind IN ('tag', 'note', 'star')", name=op.f('ck_mark_kind')),
    _refers('mark', 'review_id', 'review'),
    _refers('mark', 'record_id', 'record'),
    _refers('mark', 'person_id', 'person'),
    _refers('mark', 'bulk_id', 'bulk'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mark'))
    )
    op.create_index(op.f('ix_mark_record_id'), 'mark', ['record_id'])
    op.create_index('ix_mark_review_kind', 'mark', ['review_id', 'kind'])
    op.create_table('assignment',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('tag', sa.Text(), nullable=True),
    sa.Column('made_by', _ID, nullable=False),
    sa.Column('made_at', _MOMENT, nullable=False),
    sa.Column('ended_at', _MOMENT, nullable=True),
    sa.CheckConstraint("kind IN ('share', 'tag', 'records')", name=op.f('ck_assignment_kind')),
    _refers('assignment', 'review_id', 'review'),
    _refers('assignment', 'made_by', 'person'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_assignment'))
    )
    op.create_index(op.f('ix_assignment_review_id'), 'assignment', ['review_id'])
    op.create_table('assignment_person',
    sa.Column('assignment_id', _ID, nullable=False),
    sa.Column('person_id', _ID, nullable=False),
    sa.Column('weight', sa.Integer(), nullable=False),
    _refers('assignment_person', 'assignment_id', 'assignment'),
    _refers('assignment_person', 'person_id', 'person'),
    sa.PrimaryKeyConstraint('assignment_id', 'person_id', name=op.f('pk_assignment_person'))
    )
    op.create_table('assignment_report',
    sa.Column('assignment_id', _ID, nullable=False),
    sa.Column('report_id', _ID, nullable=False),
    _refers('assignment_report', 'assignment_id', 'assignment'),
    _refers('assignment_report', 'report_id', 'report'),
    sa.PrimaryKeyConstraint('assignment_id', 'report_id', name=op.f('pk_assignment_report'))
    )
    op.create_index(op.f('ix_assignment_report_report_id'), 'assignment_report', ['report_id'])
    op.create_table('handed_over',
    sa.Column('report_id', _ID, nullable=False),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('person_id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('to_person_id', _ID, nullable=True),
    _refers('handed_over', 'report_id', 'report'),
    _refers('handed_over', 'person_id', 'person'),
    _refers('handed_over', 'review_id', 'review'),
    _refers('handed_over', 'to_person_id', 'person'),
    sa.PrimaryKeyConstraint('report_id', 'stage', 'person_id', name=op.f('pk_handed_over'))
    )
    op.create_index(op.f('ix_handed_over_review_id'), 'handed_over', ['review_id'])
