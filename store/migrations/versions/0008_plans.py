"""Where reports stand, what settled a conflict, cards that several people hold, pilot rounds.

Revision: 0008
Follows: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_MOMENT = sa.DateTime(timezone=True)


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f'{other}.id'], name=op.f(f'fk_{table}_{column}_{other}'))


def upgrade() -> None:
    # Raw, since Alembic would copy both tables on SQLite, to whose rows others refer.
    number = 'BIGINT' if op.get_bind().dialect.name == 'postgresql' else 'INTEGER'
    states = "CONSTRAINT ck_report_state CHECK (state IN ('open', 'awaiting', 'conflict', 'settled'))"
    kinds = "CONSTRAINT ck_decision_kind CHECK (kind IN ('own', 'consensus', 'adjudication', 'import', 'act', 'look'))"
    for table, column in (
        ('report', f"state VARCHAR(10) DEFAULT 'open' NOT NULL {states}"),
        ('decision', f"kind VARCHAR(15) DEFAULT 'own' NOT NULL {kinds}"),
        ('decision', f'joint_with {number} CONSTRAINT fk_decision_joint_with_person REFERENCES person (id)'),
    ):
        op.execute(f'ALTER TABLE {table} ADD COLUMN {column}')
    op.create_index(op.f('ix_report_state'), 'report', ['review_id', 'state'])
    # Until now one decision settled a report.
    op.execute("UPDATE report SET state = 'settled' WHERE decision_id IS NOT NULL")
    # Leases run out within the hour: a page asks for its cards again.
    op.drop_table('lease')
    op.create_table('lease',
    sa.Column('report_id', _ID, nullable=False),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('slot', sa.Integer(), nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('person_id', _ID, nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['report_id'], ['report.id'], name=op.f('fk_lease_report_id_report')),
    sa.ForeignKeyConstraint(['review_id'], ['review.id'], name=op.f('fk_lease_review_id_review')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_lease_person_id_person')),
    sa.PrimaryKeyConstraint('report_id', 'stage', 'slot', name=op.f('pk_lease')),
    sa.UniqueConstraint('report_id', 'stage', 'person_id', name=op.f('uq_lease_report_id_stage_person_id'))
    )
    op.create_index(op.f('ix_lease_review_person'), 'lease', ['review_id', 'person_id'])
    op.create_table('pilot',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('seed', sa.Integer(), nullable=False),
    sa.Column('opened_by', _ID, nullable=False),
    sa.Column('opened_at', _MOMENT, nullable=False),
    sa.Column('closed_by', _ID, nullable=True),
    sa.Column('closed_at', _MOMENT, nullable=True),
    sa.Column('note', sa.Text(), nullable=True),
    _refers('pilot', 'review_id', 'review'),
    _refers('pilot', 'opened_by', 'person'),
    _refers('pilot', 'closed_by', 'person'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pilot')),
    sa.UniqueConstraint('review_id', 'stage', 'number', name=op.f('uq_pilot_review_id_stage_number'))
    )
    op.create_table('pilot_report',
    sa.Column('pilot_id', _ID, nullable=False),
    sa.Column('report_id', _ID, nullable=False),
    _refers('pilot_report', 'pilot_id', 'pilot'),
    _refers('pilot_report', 'report_id', 'report'),
    sa.PrimaryKeyConstraint('pilot_id', 'report_id', name=op.f('pk_pilot_report'))
    )
    op.create_index(op.f('ix_pilot_report_report_id'), 'pilot_report', ['report_id'])
    op.create_table('pilot_person',
    sa.Column('pilot_id', _ID, nullable=False),
    sa.Column('person_id', _ID, nullable=False),
    _refers('pilot_person', 'pilot_id', 'pilot'),
    _refers('pilot_person', 'person_id', 'person'),
    sa.PrimaryKeyConstraint('pilot_id', 'person_id', name=op.f('pk_pilot_person'))
    )
