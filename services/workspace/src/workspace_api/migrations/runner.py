"""Brings a database's schema to the newest revision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from servicekit.database import Target

__all__ = ["HEAD", "migrate"]

_DIRECTORY: Final = Path(__file__).parent

_ROUTES: Final = frozenset(("options",))
"""Settings of a connection that say where it leads."""

HEAD: Final = max(path.stem[:4] for path in _DIRECTORY.glob("versions/[0-9]*.py"))
"""The newest revision. Known without Alembic, which the service does not load."""


def migrate(target: Target, revision: str = "head") -> None:
    """Bring the schema of a database to a revision."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import URL

    config = Config()
    config.set_main_option("script_location", str(_DIRECTORY).replace("%", "%%"))
    config.attributes["url"] = URL.create(
        "postgresql+psycopg2",
        username=target.user,
        password=target.password,
        host=target.host,
        port=target.port,
        database=target.database,
        query={name: target.settings[name] for name in _ROUTES & set(target.settings)},
    )
    command.upgrade(config, revision)
