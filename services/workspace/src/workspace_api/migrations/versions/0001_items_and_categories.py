"""Items, categories, and what is kept of every change to them."""

from __future__ import annotations

from workspace_api.migrations.legacy import copy_legacy
from workspace_api.migrations.scripts import run_script

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make everything, and copy what an older schema holds."""
    run_script(__file__)
    copy_legacy()


def downgrade() -> None:
    """There is nothing before the first revision."""
    raise NotImplementedError("the first revision is not undone; delete the database")
