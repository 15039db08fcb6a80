"""The state of reports by stage, in a table of its own.

Revision: 0021
Follows: 0020
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import sqlalchemy as sa
from alembic import op

from store.rules.agreed_decision import ActiveDecision, find_outcome
from store.rules.plans import FULL_TEXT, Plan, plan_from_body

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f'{table}.id'], name=op.f(f'fk_report_state_{column}_{table}'))


def upgrade() -> None:
    table = op.create_table('report_state',
    sa.Column('report_id', _ID, nullable=False),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('state', sa.String(length=10), server_default='open', nullable=False),
    sa.Column('outcome', sa.String(length=10), server_default='open', nullable=False),
    sa.Column('decision_id', _ID, nullable=True),
    sa.Column('first_decision_id', _ID, nullable=True),
    sa.CheckConstraint("state IN ('open', 'awaiting', 'conflict', 'settled')", name=op.f('ck_report_state_state')),
    _refers('report_id', 'report'),
    _refers('review_id', 'review'),
    _refers('decision_id', 'decision'),
    _refers('first_decision_id', 'decision'),
    sa.PrimaryKeyConstraint('report_id', 'stage', name=op.f('pk_report_state'))
    )
    op.execute(
        'INSERT INTO report_state (report_id, stage, review_id, active, state, outcome, decision_id, first_decision_id) '
        "SELECT report.id, 'title-abstract', report.review_id, report.active, report.state, "
        'COALESCE(decision.decision, report.state), decision.id, opening.id FROM report '
        'LEFT JOIN decision ON decision.id = report.decision_id '
        'LEFT JOIN decision opening ON opening.id = report.first_decision_id'
    )
    _add_full_texts(table)
    op.create_index('ix_report_state_queue', 'report_state', ['review_id', 'stage', 'active', 'state', 'report_id'])
    op.create_index('ix_report_state_outcome', 'report_state', ['review_id', 'stage', 'active', 'outcome'])
    op.drop_index('ix_report_queue', table_name='report')
    op.drop_index('ix_report_state', table_name='report')
    # Raw, since Alembic would copy the table on SQLite, to whose rows others refer.
    for column in ('state', 'decision_id', 'first_decision_id'):
        op.execute(f'ALTER TABLE report DROP COLUMN {column}')
    op.create_index('ix_report_review_active', 'report', ['review_id', 'active'])


def _add_full_texts(table: sa.Table) -> None:
    """Add the states of full texts, which had none: from the decisions on them and their plan."""
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            'SELECT record.report_id, report.review_id, report.active, decision.id, decision.person_id, '
            'decision.decision, decision.kind FROM decision '
            'JOIN record ON record.id = decision.record_id JOIN report ON report.id = record.report_id '
            "WHERE decision.stage = :stage AND decision.decision <> 'undo' "
            'AND NOT EXISTS (SELECT 1 FROM decision later '
            "WHERE later.supersedes = decision.id AND later.decision = 'undo' AND later.record_id = decision.record_id) "
            'AND NOT EXISTS (SELECT 1 FROM outdated JOIN rescreen ON rescreen.id = outdated.rescreen_id '
            'WHERE outdated.decision_id = decision.id AND rescreen.withdrawn_at IS NULL) ORDER BY decision.id'
        ),
        {'stage': FULL_TEXT},
    ).all()
    lines = defaultdict(list)
    for report_id, review_id, active, *line in rows:
        lines[report_id, review_id, bool(active)].append(ActiveDecision(*line))
    protocol = sa.table('protocol', sa.column('review_id'), sa.column('version'), sa.column('body', sa.JSON()))
    plans = {}
    for review_id in {review_id for _, review_id, _ in lines}:
        body = connection.scalar(
            sa.select(protocol.c.body)
            .where(protocol.c.review_id == review_id)
            .order_by(protocol.c.version.desc())
            .limit(1)
        )
        plans[review_id] = plan_from_body(body or {}, FULL_TEXT)
    for (report_id, review_id, active), made in lines.items():
        needed = partial(_count_needed, plans[review_id], report_id)
        outcome = find_outcome(made, needed, maybe_waits=True)
        words = {line.id: line.decision for line in made}
        connection.execute(
            table.insert().values(
                report_id=report_id,
                stage=FULL_TEXT,
                review_id=review_id,
                active=active,
                state=outcome.state,
                outcome=words.get(outcome.decision_id or 0, outcome.state),
                decision_id=outcome.decision_id,
                first_decision_id=outcome.first_id,
            )
        )


def _count_needed(plan: Plan, report_id: int, made: Sequence[ActiveDecision]) -> int:
    return plan.count_needed(report_id, made[0].decision if made else None)
