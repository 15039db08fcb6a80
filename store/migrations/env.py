"""Alembic's entry: runs on the connection that ``store.core.migrate`` hands over."""

from __future__ import annotations

from alembic import context

from store.core.tables import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    # Our SQLite connections say BEGIN themselves, so a failed migration leaves nothing behind.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
