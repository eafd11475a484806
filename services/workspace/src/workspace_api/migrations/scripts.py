"""A revision's SQL stands in a file beside it, under the same name."""

from __future__ import annotations

from pathlib import Path

from alembic import op

__all__ = ["run_script"]


def run_script(revision: str) -> None:
    """Run the SQL that belongs to a revision; `revision` is the path of its module."""
    text = Path(revision).with_suffix(".sql").read_text("utf-8")
    # Given to the driver as it is: a colon or a percent sign in it means nothing.
    cursor = op.get_bind().connection.cursor()
    cursor.execute(text)
    cursor.close()
