"""Data of the schemas that were there before the first revision.

Two are known: one with numbers as ids, and one made for TimescaleDB, with UUIDs, the
primary key (id, created_at) and categories that have an id of their own. Whatever is
found keeps its place under the name `workspace_legacy`; its rows are copied.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from alembic import op
from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["SCHEMA", "copy_legacy", "set_aside"]

SCHEMA: Final = "workspace_legacy"

_IS_LEGACY: Final = """
SELECT to_regclass('workspace.workspace_items') IS NOT NULL
    AND to_regclass('workspace.schema_version') IS NULL
    OR EXISTS (SELECT FROM information_schema.columns
        WHERE table_schema = 'workspace' AND table_name = 'workspace_items'
        AND column_name = 'id' AND data_type = 'uuid')
"""


def set_aside(connection: Connection) -> None:
    """Rename the schema `workspace` where it is not one of ours."""
    if connection.execute(text(_IS_LEGACY)).scalar():
        connection.execute(text(f"ALTER SCHEMA workspace RENAME TO {SCHEMA}"))


def copy_legacy() -> None:
    """Copy the rows of a schema that was set aside."""
    found = text("SELECT to_regclass(:name) IS NOT NULL")
    bind = op.get_bind()
    if not bind.execute(found, {"name": f"{SCHEMA}.workspace_items"}).scalar():
        return
    script = Path(__file__).with_name("legacy.sql").read_text("utf-8")
    cursor = bind.connection.cursor()
    cursor.execute(script)
    cursor.close()
