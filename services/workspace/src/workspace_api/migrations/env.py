"""How Alembic reaches the database: one at a time, in one transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, pool, text

from workspace_api.migrations import legacy

_LOCK = 0x776F726B  # "work": whoever migrates holds this advisory lock


def _run() -> None:
    url = context.config.attributes["url"]
    engine = create_engine(
        url,
        poolclass=pool.NullPool,
        connect_args={"connect_timeout": 10, "application_name": "workspace-migrate"},
    )
    with engine.connect() as connection, connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        legacy.set_aside(connection)
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS workspace"))
        context.configure(
            connection=connection,
            version_table="schema_version",
            version_table_schema="workspace",
        )
        context.run_migrations()
    engine.dispose()


_run()
