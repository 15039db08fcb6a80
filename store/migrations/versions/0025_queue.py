"""What the queue looks up: the undo of a decision, and who decided a report first.

Revision: 0025
Follows: 0024
"""

from __future__ import annotations

from alembic import op

revision = '0025'
down_revision = '0024'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_decision_supersedes', 'decision', ['supersedes'])
    # Raw, since Alembic would copy the table on SQLite.
    number = 'BIGINT' if op.get_bind().dialect.name == 'postgresql' else 'INTEGER'
    op.execute(
        f'ALTER TABLE report_state ADD COLUMN first_person_id {number} '
        'CONSTRAINT fk_report_state_first_person_id_person REFERENCES person (id)'
    )
    op.execute(
        'UPDATE report_state SET first_person_id = (SELECT decision.person_id FROM decision '
        'WHERE decision.id = report_state.first_decision_id) WHERE first_decision_id IS NOT NULL'
    )
    op.drop_index('ix_report_state_queue', table_name='report_state')
    op.create_index(
        'ix_report_state_queue',
        'report_state',
        ['review_id', 'stage', 'active', 'state', 'first_person_id', 'report_id', 'intake_id'],
    )
