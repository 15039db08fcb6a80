"""Keys for comparing are stored once: SQLite no longer keeps a table beside the index of keys.

Revision: 0032
Follows: 0031
"""

from __future__ import annotations

from alembic import op

revision = '0032'
down_revision = '0031'
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != 'sqlite':
        return
    op.execute(
        'CREATE TABLE pair_key_new ('
        'review_id INTEGER NOT NULL, key BIGINT NOT NULL, record_id INTEGER NOT NULL, '
        'CONSTRAINT pk_pair_key PRIMARY KEY (review_id, key, record_id), '
        'CONSTRAINT fk_pair_key_review_id_review FOREIGN KEY (review_id) REFERENCES review (id), '
        'CONSTRAINT fk_pair_key_record_id_record FOREIGN KEY (record_id) REFERENCES record (id)'
        ') WITHOUT ROWID'
    )
    op.execute(
        'INSERT INTO pair_key_new SELECT review_id, key, record_id FROM pair_key '
        'ORDER BY review_id, key, record_id'
    )
    op.execute('DROP TABLE pair_key')
    op.execute('ALTER TABLE pair_key_new RENAME TO pair_key')
    op.execute('CREATE INDEX ix_pair_key_record_id ON pair_key (record_id)')
