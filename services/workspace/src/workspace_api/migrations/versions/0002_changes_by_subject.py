"""The log of changes can be read by what was changed."""

from __future__ import annotations

from alembic import op

from workspace_api.migrations.scripts import run_script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the index."""
    run_script(__file__)


def downgrade() -> None:
    """Remove it; nothing else needs it."""
    op.execute("DROP INDEX IF EXISTS workspace.idx_changes_subject")
