"""Counts of reports by review, stage and outcome, kept by triggers.

Revision: 0027
Follows: 0026
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0027'
down_revision = '0026'
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
_KEY = ('review_id', 'stage', 'kind', 'intake_id', 'slot')

# What a report adds, by kind; `{row}` is its row before or after the change.
_KINDS = {
    'records': 'CASE WHEN {row}.active THEN {row}.records ELSE 0 END',
    'no-abstract': 'CASE WHEN {row}.active AND {row}.records > 0 AND {row}.abstracts = 0 THEN 1 ELSE 0 END',
    'out-of-range': 'CASE WHEN {row}.out_of_range AND {row}.records > 0 THEN 1 ELSE 0 END',
}
_ADD = (
    'INSERT INTO report_count (review_id, stage, kind, intake_id, slot, number) {rows} '
    'ON CONFLICT (review_id, stage, kind, intake_id, slot) '
    'DO UPDATE SET number = report_count.number + excluded.number'
)


def upgrade() -> None:
    op.create_table('report_count',
    sa.Column('review_id', _ID, nullable=False),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('intake_id', _ID, nullable=False),
    sa.Column('slot', _ID, nullable=False),
    sa.Column('number', _ID, nullable=False),
    sa.ForeignKeyConstraint(['review_id'], ['review.id'], name=op.f('fk_report_count_review_id_review')),
    sa.PrimaryKeyConstraint(*_KEY, name=op.f('pk_report_count'))
    )
    # Adding columns this way writes no row.
    for column in ('records', 'abstracts'):
        op.add_column('report', sa.Column(column, _ID, server_default=sa.text('0'), nullable=False))
    _count()
    add_triggers()


def add_triggers() -> None:
    """Make the triggers; they may also be made again later."""
    if op.get_bind().dialect.name == 'sqlite':
        _add_sqlite_triggers()
    else:
        _add_postgresql_triggers()


def _count() -> None:
    """Count what there is."""
    op.execute(
        'UPDATE report SET records = counted.records, abstracts = counted.abstracts FROM '
        '(SELECT report_id, count(*) AS records, count(abstract) AS abstracts FROM record '
        'WHERE active GROUP BY report_id) AS counted WHERE counted.report_id = report.id'
    )
    op.execute(
        'INSERT INTO report_count (review_id, stage, kind, intake_id, slot, number) '
        'SELECT review_id, stage, outcome, coalesce(intake_id, 0), 0, count(*) FROM report_state '
        'WHERE active GROUP BY review_id, stage, outcome, coalesce(intake_id, 0)'
    )
    for kind, number in _KINDS.items():
        op.execute(
            'INSERT INTO report_count (review_id, stage, kind, intake_id, slot, number) '
            f"SELECT review_id, 'all', '{kind}', coalesce(intake_id, 0), 0, sum({number.format(row='report')}) "
            'FROM report GROUP BY review_id, coalesce(intake_id, 0)'
        )


def _add_sqlite_triggers() -> None:
    def state(row: str, number: str) -> str:
        # `WHERE true` tells SQLite that ON CONFLICT is not the condition of a join.
        rows = (
            f"SELECT {row}.review_id, {row}.stage, {row}.outcome, coalesce({row}.intake_id, 0), 0, {number} "
            f'WHERE {row}.active'
        )
        return f'{_ADD.format(rows=rows)};'

    def report(row: str, sign: str) -> str:
        return ' '.join(
            _ADD.format(
                rows=f"SELECT {row}.review_id, 'all', '{kind}', coalesce({row}.intake_id, 0), 0, "
                f'{sign}({number.format(row=row)}) WHERE {number.format(row=row)} <> 0'
            )
            + ';'
            for kind, number in _KINDS.items()
        )

    def record(row: str, sign: str) -> str:
        return (
            f'UPDATE report SET records = records {sign} 1, abstracts = abstracts {sign} ({row}.abstract IS NOT NULL) '
            f'WHERE id = {row}.report_id AND {row}.active;'
        )

    def changed(*columns: str) -> str:
        return ' OR '.join(f'OLD.{column} IS NOT NEW.{column}' for column in columns)

    in_state, in_report = ('active', 'outcome', 'intake_id'), ('active', 'intake_id', 'out_of_range', 'records', 'abstracts')
    triggers = {
        'report_state_added': f"AFTER INSERT ON report_state BEGIN {state('NEW', '1')} END",
        'report_state_removed': f"AFTER DELETE ON report_state BEGIN {state('OLD', '-1')} END",
        'report_state_changed': f"AFTER UPDATE OF {', '.join(in_state)} ON report_state WHEN {changed(*in_state)} "
        f"BEGIN {state('OLD', '-1')} {state('NEW', '1')} END",
        'report_added': f"AFTER INSERT ON report BEGIN {report('NEW', '')} END",
        'report_removed': f"AFTER DELETE ON report BEGIN {report('OLD', '-')} END",
        'report_changed': f"AFTER UPDATE OF {', '.join(in_report)} ON report WHEN {changed(*in_report)} "
        f"BEGIN {report('OLD', '-')} {report('NEW', '')} END",
        'record_added': f"AFTER INSERT ON record BEGIN {record('NEW', '+')} END",
        'record_removed': f"AFTER DELETE ON record BEGIN {record('OLD', '-')} END",
        'record_changed': "AFTER UPDATE OF report_id, active, abstract ON record "
        f"WHEN {changed('report_id', 'active')} OR (OLD.abstract IS NULL) <> (NEW.abstract IS NULL) "
        f"BEGIN {record('OLD', '-')} {record('NEW', '+')} END",
    }
    for name, body in triggers.items():
        op.execute(f'CREATE TRIGGER count_{name} {body}')


_FUNCTIONS = {
    'report_state': (
        "SELECT review_id, stage, outcome, coalesce(intake_id, 0), {sign}1 FROM {rows} WHERE active"
    ),
    'report': ' UNION ALL '.join(
        f"SELECT review_id, 'all', '{kind}', coalesce(intake_id, 0), {{sign}}({number.format(row='{rows}')}) FROM {{rows}}"
        for kind, number in _KINDS.items()
    ),
}
_EVENTS = {
    'INSERT': ('added', 'REFERENCING NEW TABLE AS added'),
    'DELETE': ('removed', 'REFERENCING OLD TABLE AS removed'),
    'UPDATE': ('changed', 'REFERENCING OLD TABLE AS removed NEW TABLE AS added'),
}


def _add_postgresql_triggers() -> None:
    for table, select in _FUNCTIONS.items():
        plus, minus = select.format(sign='', rows='added'), select.format(sign='-', rows='removed')
        parts = {'INSERT': plus, 'DELETE': minus, 'UPDATE': f'{plus} UNION ALL {minus}'}
        for event, changes in parts.items():
            rows = (
                'SELECT review_id, stage, kind, intake_id, pg_backend_pid(), sum(number) '
                f'FROM ({changes}) AS changes (review_id, stage, kind, intake_id, number) '
                'GROUP BY review_id, stage, kind, intake_id HAVING sum(number) <> 0 '
                'ORDER BY review_id, stage, kind, intake_id'
            )
            _add_function(table, event, f'{_ADD.format(rows=rows)};')
    moves = {
        'INSERT': 'SELECT report_id, 1, abstract FROM added WHERE active',
        'DELETE': 'SELECT report_id, -1, abstract FROM removed WHERE active',
        # Most changes of a record are of other columns.
        'UPDATE': 'SELECT part.report_id, part.number, part.abstract '
        'FROM removed JOIN added ON added.id = removed.id CROSS JOIN LATERAL '
        '(VALUES (removed.report_id, -1, removed.abstract, removed.active), '
        '(added.report_id, 1, added.abstract, added.active)) AS part (report_id, number, abstract, active) '
        'WHERE part.active AND (removed.report_id, removed.active, removed.abstract IS NULL) '
        'IS DISTINCT FROM (added.report_id, added.active, added.abstract IS NULL)',
    }
    for event, rows in moves.items():
        _add_function(
            'record',
            event,
            'UPDATE report SET records = report.records + counted.records, '
            'abstracts = report.abstracts + counted.abstracts FROM '
            '(SELECT report_id, sum(number) AS records, '
            'sum(CASE WHEN abstract IS NULL THEN 0 ELSE number END) AS abstracts '
            f'FROM ({rows}) AS changes (report_id, number, abstract) GROUP BY report_id) AS counted '
            'WHERE counted.report_id = report.id;',
        )


def _add_function(table: str, event: str, statement: str) -> None:
    name, referencing = _EVENTS[event]
    # Exact text, as SQLAlchemy would read a colon or a per cent sign.
    op.get_bind().exec_driver_sql(
        f'CREATE FUNCTION count_{table}_{name}() RETURNS trigger LANGUAGE plpgsql AS '
        f'$$ BEGIN {statement} RETURN NULL; END $$'
    )
    op.get_bind().exec_driver_sql(
        f'CREATE TRIGGER count_{table}_{name} AFTER {event} ON {table} {referencing} '
        f'FOR EACH STATEMENT EXECUTE FUNCTION count_{table}_{name}()'
    )
