"""Names of people that no two may share, whatever their case or form.

Revision: 0019
Follows: 0018
"""

from __future__ import annotations

import unicodedata

import sqlalchemy as sa
from alembic import op
revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Raw, since Alembic would copy the table on SQLite.
    op.execute("ALTER TABLE identity ADD COLUMN name_key VARCHAR(400) DEFAULT '' NOT NULL")
    op.execute('ALTER TABLE identity ADD COLUMN former_name VARCHAR(200)')
    identity = sa.table(
        'identity',
        sa.column('person_id', sa.BigInteger),
        sa.column('name', sa.String),
        sa.column('name_key', sa.String),
        sa.column('former_name', sa.String),
    )
    connection = op.get_bind()
    rows = connection.execute(
        sa.select(identity.c.person_id, identity.c.name).order_by(identity.c.person_id)
    ).all()
    taken: set[str] = set()
    # What others are called already is no way out.
    stored = {_key(name) for _, name in rows}
    for person_id, name in rows:
        unique, former = name, None
        number = 2
        while _key(unique) in taken or (former is not None and _key(unique) in stored):
            # Until now the two could be mistaken for each other at sign-in. The later one gets a
            # number, and keeps password, tokens and decisions.
            suffix = f' ({number})'
            unique, former, number = f'{name[:200 - len(suffix)]}{suffix}', name, number + 1
        taken.add(_key(unique))
        connection.execute(
            sa.update(identity)
            .where(identity.c.person_id == person_id)
            .values(name=unique, name_key=_key(unique), former_name=former)
        )
    op.create_index('ux_identity_name_key', 'identity', ['name_key'], unique=True)


def _key(name: str) -> str:
    """The form of a name in which no two may agree, as it was when this migration was written."""
    key = ' '.join(unicodedata.normalize('NFKC', name).split())
    while (folded := unicodedata.normalize('NFKC', key.casefold())) != key:
        key = folded
    return key[:400]
