"""Counting changed rows takes time in proportion to their number, on PostgreSQL.

The functions of 0027 and 0028 joined the rows before a statement with those after it. PostgreSQL
keeps the plan that it made for a statement of a few rows, and compared each with each: a change of
100,000 records took many minutes. Rows are now counted up and down by what they belong to.

Revision: 0031
Follows: 0030
"""

from __future__ import annotations

from alembic import op

revision = '0031'
down_revision = '0030'
branch_labels = None
depends_on = None

_FATES = ('new', 'changed', 'same', 'filtered')
_ADD = (
    'INSERT INTO report_count (review_id, stage, kind, intake_id, slot, number) {rows} '
    'ON CONFLICT (review_id, stage, kind, intake_id, slot) '
    'DO UPDATE SET number = report_count.number + excluded.number'
)


def upgrade() -> None:
    add_triggers()


def add_triggers() -> None:
    """Replace the functions; the triggers of 0027 and 0028 that call them must be there."""
    if op.get_bind().dialect.name == 'sqlite':
        return
    _replace(
        'record_changed',
        'UPDATE report SET records = report.records + counted.records, '
        'abstracts = report.abstracts + counted.abstracts FROM '
        '(SELECT report_id, sum(number) AS records, '
        'sum(CASE WHEN abstract IS NULL THEN 0 ELSE number END) AS abstracts FROM '
        '(SELECT report_id, 1 AS number, abstract FROM added WHERE active '
        'UNION ALL SELECT report_id, -1, abstract FROM removed WHERE active) AS changes '
        'GROUP BY report_id HAVING sum(number) <> 0 '
        'OR sum(CASE WHEN abstract IS NULL THEN 0 ELSE number END) <> 0) AS counted '
        'WHERE counted.report_id = report.id;',
    )
    _replace('record_moved', _note('review_id, intake_id, report_id, notice'))
    columns = ('withdrawn_at', 'held', 'pooled', 'admission_id', *(f'n_{kind}' for kind in (*_FATES, 'rejected')))
    _replace('batch_changed', _note(', '.join(('review_id', 'intake_id', *columns))))


def _note(columns: str) -> str:
    """Count the rows of a statement in which one of these columns has changed."""
    source = f'SELECT id, {columns} FROM added EXCEPT SELECT id, {columns} FROM removed'
    rows = (
        "SELECT review_id, 'all', 'changes', coalesce(intake_id, 0), pg_backend_pid(), count(*) "
        f'FROM ({source}) AS changed GROUP BY review_id, coalesce(intake_id, 0) '
        'ORDER BY review_id, coalesce(intake_id, 0)'
    )
    return f'{_ADD.format(rows=rows)};'


def _replace(name: str, statement: str) -> None:
    # Exact text, as SQLAlchemy would read a colon or a per cent sign.
    op.get_bind().exec_driver_sql(
        f'CREATE OR REPLACE FUNCTION count_{name}() RETURNS trigger LANGUAGE plpgsql AS '
        f'$$ BEGIN {statement} RETURN NULL; END $$'
    )
