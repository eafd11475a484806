"""Revisions of the schema, by the API's own migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspace_ops.database import connected, value
from workspace_ops.errors import OperationError

if TYPE_CHECKING:
    from workspace_ops.settings import Settings

__all__ = ["current", "migrate"]

_TABLE = "workspace.schema_version"


def current(settings: Settings, branch: str | None = None) -> str:
    """Return the revision of a branch's schema, "" where there is none yet."""
    with connected(settings, branch) as connection:
        if value(connection, "SELECT to_regclass(%s)", [_TABLE]) is None:
            return ""
        return str(value(connection, f"SELECT version_num FROM {_TABLE}") or "")


def migrate(settings: Settings, branch: str | None, revision: str) -> None:
    """Bring a branch's schema to a revision, in one transaction.

    Raises:
        OperationError: there is no such revision, or it fails.
    """
    # Here, for Alembic takes a while to load.
    from alembic.util import CommandError
    from sqlalchemy.exc import SQLAlchemyError

    from servicekit.database import Target
    from workspace_api.migrations import runner

    found = settings.dsn(branch)
    target = Target(
        host=settings.host,
        port=settings.database_port,
        database=str(found["dbname"]),
        user=settings.role,
        password=settings.password,
    )
    try:
        runner.migrate(target, revision)
    except CommandError as error:
        raise OperationError(
            str(error), hint="head, or a revision of the API's migrations"
        ) from error
    except (SQLAlchemyError, NotImplementedError) as error:
        raise OperationError(f"revision {revision}: {error}") from error
