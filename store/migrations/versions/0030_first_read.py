"""The first decision on a report by reading is stored with its state.

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


def upgrade() -> None:
    op.create_index('ix_bulk_decision_decision', 'bulk_decision', ['decision_id'])
    # Raw, since Alembic would copy the table on SQLite.
    number = 'BIGINT' if op.get_bind().dialect.name == 'postgresql' else 'INTEGER'
    op.execute(
        f'ALTER TABLE report_state ADD COLUMN first_read_id {number} '
        'CONSTRAINT fk_report_state_first_read_id_decision REFERENCES decision (id)'
    )
    op.execute(
        'UPDATE report_state SET first_read_id = (SELECT min(decision.id) FROM record '
        'JOIN decision ON decision.record_id = record.id AND decision.stage = report_state.stage '
        "WHERE record.report_id = report_state.report_id AND decision.decision <> 'undo' "
        "AND decision.kind IN ('own', 'look', 'consensus', 'adjudication') "
        'AND NOT EXISTS (SELECT 1 FROM bulk_decision WHERE bulk_decision.decision_id = decision.id) '
        'AND NOT EXISTS (SELECT 1 FROM decision later '
        "WHERE later.supersedes = decision.id AND later.decision = 'undo') "
        'AND NOT EXISTS (SELECT 1 FROM outdated JOIN rescreen ON rescreen.id = outdated.rescreen_id '
        'WHERE outdated.decision_id = decision.id AND rescreen.withdrawn_at IS NULL)) '
        'WHERE first_decision_id IS NOT NULL'
    )
    read = sa.text('first_read_id IS NOT NULL')
    op.create_index(
        'ix_report_state_read',
        'report_state',
        ['review_id', 'stage', 'active', 'state', 'first_read_id', 'outcome', 'intake_id'],
        sqlite_where=read,
        postgresql_where=read,
    )
