"""Pairs of records, their keys, and decisions that belong to the record that was shown.

Revision: 0003
Follows: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    op.create_table('pair',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('a_id', _ID, nullable=False),
    sa.Column('b_id', _ID, nullable=False),
    sa.Column('label', sa.String(length=10), nullable=False),
    sa.Column('rule', sa.String(length=40), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('guard', sa.Text(), nullable=True),
    sa.Column('version', sa.String(length=20), nullable=False),
    sa.Column('person_id', _ID, nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('superseded_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('superseded_by', _ID, nullable=True),
    sa.CheckConstraint("label IN ('same', 'related', 'ask', 'different')", name=op.f('ck_pair_label')),
    sa.CheckConstraint("a_id < b_id", name=op.f('ck_pair_order')),
    sa.ForeignKeyConstraint(['review_id'], ['review.id'], name=op.f('fk_pair_review_id_review')),
    sa.ForeignKeyConstraint(['a_id'], ['record.id'], name=op.f('fk_pair_a_id_record')),
    sa.ForeignKeyConstraint(['b_id'], ['record.id'], name=op.f('fk_pair_b_id_record')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_pair_person_id_person')),
    sa.ForeignKeyConstraint(['superseded_by'], ['person.id'], name=op.f('fk_pair_superseded_by_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pair'))
    )
    op.create_index('ix_pair_a_id', 'pair', ['a_id'])
    op.create_index('ix_pair_b_id', 'pair', ['b_id'])
    op.create_index('ix_pair_review_label', 'pair', ['review_id', 'label'])
    op.create_table('pair_key',
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('key', sa.BigInteger(), nullable=False),
    sa.Column('record_id', _ID, nullable=False),
    sa.ForeignKeyConstraint(['review_id'], ['review.id'], name=op.f('fk_pair_key_review_id_review')),
    sa.ForeignKeyConstraint(['record_id'], ['record.id'], name=op.f('fk_pair_key_record_id_record')),
    sa.PrimaryKeyConstraint('review_id', 'key', 'record_id', name=op.f('pk_pair_key'))
    )
    op.create_index('ix_pair_key_record_id', 'pair_key', ['record_id'])
    op.create_table('study',
    sa.Column('id', _ID, nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('name', sa.String(length=300), nullable=False),
    sa.Column('person_id', _ID, nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['review_id'], ['review.id'], name=op.f('fk_study_review_id_review')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_study_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_study')),
    sa.UniqueConstraint('review_id', 'name', name=op.f('uq_study_review_id_name'))
    )
    op.create_table('study_member',
    sa.Column('id', _ID, nullable=False),
    sa.Column('study_id', _ID, nullable=False),
    sa.Column('record_id', _ID, nullable=False),
    sa.Column('person_id', _ID, nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('removed_by', _ID, nullable=True),
    sa.ForeignKeyConstraint(['study_id'], ['study.id'], name=op.f('fk_study_member_study_id_study')),
    sa.ForeignKeyConstraint(['record_id'], ['record.id'], name=op.f('fk_study_member_record_id_record')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_study_member_person_id_person')),
    sa.ForeignKeyConstraint(['removed_by'], ['person.id'], name=op.f('fk_study_member_removed_by_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_study_member'))
    )
    op.create_index('ix_study_member_study_id', 'study_member', ['study_id'])
    op.create_index('ix_study_member_record_id', 'study_member', ['record_id'])
    # SQLite adds a column that refers to another table only as plain SQL.
    whole = 'BIGINT' if op.get_bind().dialect.name == 'postgresql' else 'INTEGER'
    for table, column in (
        ('record', f'own_report_id {whole} CONSTRAINT fk_record_own_report_id_report REFERENCES report (id)'),
        ('record', 'paired BOOLEAN NOT NULL DEFAULT FALSE'),
        ('decision', f'record_id {whole} CONSTRAINT fk_decision_record_id_record REFERENCES record (id)'),
        ('decision', 'text_hash VARCHAR(64)'),
        ('decision', 'with_abstract BOOLEAN'),
    ):
        op.execute(f'ALTER TABLE {table} ADD COLUMN {column}')
    # Until now every report was one record.
    op.execute('UPDATE record SET own_report_id = report_id')
    op.execute(
        'UPDATE decision SET record_id = '
        '(SELECT min(record.id) FROM record WHERE record.report_id = decision.report_id)'
    )
    op.create_index('ix_record_review_paired', 'record', ['review_id', 'paired'])
    op.create_index('ix_record_own_report_id', 'record', ['own_report_id'])
    op.create_index('ix_decision_record', 'decision', ['record_id', 'stage'])
